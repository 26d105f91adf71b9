"""What every test may count on."""

import signal
from contextlib import suppress

# A suite started in the background inherits an ignored SIGINT and hands it on; the tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # not everywhere that the library is tested
    from hypothesis import HealthCheck, settings

    # No test asserts how long something takes, and a busy machine is slow at drawing examples too.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
