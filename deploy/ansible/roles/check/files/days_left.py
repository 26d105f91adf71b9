"""days_left.py PORT AUTHORITY LIMIT: how long the certificates last by which a service on this host is known.

Prints JSON: `certificate` and `authority`, the whole days that each is still good for, and `advice` where one has fewer
than LIMIT, or where the authority knows none; '' otherwise. For any Python from 3.6 on.
"""

import json
import socket
import ssl
import sys
import time
from typing import Any, Dict

HOST = "127.0.0.1"
_DAY_S = 24 * 60 * 60
_WHAT_TO_DO = {
    "certificate": "`gradfilter deploy install` makes a new one",
    "authority": (
        "remove ca.crt from secrets/tls beside the inventory; `gradfilter deploy install` makes a new one for all "
        "hosts, which command lines and browsers then must be shown"
    ),
}


def days_left(port: int, authority: str) -> Dict[str, int]:
    """Of what the service shows, not of what lies in files; an OSError says why the authority does not know it."""
    context = ssl.create_default_context(cafile=authority)
    with context.wrap_socket(socket.create_connection((HOST, port), timeout=5), server_hostname=HOST) as shown:
        own = shown.getpeercert()
    return {"certificate": _days(own), "authority": min(map(_days, context.get_ca_certs()))}


def _days(certificate: Any) -> int:
    return int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // _DAY_S)


def advice(days: Dict[str, int], limit: int) -> str:
    """A sentence for each that ends soon."""
    soon = sorted(name for name in days if days[name] < limit)
    return " ".join(f"The {name} is good for {days[name]} more days: {_WHAT_TO_DO[name]}." for name in soon)


def main(port: str, authority: str, limit: str) -> None:
    """Print what was found."""
    try:
        days = days_left(int(port), authority)
    except OSError as error:  # an SSLError is one too
        print(json.dumps({"advice": f"No certificate that {authority} knows: {error}."}))
        return
    print(json.dumps({**days, "advice": advice(days, int(limit))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
