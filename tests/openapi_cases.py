"""Requests that schemathesis makes up from an OpenAPI document, fitting it or almost: seeded, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode

PROBLEM = "application/problem+json"
_SEEDED = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations(url: str) -> Iterator[APIOperation]:
    """Every operation that a service describes."""
    for found in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
        yield found.ok()


def check_operation(operation: APIOperation) -> int:
    """Send made-up requests to one operation: none makes the service fail, and every refusal is a problem document.

    Returns how many were sent.
    """
    sent = 0

    def check(case: Case) -> None:
        nonlocal sent
        answer = case.call()
        sent += 1
        assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
        if answer.status_code >= 400:
            assert [PROBLEM] == answer.headers["content-type"], case.as_curl_command()
            assert answer.status_code == answer.json()["status"]

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        with suppress(Unsatisfiable):  # what takes nothing can be given nothing wrong
            _SEEDED(given(operation.as_strategy(generation_mode=mode))(check))()
    return sent
