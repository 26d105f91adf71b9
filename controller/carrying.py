"""Orders to the boards' agents, and how they are carried: over a connection, or through the mailbox."""

from dataclasses import dataclass
from typing import Protocol

from controller.errors import ServiceError


@dataclass(frozen=True)
class Order:
    """A request to the agent of a board, which listens at url. patience_s: how long its answer may take.

    lease: the fencing token, where the request shows one.
    """

    device: str
    url: str
    method: str
    path: str
    patience_s: float
    lease: int | None = None
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What an agent's application answered."""

    status: int
    media_type: str
    body: bytes


class NotCarriedError(ServiceError):
    """An order that did not arrive, or whose answer did not; str() says what happened on the way."""


class Carrier(Protocol):
    """One way of carrying orders."""

    async def carry(self, order: Order) -> Answer:
        """Bring an order to its board, and the answer back.

        Raises:
            NotCarriedError: there was no answer in time, or none at all.
            AnswerTooLargeError: the answer is longer than this controller takes.
        """
        ...
