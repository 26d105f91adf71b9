"""What the client raises.

ControllerError                     the controller refused, failed or made no sense
└── ControllerUnreachableError      nothing answered (also a ConnectionError)
"""

import json
from typing import Any

_CLIENT_AT_FAULT = range(400, 500)


class ControllerError(Exception):
    """One sentence for a user; fields are the (field, message) pairs of a refused specification."""

    def __init__(self, message: str, *, status: int | None = None, fields: list[tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.fields = fields or []

    @property
    def refused(self) -> bool:
        """Whether the request itself is at fault, so that sending it again is of no use."""
        return self.status in _CLIENT_AT_FAULT


class ControllerUnreachableError(ControllerError, ConnectionError):
    """Nothing answered at the controller's address."""


def refusal(status: int, body: str, base_url: str) -> ControllerError:
    """The error of an answer that is not a success, from its problem document where there is one."""
    problem = _problem(body)
    sentence = problem.get("detail") or problem.get("title")
    if not isinstance(sentence, str):
        return ControllerError(
            f"what answers at {base_url} returned status {status} without a reason; is it a controller?", status=status
        )
    errors = [item for item in problem.get("errors") or [] if isinstance(item, dict)]
    fields = [(str(item.get("field", "")), str(item.get("message", ""))) for item in errors]
    return ControllerError(sentence, status=status, fields=fields)


def _problem(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
