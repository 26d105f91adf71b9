"""What is said while a run goes on, one JSON line an event: by the worker on its pipe, by the agent in its journal."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agent.errors import WorkerProtocolError
from gradfilter.bench.schema import Failure, Outcome, Step


@dataclass
class Started:
    """The agent has begun with the run: when, on which board, in which state."""

    started_at: str
    environment: dict[str, Any]


@dataclass
class PhaseBegan:
    """A phase began, and the one before it ended; ended_pss_bytes: the worker's memory at that moment."""

    name: str
    at_s: float
    ended_pss_bytes: int | None = None


@dataclass
class Progressed:
    """How much of the run's work is done, for progress bars."""

    done: int
    total: int


@dataclass
class Environment:
    """What the worker found around it: versions, threads and so on."""

    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ended:
    """The worker's last word; without it the run is not complete."""

    at_s: float


Event = Started | PhaseBegan | Progressed | Step | Environment | Outcome | Failure | Ended

_TYPES: dict[str, type[Event]] = {
    "started": Started,
    "phase": PhaseBegan,
    "progress": Progressed,
    "step": Step,
    "environment": Environment,
    "outcome": Outcome,
    "failure": Failure,
    "end": Ended,
}
_ADAPTERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for name, kind in _TYPES.items()}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_SHOWN = 200


def decode(line: bytes) -> Event | None:
    """The event on a line; None for one of a name that this agent does not know, as a newer worker may send.

    Raises:
        WorkerProtocolError: the line is no event.
    """
    try:
        values = json.loads(line, parse_constant=_refuse_constant)
        adapter = _ADAPTERS.get(values.pop("event"))
        return adapter.validate_python(values) if adapter else None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise WorkerProtocolError(f"{_reason(error)} in the line {line[:_SHOWN]!r}") from error


def encode(event: Event) -> bytes:
    """The line that decode() reads back."""
    name = _NAMES[type(event)]
    return json.dumps({"event": name, **_ADAPTERS[name].dump_python(event)}).encode() + b"\n"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
