"""Talking to the agents: the wire types as JSON over HTTP, and every way to fail as one of four errors."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from controller.documents import DEVICE_DESCRIPTION, RUN_SPEC, RUN_STATUS
from controller.errors import AgentBusyError, AgentError, AgentRefusedError, AgentUnreachableError, RunUnknownError
from gradfilter.bench.schema import SCHEMA_VERSION, DeviceDescription, RunSpec, RunStatus

T = TypeVar("T")

_NOT_FOUND, _CONFLICT = 404, 409
_CLIENT_AT_FAULT = range(400, 500)


class AgentClient:
    """One pool of connections for all agents; url is where an agent listens, token the lease's.

    Raises, from every call:
        AgentUnreachableError: no answer within timeout_s, or none that makes sense.
        AgentBusyError: it cannot do this now, or it obeys a newer lease.
        AgentRefusedError: it will not do this.
        RunUnknownError: it knows no such run.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        # Boards are in the lab: a proxy of the environment leads away from them.
        self._http = httpx2.AsyncClient(timeout=timeout_s, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def describe(self, url: str) -> DeviceDescription:
        """The board as its agent sees it."""
        try:
            answer = await self._ask(f"{url}/v1/device")
        except RunUnknownError as error:
            raise AgentUnreachableError(f"what answers at {url} is not an agent ({error})") from error
        description = await _read(DEVICE_DESCRIPTION.validate_json, answer, url)
        if description.schema_version != SCHEMA_VERSION:
            raise AgentUnreachableError(
                f"the agent at {url} speaks schema version {description.schema_version}, this controller "
                f"{SCHEMA_VERSION}; update the older of the two."
            )
        return description

    async def start(self, url: str, spec: RunSpec, token: int) -> RunStatus:
        """Have a run done; saying it again is the same as saying it once."""
        body = await asyncio.to_thread(RUN_SPEC.dump_json, spec)
        answer = await self._call("PUT", _run(url, spec.run_id), token=token, body=body)
        return await _read(_run_status, answer, url)

    async def status(self, url: str, run_id: str, *, wait_s: float, trace_after_s: float = -1.0) -> RunStatus:
        """Where a run is, after waiting up to wait_s for a change; with its record once it has ended.

        Until then with what it has shown after trace_after_s of the board's clock.
        """
        address = f"{_run(url, run_id)}?wait={wait_s:g}&trace_after={trace_after_s!r}"
        answer = await self._ask(address, patience_s=wait_s)
        return await _read(_run_status, answer, url)

    async def cancel(self, url: str, run_id: str, token: int) -> None:
        """Have a run stopped; its status tells when it has."""
        await self._call("POST", f"{_run(url, run_id)}/cancel", token=token)

    async def forget(self, url: str, run_id: str, token: int) -> None:
        """Have an ended run's files removed; a run that is unknown is forgotten already."""
        try:
            await self._call("DELETE", _run(url, run_id), token=token)
        except RunUnknownError:
            return

    async def _ask(self, url: str, *, patience_s: float = 0.0) -> httpx2.Response:
        """A question that an agent cannot refuse: whoever does is none, and may be one later."""
        try:
            return await self._call("GET", url, patience_s=patience_s)
        except (AgentRefusedError, AgentBusyError) as error:
            raise AgentUnreachableError(str(error)) from error

    async def _call(
        self, method: str, url: str, *, token: int | None = None, body: bytes | None = None, patience_s: float = 0.0
    ) -> httpx2.Response:
        headers = {} if token is None else {"X-Lease-Token": str(token)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        timeout = httpx2.Timeout(self._timeout_s, read=self._timeout_s + patience_s)
        try:
            answer = await self._http.request(method, url, headers=headers, content=body, timeout=timeout)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise AgentUnreachableError(f"the agent at {_base(url)} does not answer ({reason})") from error
        if not answer.is_success:
            raise _refusal(url, answer)
        return answer


async def _read(read: Callable[[bytes], T], answer: httpx2.Response, url: str) -> T:
    """An answer as a wire type, read in a thread: a record can be megabytes."""
    try:
        return await asyncio.to_thread(read, answer.content)
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


def _run(url: str, run_id: str) -> str:
    return f"{url}/v1/runs/{quote(run_id, safe='')}"


def _base(url: str) -> str:
    return url.partition("/v1/")[0]


def _refusal(url: str, answer: httpx2.Response) -> AgentError:
    """The error that an agent's problem document stands for; without one, it was not an agent that answered."""
    detail = _detail(answer)
    if detail is None:
        return AgentUnreachableError(f"what answers at {_base(url)} is not an agent (status {answer.status_code})")
    sentence = f"the agent at {_base(url)} answered {answer.status_code}: {detail}"
    if answer.status_code == _NOT_FOUND:
        return RunUnknownError(sentence)
    if answer.status_code == _CONFLICT:
        return AgentBusyError(sentence)
    if answer.status_code in _CLIENT_AT_FAULT:
        return AgentRefusedError(sentence)
    return AgentUnreachableError(sentence)


def _detail(answer: httpx2.Response) -> str | None:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        problem = answer.json()
    except ValueError:
        return None
    errors = problem.get("errors") or []
    named = [f"{error.get('field')}: {error.get('message')}" for error in errors]
    return "; ".join(named) or str(problem.get("detail") or problem.get("title"))
