"""What a test needs and this machine lacks: a named skip, and a failure under CI=true."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip by name, or fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
