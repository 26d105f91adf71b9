"""What can go wrong in the controller, as one tree; problems.py says which becomes which HTTP status.

ServiceError
├── NotFoundError (LookupError)             there is no such job, run or device
├── ConflictError                           the thing is there, but not in a state that allows this
│   ├── RunClosedError                      a record for an attempt that has ended otherwise
│   └── StaleLeaseError                     another controller holds the board now
├── InvalidRequestError (ValueError)        a request that cannot be met, with its fields
└── AgentError                              talking to a board
    ├── AgentUnreachableError (ConnectionError)   no answer, or none that makes sense
    ├── AgentBusyError                      the board does something else, or obeys another lease
    ├── AgentRefusedError                   the board will never do this
    ├── AnswerTooLargeError                 more than this controller takes
    └── RunUnknownError (LookupError)       the board knows no such run
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field of a request; field is its dotted path, lists counted from 0."""

    field: str
    message: str


class ServiceError(Exception):
    """Something that the user of the controller is told in one sentence."""


class NotFoundError(ServiceError, LookupError):
    """There is no such job, run or device."""


class ConflictError(ServiceError):
    """The thing is there, but not in a state that allows this."""


class RunClosedError(ConflictError):
    """A record arrived for an attempt that has ended without it."""


class StaleLeaseError(ConflictError):
    """The lease was taken over: whoever holds the old token must stop."""


class InvalidRequestError(ServiceError, ValueError):
    """A request that cannot be met; errors says which fields are at fault."""

    def __init__(self, detail: str, errors: list[FieldError]) -> None:
        super().__init__(detail)
        self.errors = errors


class AgentError(ServiceError):
    """Talking to a board went wrong; str() is a sentence with the board's address."""


class AgentUnreachableError(AgentError, ConnectionError):
    """No answer in time, or none that makes sense: asking again later may help."""


class AgentBusyError(AgentError):
    """The board answered that it cannot do this now (409)."""


class AgentRefusedError(AgentError):
    """The board answered that it will not do this (any other 4xx)."""


class AnswerTooLargeError(AgentError):
    """The board answered with more than this controller takes; asking again gives no less."""


class RunUnknownError(AgentError, LookupError):
    """The board knows no run of this name."""
