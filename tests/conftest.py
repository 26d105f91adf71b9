"""What every test may count on."""

import signal

# A suite started in the background inherits an ignored SIGINT and hands it on; the tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
