"""Client: the controller's REST interface, one method per thing a user does."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast
from urllib.parse import quote, urlsplit

import httpx2

from controller.client.errors import ControllerError, ControllerUnreachableError, refusal
from controller.jobs import FINAL_JOB_STATES, ArtefactView, DeviceView, JobView, NewDevice, RunSummary
from gradfilter.bench.schema import JobSpec

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_URL = "http://127.0.0.1:8100"
ReportFormat = Literal["txt", "md", "html", "csv", "json"]
TableFormat = Literal["csv", "json"]

_T = TypeVar("_T")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# The stream is never silent for longer than the server's pings, so this long a silence is a dead peer.
_STREAM_SILENCE_S = 60.0
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


class Client:
    """One controller. Every method raises ControllerError with one sentence that is fit for a user.

    Args:
        base_url: where the controller listens, for example 'http://lab-pc:8100'.
        token: what the controller knows its user by, as `gradfilter tokens create` printed it.
        ca_file: the certificates, in PEM, by which to know the controller; the system's own without.
        timeout_s: how long one answer may take.
        patience_s: how long watch() keeps trying to reach a controller that went away.
        sleep: waits between two tries, in seconds.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        ca_file: str | None = None,
        timeout_s: float = 30.0,
        patience_s: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience_s = patience_s
        self._sleep = sleep
        try:
            address = urlsplit(self.base_url)
        except ValueError as error:
            raise _not_an_address(base_url) from error
        if address.scheme not in ("http", "https") or not address.hostname:
            raise _not_an_address(base_url)
        # A proxy of the environment is for the world outside, never for this machine.
        trust_env = address.hostname not in _LOOPBACK
        self._http = httpx2.Client(
            base_url=self.base_url,
            timeout=timeout_s,
            trust_env=trust_env,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            verify=True if ca_file is None else _trusting(ca_file),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ------------------------------------------------------------------ jobs

    def submit(self, spec: JobSpec | Mapping[str, Any]) -> JobView:
        """Queue a job; a mapping is sent as it is and judged by the controller."""
        body = _reader(JobSpec).dump_json(spec) if isinstance(spec, JobSpec) else json.dumps(spec).encode()
        return _read(JobView, self._json("POST", "/v1/jobs", content=body))

    def job(self, job_id: str) -> JobView:
        """The job as it is now."""
        return _read(JobView, self._json("GET", f"/v1/jobs/{_part(job_id)}"))

    def jobs(self, **filters: Any) -> list[JobView]:
        """All jobs, newest first; filters as state=, device=, model=, suite=."""
        return [_read(JobView, item) for item in self._pages("/v1/jobs", filters)]

    def cancel(self, job_id: str) -> JobView:
        """Stop the job; runs already measured stay."""
        return _read(JobView, self._json("POST", f"/v1/jobs/{_part(job_id)}/cancel"))

    def runs(self, job_id: str) -> list[RunSummary]:
        """The attempts of a job in the order they were made, without their raw data."""
        return [_read(RunSummary, item) for item in self._pages(f"/v1/jobs/{_part(job_id)}/runs", {})]

    def artefacts(self, job_id: str) -> list[ArtefactView]:
        """What the job's runs left for people, such as profiles."""
        return [_read(ArtefactView, item) for item in self._json("GET", f"/v1/jobs/{_part(job_id)}/artefacts")]

    def artefact(self, run_id: str, name: str) -> bytes:
        """One of those files."""
        return self._send("GET", f"/v1/runs/{_part(run_id)}/artefacts/{_part(name)}").content

    def report(self, job_id: str, report_format: ReportFormat = "txt") -> str:
        """The comparison of a job in one of its formats."""
        return self._send("GET", f"/v1/jobs/{_part(job_id)}/report.{report_format}").text

    def checks(self, job_id: str) -> list[dict[str, Any]]:
        """The points of the job's checklist: name, passed, found."""
        return cast("list[dict[str, Any]]", self._json("GET", f"/v1/jobs/{_part(job_id)}/checks"))

    def agreement(self, job_id: str, other: str) -> list[dict[str, Any]]:
        """Every ratio to the baseline in two jobs, and whether they agree."""
        path = f"/v1/jobs/{_part(job_id)}/agreement"
        return cast("list[dict[str, Any]]", self._json("GET", path, params={"other": other}))

    def watch(self, job_id: str) -> Iterator[JobView]:
        """The job at every change until its final state, across restarts of the controller.

        A lost connection is taken up again; after patience_s without the controller the error is raised,
        and at once where the controller was never there.
        """
        lost_at: float | None = None
        pause_s = _SHORTEST_PAUSE_S
        seen = False
        while True:
            try:
                for view in self._events(job_id):
                    lost_at, pause_s, seen = None, _SHORTEST_PAUSE_S, True
                    yield view
                    if view.state in FINAL_JOB_STATES:
                        return
            except ControllerUnreachableError:
                if not seen or (lost_at is not None and time.monotonic() - lost_at > self._patience_s):
                    raise
            lost_at = time.monotonic() if lost_at is None else lost_at
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _events(self, job_id: str) -> Iterator[JobView]:
        """One connection to the job's server-sent events."""
        try:
            with self._http.sse(f"/v1/jobs/{_part(job_id)}/events", timeout=_STREAM_SILENCE_S) as events:
                self._check(events.response)
                for event in events:
                    if event.event == "job":
                        yield _read(JobView, event.json())
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    # ------------------------------------------------------------------ results

    def results(self, **filters: Any) -> "pd.DataFrame":
        """One row per finished run, part and metric, oldest first.

        Filters: model=, method=, device=, metric=, variant=, job=, since= (an ISO instant).
        """
        import pandas as pd  # noqa: PLC0415 - half a second that the command line need not wait for

        return pd.DataFrame.from_records(self.result_rows(**filters))

    def result_rows(self, **filters: Any) -> list[dict[str, Any]]:
        """The rows of results() as plain dictionaries."""
        return list(self._pages("/v1/results", filters))

    def results_table(self, table_format: TableFormat, **filters: Any) -> str:
        """The same rows as text, written by the controller."""
        return self._send("GET", f"/v1/results.{table_format}", params=_given(filters)).text

    def series(self, run_id: str) -> "pd.DataFrame":
        """The raw sensor readings of a run: one row per reading."""
        import pandas as pd  # noqa: PLC0415 - as above

        return pd.read_parquet(BytesIO(self._send("GET", f"/v1/runs/{_part(run_id)}/series.parquet").content))

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[DeviceView]:
        """All registered boards."""
        return [_read(DeviceView, item) for item in self._pages("/v1/devices", {})]

    def device(self, name: str) -> DeviceView:
        """One board with what its agent says about it."""
        return _read(DeviceView, self._json("GET", f"/v1/devices/{_part(name)}"))

    def add_device(self, device: NewDevice) -> DeviceView:
        """Register a board by the address of its agent."""
        return _read(DeviceView, self._json("POST", "/v1/devices", content=_reader(NewDevice).dump_json(device)))

    def change_device(self, name: str, **changes: Any) -> DeviceView:
        """Change what the lab says about a board: url, tags, maintenance."""
        body = json.dumps(changes).encode()
        return _read(DeviceView, self._json("PATCH", f"/v1/devices/{_part(name)}", content=body))

    def mark_device(self, name: str, what: str) -> None:
        """Write down that something about a board was changed, so that its noise floor begins anew."""
        self._send("POST", f"/v1/devices/{_part(name)}/marks", content=json.dumps({"what": what}).encode())

    def remove_device(self, name: str) -> None:
        """Forget a board; its results stay."""
        self._send("DELETE", f"/v1/devices/{_part(name)}")

    def health(self) -> dict[str, Any]:
        """What the controller says about itself."""
        return cast("dict[str, Any]", self._json("GET", "/health"))

    # ------------------------------------------------------------------ one call

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        """All items of a list that comes in pages."""
        cursor: str | None = None
        while True:
            page = self._json("GET", path, params={**_given(filters), **_given({"cursor": cursor})})
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def _json(self, method: str, path: str, *, content: bytes | None = None, params: Any = None) -> Any:
        response = self._send(method, path, content=content, params=params)
        try:
            return response.json()
        except ValueError as error:
            raise ControllerError(
                f"what answers at {self.base_url} is not a controller; give the right address with --controller."
            ) from error

    def _send(self, method: str, path: str, *, content: bytes | None = None, params: Any = None) -> httpx2.Response:
        headers = {"content-type": "application/json"} if content is not None else None
        try:
            response = self._http.request(method, path, content=content, params=params, headers=headers)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        self._check(response)
        return response

    def _check(self, response: httpx2.Response) -> None:
        if not response.is_success:
            response.read()
            raise refusal(response.status_code, response.text, self.base_url)

    def _unreachable(self, error: Exception) -> ControllerUnreachableError:
        if _UNTRUSTED in str(error):
            return ControllerUnreachableError(
                f"what answers at {self.base_url} cannot show that it is the controller ({error}); "
                "give the certificates to know it by in GRADFILTER_CA."
            )
        return ControllerUnreachableError(
            f"no controller answers at {self.base_url} ({_reason(error)}); start one with `gradfilter controller`, "
            f"or give its address with --controller or GRADFILTER_CONTROLLER."
        )


def _not_an_address(text: str) -> ControllerError:
    return ControllerError(f"the controller's address must look like {DEFAULT_URL}, got {text!r}.", status=400)


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one too
        raise ControllerError(f"{ca_file} holds no certificates that can be read ({error}).", status=400) from error


def _reason(error: Exception) -> str:
    return "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error) or type(error).__name__


def _part(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")


def _given(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


@cache
def _reader(kind: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - loaded with the first answer

    return TypeAdapter(kind)


def _read(kind: type[_T], value: Any) -> _T:
    """A view from its JSON; an answer in another shape is an error in words."""
    try:
        return cast("_T", _reader(cast("Any", kind)).validate_python(value))
    except ValueError as error:
        raise ControllerError(
            f"the controller's {kind.__name__} has a shape that this client does not know: "
            f"the two are of different versions; update the older one. ({error})"
        ) from error
