"""Talking to the agents: the wire types as JSON in orders and answers, and every way to fail as one of five errors."""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from controller.access.board_tokens import BoardTokens
from controller.carrying import Answer, Carrier, NotCarriedError, Order
from controller.connections import Connections
from controller.documents import DEVICE_DESCRIPTION, RUN_FILES, RUN_SPEC, RUN_STATUS
from controller.errors import (
    AgentBusyError,
    AgentError,
    AgentRefusedError,
    AgentUnreachableError,
    RunUnknownError,
)
from gradfilter.bench.schema import SCHEMA_VERSION, DeviceDescription, RunFile, RunSpec, RunStatus

T = TypeVar("T")


_MAILBOX = "mailbox://"  # the addresses of boards that dial out
_LONG = 10_000  # bytes: what takes longer to be read than a thread to be asked
_SUCCESS = range(200, 300)
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 401, 404, 409
_CLIENT_AT_FAULT = range(400, 500)


@dataclass(frozen=True)
class BoardAddress:
    """Where a board's agent listens, and the name that the lab gives the board."""

    device: str
    url: str


class AgentClient:
    """Requests to all agents; every agent is shown the token of its own board.

    Raises, from every call:
        AgentUnreachableError: no answer within timeout_s, or none that makes sense.
        AgentBusyError: it cannot do this now, or it obeys a newer lease.
        AgentRefusedError: it will not do this.
        AnswerTooLargeError: its answer has more than largest_answer bytes.
        RunUnknownError: it knows no such run.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        tokens: BoardTokens,
        mailbox: Carrier,
        largest_answer: int,
        ca_file: Path | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._mailbox = mailbox
        self._connections = Connections(
            tokens=tokens,
            authorities=ssl.create_default_context(cafile=ca_file),
            timeout_s=timeout_s,
            largest_answer=largest_answer,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def describe(self, board: BoardAddress) -> DeviceDescription:
        """The board as its agent sees it."""
        url = board.url
        try:
            answer = await self._ask(board, "/v1/device")
        except RunUnknownError as error:
            raise AgentUnreachableError(f"what answers at {url} is not an agent ({error})") from error
        description = await _read(DEVICE_DESCRIPTION.validate_json, answer, url)
        if description.schema_version != SCHEMA_VERSION:
            raise AgentUnreachableError(
                f"the agent at {url} speaks schema version {description.schema_version}, this controller "
                f"{SCHEMA_VERSION}; update the older of the two."
            )
        return description

    async def start(self, board: BoardAddress, spec: RunSpec, lease: int) -> RunStatus:
        """Have a run done; saying it again is the same as saying it once."""
        answer = await self._call("PUT", board, _run(spec.run_id), lease=lease, body=RUN_SPEC.dump_json(spec))
        return await _read(_run_status, answer, board.url)

    async def status(
        self,
        board: BoardAddress,
        run_id: str,
        *,
        seen: RunStatus | None = None,
        wait_s: float = 0.0,
        rest_s: float = 0.0,
        trace_after_s: float = -1.0,
    ) -> RunStatus:
        """Where a run is; with its record once it has ended, until then with its trace after that instant of the board.

        The answer comes at the run's end, or when it has moved on from what was seen and rest_s is over, or after
        wait_s. An agent of an earlier release knows of no rest.
        """
        asked: dict[str, str | float] = {"wait": wait_s, "rest": rest_s, "trace_after": trace_after_s}
        if seen is not None:
            asked |= {"state": seen.state, "phase": seen.phase, "done": seen.done}
        answer = await self._ask(board, f"{_run(run_id)}?{urlencode(asked)}", patience_s=wait_s)
        return await _read(_run_status, answer, board.url)

    async def files(self, board: BoardAddress, run_id: str) -> list[RunFile]:
        """What an ended run left for people."""
        answer = await self._ask(board, f"{_run(run_id)}/files")
        return await _read(RUN_FILES.validate_json, answer, board.url)

    async def file(self, board: BoardAddress, run_id: str, name: str) -> bytes:
        """One of those files."""
        return (await self._ask(board, f"{_run(run_id)}/files/{quote(name, safe='')}")).body

    async def cancel(self, board: BoardAddress, run_id: str, lease: int) -> None:
        """Have a run stopped; its status tells when it has."""
        await self._call("POST", board, f"{_run(run_id)}/cancel", lease=lease)

    async def forget(self, board: BoardAddress, run_id: str, lease: int) -> None:
        """Have an ended run's files removed; a run that is unknown is forgotten already."""
        try:
            await self._call("DELETE", board, _run(run_id), lease=lease)
        except RunUnknownError:
            return

    async def _ask(self, board: BoardAddress, path: str, *, patience_s: float = 0.0) -> Answer:
        """A question that an agent cannot refuse: whoever does is none, and may be one later."""
        try:
            return await self._call("GET", board, path, patience_s=patience_s)
        except (AgentRefusedError, AgentBusyError) as error:
            raise AgentUnreachableError(str(error)) from error

    async def _call(
        self,
        method: str,
        board: BoardAddress,
        path: str,
        *,
        lease: int | None = None,
        body: bytes | None = None,
        patience_s: float = 0.0,
    ) -> Answer:
        carrier: Carrier = self._mailbox if board.url.startswith(_MAILBOX) else self._connections
        order = Order(board.device, board.url, method, path, self._timeout_s + patience_s, lease, body)
        try:
            answer = await carrier.carry(order)
        except NotCarriedError as error:
            raise AgentUnreachableError(f"the agent at {board.url} does not answer ({error})") from error
        if answer.status not in _SUCCESS:
            raise _refusal(board, answer)
        return answer


async def _read(read: Callable[[bytes], T], answer: Answer, url: str) -> T:
    """An answer as a wire type; a long one is read in a thread, as a record can be megabytes."""
    try:
        return read(answer.body) if len(answer.body) < _LONG else await asyncio.to_thread(read, answer.body)
    except ValueError as error:
        raise AgentUnreachableError(
            f"the agent at {url} gave an answer that cannot be read: {_first(error)}"
        ) from error


def _first(error: ValueError) -> str:
    """What is wrong in one line: pydantic lists every field, each on lines of its own."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}."


def _run_status(text: bytes) -> RunStatus:
    """A status whose record can be stored.

    Raises:
        ValueError: it has another shape, or a series has not as many instants as values.
    """
    status = RUN_STATUS.validate_json(text)
    for series in status.record.series if status.record is not None else []:
        if len(series.times_s) != len(series.values):
            raise ValueError(f"series {series.channel.name!r} has not as many instants as values")
    return status


def _run(run_id: str) -> str:
    return f"/v1/runs/{quote(run_id, safe='')}"


def _refusal(board: BoardAddress, answer: Answer) -> AgentError:
    """The error that an agent's problem document stands for; without one, it was not an agent that answered."""
    detail = _detail(answer)
    if detail is None:
        return AgentUnreachableError(f"what answers at {board.url} is not an agent (status {answer.status})")
    sentence = f"the agent at {board.url} answered {answer.status}: {detail}"
    if answer.status == _UNAUTHORIZED:
        return AgentUnreachableError(f"{sentence} `gradfilter tokens board {board.device}` prints the right one.")
    if answer.status == _NOT_FOUND:
        return RunUnknownError(sentence)
    if answer.status == _CONFLICT:
        return AgentBusyError(sentence)
    if answer.status in _CLIENT_AT_FAULT:
        return AgentRefusedError(sentence)
    return AgentUnreachableError(sentence)


def _detail(answer: Answer) -> str | None:
    """What an agent's problem document says; None where it is no such document."""
    if not answer.media_type.startswith("application/problem+json"):
        return None
    try:
        problem = json.loads(answer.body)
        named = [f"{error['field']}: {error['message']}" for error in problem.get("errors") or []]
        return "; ".join(named) or str(problem.get("detail") or problem["title"])
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
