"""Tables of jobs, runs, devices and results for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from controller.access.tokens import TokenView
from controller.client.progress import describe
from controller.jobs import DeviceView, JobView, NewDevice, RunSummary
from controller.suites import Suite, SuiteJob
from gradfilter.bench.schema import (
    ConvLayerWorkload,
    ConvolutionCheck,
    DeviceDescription,
    JobSpec,
    MethodDescription,
    SensorReport,
    SystolicWorkload,
    TrainingWorkload,
)

# What each word means to the eye; a state that is missing here is shown plainly.
_STYLES = {
    "finished": "green",
    "online": "green",
    "running": "cyan",
    "leased": "cyan",
    "bad": "red",
    "failed": "red",
    "lost": "red",
    "offline": "red",
    "cancelled": "yellow",
    "void": "yellow",
    "maintenance": "yellow",
}
_RESULT_COLUMNS = ("job_id", "device", "model", "variant", "block", "metric", "part", "value", "unit", "reason")


def job_table(jobs: Iterable[JobView]) -> Table:
    """Jobs, one a row."""
    rows = [
        (
            job.id,
            _state(job.state),
            job.device or _wanted(job),
            _workload(job),
            _count(job),
            describe(job),
            job.created_at,
        )
        for job in jobs
    ]
    return _table(("job", "state", "device", "workload", "runs", "now", "created"), rows)


def run_table(runs: Iterable[RunSummary]) -> Table:
    """Attempts of a job, one a row."""
    rows = [
        (run.id, run.variant or run.purpose, str(run.block), str(run.attempt), _state(run.state), run.failure)
        for run in runs
    ]
    return _table(("run", "variant", "block", "attempt", "state", "reason"), rows)


def device_table(devices: Iterable[DeviceView]) -> Table:
    """Boards, one a row."""
    rows = [
        (
            device.name,
            _state(device.health),
            device.description.model if device.description else "",
            ", ".join(device.tags),
            device.job or "",
            device.url,
            device.health_reason,
        )
        for device in devices
    ]
    return _table(("device", "health", "board", "tags", "job", "agent", "reason"), rows)


def discovery_table(boards: Iterable[tuple[NewDevice, str]]) -> Table:
    """Boards that were found, one address a row, with what they are in the lab or how they come into it."""
    return _table(("board", "agent", "in the lab"), [(board.name, board.url, word) for board, word in boards])


def token_table(tokens: Iterable[TokenView]) -> Table:
    """Tokens, one a row."""
    rows = [(token.id, token.user, token.scope, token.created_at, token.revoked_at or "") for token in tokens]
    return _table(("token", "user", "scope", "created", "revoked"), rows)


def result_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Results, one a row; numbers with four significant digits. --format csv has every column."""
    cells = [tuple(_cell(row.get(column)) for column in _RESULT_COLUMNS) for row in rows]
    return _table([column.replace("_id", "") for column in _RESULT_COLUMNS], cells)


def suite_table(suites: Iterable[Suite]) -> Table:
    """Suites, one a row, with the models and data that the board must have."""
    rows = [(suite.name, str(len(suite.jobs)), ", ".join(_needs(suite)), suite.title) for suite in suites]
    return _table(("suite", "jobs", "needs", "what it is"), rows)


def suite_jobs_table(jobs: Iterable[SuiteJob]) -> Table:
    """The jobs of a suite, one a row."""
    rows = []
    for job in jobs:
        spec = job.spec
        variants = ", ".join(variant.name for variant in spec.variants)
        batch = "published, or scaled to the board" if job.scale_batch else "as given"
        rows.append(
            (job.name, _amount(spec), variants, str(spec.repetitions), str(len(spec.published) or "none"), batch)
        )
    return _table(("job", "workload", "variants", "repetitions", "published figures", "batch"), rows)


def device_page(device: DeviceView) -> Table:
    """One board: what it is, its sensors with their reasons, and what its worker offers."""
    rows: list[tuple[str, str | Text]] = [("device", device.name), ("health", _state(device.health))]
    rows += [("", device.health_reason), ("agent", device.url), ("tags", ", ".join(device.tags))]
    board = device.description
    if board is not None:
        rows += [("board", board.model), ("system", f"{board.os}, {board.kernel}")]
        rows.append(("processor", f"{board.cpu}, {board.cores} cores, {board.memory_bytes / 2**30:.1f} GiB"))
        rows.append(("profile", board.profile))
        rows += [(f"sensor {sensor.name}", _sensor(sensor)) for sensor in board.sensors]
        rows.append(("worker", _worker(board)))
    if board is not None and board.worker is not None:
        rows += [(f"method {method.name}", _options(method)) for method in board.worker.methods]
        rows += [(f"convolutions on {check.compute}", _convolutions(check)) for check in board.worker.convolutions]
        rows += [("models", ", ".join(board.worker.models)), ("datasets", ", ".join(board.worker.datasets))]
    return _table(("", ""), [row for row in rows if row[1]])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, not markup: a name with brackets stays what it is.
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def _state(state: str) -> Text:
    return Text(state, style=_STYLES.get(state, ""))


def _sensor(sensor: SensorReport) -> str:
    return ", ".join(channel.name for channel in sensor.channels) if sensor.present else f"absent: {sensor.reason}"


def _worker(board: DeviceDescription) -> str:
    worker = board.worker
    return f"Python {worker.python_version}, torch {worker.torch_version}" if worker else board.worker_error


def _convolutions(check: ConvolutionCheck) -> str:
    return "forward and backward as in plain loops" if check.correct else f"wrong: {check.error}"


def _options(method: MethodDescription) -> str:
    return ", ".join(f"{option.name}={option.default}" for option in method.options)


def _needs(suite: Suite) -> list[str]:
    """Models and data sets, each once, in the order of the jobs."""
    workloads = [job.spec.workload for job in suite.jobs]
    training = [workload for workload in workloads if isinstance(workload, TrainingWorkload)]
    return list(dict.fromkeys(name for workload in training for name in (workload.dataset, workload.model)))


def _amount(spec: JobSpec) -> str:
    """The workload and how much of it a run measures."""
    workload = spec.workload
    if isinstance(workload, ConvLayerWorkload):
        return f"{len(workload.shapes)} single convolutions, {workload.measured_steps} steps each"
    if isinstance(workload, SystolicWorkload):
        return f"{workload.model}, simulated, {workload.image_size} px, batch {workload.batch_size}"
    steps = f"{workload.epochs} epochs" if workload.epochs is not None else f"{workload.measured_steps} steps"
    size = f"{workload.image_size} px, batch {workload.batch_size}"
    return f"{workload.model} on {workload.dataset}, {size}, {workload.trainable}, {steps}"


def _wanted(job: JobView) -> str:
    return job.spec.device.name or "any of " + ", ".join(job.spec.device.tags)


def _workload(job: JobView) -> str:
    return str(getattr(job.spec.workload, "model", job.spec.workload.kind))


def _count(job: JobView) -> str:
    return f"{job.progress.runs_done} of {job.progress.runs_total}"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
