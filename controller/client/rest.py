"""Client: the controller's REST interface, one method per thing a user does."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast
from urllib.parse import quote
from zipfile import ZipFile

from controller.client.connection import DEFAULT_URL, Connection
from controller.client.errors import ControllerError, ControllerUnreachableError
from controller.jobs import FINAL_JOB_STATES, ArtefactView, DeviceView, JobView, NewDevice, RunSummary
from gradfilter.bench.schema import JobSpec

if TYPE_CHECKING:
    import httpx2
    import pandas as pd

ReportFormat = Literal["txt", "md", "html", "csv", "json"]
PictureFormat = Literal["svg", "png"]
TableFormat = Literal["csv", "json"]

_T = TypeVar("_T")
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
        self._connection = Connection(base_url, token=token, ca_file=ca_file, timeout_s=timeout_s)
        self._patience_s = patience_s
        self._sleep = sleep

    @property
    def base_url(self) -> str:
        """The controller's address, without a slash at its end."""
        return self._connection.base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # ------------------------------------------------------------------ jobs

    def submit(self, spec: JobSpec | Mapping[str, Any]) -> JobView:
        """Queue a job; a mapping is sent as it is and judged by the controller."""
        body = _reader(JobSpec).dump_json(spec) if isinstance(spec, JobSpec) else json.dumps(spec).encode()
        return _read(JobView, self._connection.json("POST", "/v1/jobs", content=body))

    def job(self, job_id: str) -> JobView:
        """The job as it is now."""
        return _read(JobView, self._connection.json("GET", f"/v1/jobs/{_part(job_id)}"))

    def jobs(self, **filters: Any) -> list[JobView]:
        """All jobs, newest first; filters as state=, device=, model=, suite=."""
        return [_read(JobView, item) for item in self._connection.pages("/v1/jobs", filters)]

    def cancel(self, job_id: str) -> JobView:
        """Stop the job; runs already measured stay."""
        return _read(JobView, self._connection.json("POST", f"/v1/jobs/{_part(job_id)}/cancel"))

    def runs(self, job_id: str) -> list[RunSummary]:
        """The attempts of a job in the order they were made, without their raw data."""
        return [_read(RunSummary, item) for item in self._connection.pages(f"/v1/jobs/{_part(job_id)}/runs", {})]

    def artefacts(self, job_id: str) -> list[ArtefactView]:
        """What the job's runs left for people, such as profiles."""
        return [
            _read(ArtefactView, item) for item in self._connection.json("GET", f"/v1/jobs/{_part(job_id)}/artefacts")
        ]

    def artefact(self, run_id: str, name: str) -> bytes:
        """One of those files."""
        return self._connection.send("GET", f"/v1/runs/{_part(run_id)}/artefacts/{_part(name)}").content

    def report(self, job_id: str, report_format: ReportFormat = "txt", *, across: bool = False) -> str:
        """The comparison of a job in one of its formats; across: with the same job on the other boards."""
        return self._report(job_id, report_format, across=across).text

    def charts(self, job_id: str, picture_format: PictureFormat = "svg", *, across: bool = False) -> dict[str, bytes]:
        """The charts of the comparison as pictures, by file name; none where nothing was measured."""
        answer = self._report(job_id, f"{picture_format}.zip", across=across)
        with ZipFile(BytesIO(answer.content)) as archive:
            return {PurePosixPath(name).name: archive.read(name) for name in archive.namelist()}

    def _report(self, job_id: str, suffix: str, *, across: bool) -> "httpx2.Response":
        query = {"across": "true"} if across else {}
        return self._connection.send("GET", f"/v1/jobs/{_part(job_id)}/report.{suffix}", params=query)

    def checks(self, job_id: str) -> list[dict[str, Any]]:
        """The points of the job's checklist: name, passed, found."""
        return cast("list[dict[str, Any]]", self._connection.json("GET", f"/v1/jobs/{_part(job_id)}/checks"))

    def agreement(self, job_id: str, other: str) -> list[dict[str, Any]]:
        """Every ratio to the baseline in two jobs, and whether they agree."""
        path = f"/v1/jobs/{_part(job_id)}/agreement"
        return cast("list[dict[str, Any]]", self._connection.json("GET", path, params={"other": other}))

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
        for view in self._connection.events(f"/v1/jobs/{_part(job_id)}/events", "job"):
            yield _read(JobView, view)

    # ------------------------------------------------------------------ results

    def results(self, **filters: Any) -> "pd.DataFrame":
        """One row per finished run, part and metric, in the order in which runs ended.

        Filters: model=, method=, device=, metric=, variant=, job=, since= (an ISO instant).
        """
        import pandas as pd  # noqa: PLC0415 - half a second that the command line need not wait for

        return pd.DataFrame.from_records(self.result_rows(**filters))

    def result_rows(self, **filters: Any) -> list[dict[str, Any]]:
        """The rows of results() as plain dictionaries."""
        return list(self._connection.pages("/v1/results", filters))

    def results_table(self, table_format: TableFormat, **filters: Any) -> str:
        """The same rows as text, written by the controller."""
        return self._connection.send("GET", f"/v1/results.{table_format}", params=filters).text

    def series(self, run_id: str) -> "pd.DataFrame":
        """The raw sensor readings of a run: one row per reading."""
        import pandas as pd  # noqa: PLC0415 - as above

        return pd.read_parquet(
            BytesIO(self._connection.send("GET", f"/v1/runs/{_part(run_id)}/series.parquet").content)
        )

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[DeviceView]:
        """All registered boards."""
        return [_read(DeviceView, item) for item in self._connection.pages("/v1/devices", {})]

    def device(self, name: str) -> DeviceView:
        """One board with what its agent says about it."""
        return _read(DeviceView, self._connection.json("GET", f"/v1/devices/{_part(name)}"))

    def add_device(self, device: NewDevice) -> DeviceView:
        """Register a board by the address of its agent."""
        return _read(
            DeviceView, self._connection.json("POST", "/v1/devices", content=_reader(NewDevice).dump_json(device))
        )

    def change_device(self, name: str, **changes: Any) -> DeviceView:
        """Change what the lab says about a board: url, tags, maintenance."""
        body = json.dumps(changes).encode()
        return _read(DeviceView, self._connection.json("PATCH", f"/v1/devices/{_part(name)}", content=body))

    def mark_device(self, name: str, what: str) -> None:
        """Write down that something about a board was changed, so that its noise floor begins anew."""
        self._connection.send("POST", f"/v1/devices/{_part(name)}/marks", content=json.dumps({"what": what}).encode())

    def remove_device(self, name: str) -> None:
        """Forget a board; its results stay."""
        self._connection.send("DELETE", f"/v1/devices/{_part(name)}")

    def health(self) -> dict[str, Any]:
        """What the controller says about itself."""
        return cast("dict[str, Any]", self._connection.json("GET", "/health"))


def _part(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")


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
