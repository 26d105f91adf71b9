"""What `gradfilter devices discover` cannot do, said in words; tests/system finds real agents."""

import pytest

from controller.discovery import discover
from controller.job_file import InputError


# Where it cannot listen, the library leaves a socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("interface", ["203.0.113.77", "eth0"])
def test_network_that_is_not_there_is_named(interface):
    """An address of another machine, and what is no address at all."""
    with pytest.raises(InputError, match=f"cannot listen on {interface}: "):
        discover(0.1, interface)
