"""How agents are found on a local network, by mDNS."""

# The kind of service (RFC 6763). Each is named as its host is, and its property `scheme` is http or https.
ANNOUNCED_AS = "_gradfilter._tcp.local."
