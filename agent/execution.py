"""The story of one run, from rest to record."""

import logging
import platform
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from agent import VERSION, board
from agent.active_run import ActiveRun, RunStopped
from agent.data_folder import DataFolder
from agent.described_worker import DescribedWorker
from agent.ending import AGENT_GONE, cannot_start, failure_of, state_of, stopped, talked_nonsense
from agent.errors import WorkerNotStarted, WorkerProtocolError
from agent.events import Environment, Started
from agent.recording import Journal, Recording, replay
from agent.run_folder import RunFolder
from agent.sampler_process import SamplerProcess
from agent.samples import read_samples
from agent.sensors.surroundings import Surroundings
from agent.settings import AgentSettings
from agent.thermal_gate import pass_gate
from agent.thermometer import Thermometer
from agent.warm_load import WarmLoad
from agent.window import in_seconds
from agent.worker_process import WorkerExit, WorkerProcess
from gradfilter.bench.schema import Failure, RunSpec, RunStatus

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bench:
    """What every run on this board shares."""

    settings: AgentSettings
    data: DataFolder
    worker: DescribedWorker


def execute(run: ActiveRun, bench: Bench) -> RunStatus:
    """Carry out one run. Whatever happens, it has a final status, which is to be written down."""
    with closing(Journal(run.folder)) as journal:
        try:
            failure = _carry_out(run, journal, bench)
        except RunStopped:
            failure = stopped(run.stop_reason)
        except Exception as error:  # noqa: BLE001 - the thread's border: the record says what went wrong
            _log.exception("run %s was lost by a defect of the agent", run.spec.run_id)
            failure = Failure("lost", f"the agent failed: {error}", traceback=traceback.format_exc())
        journal.recording.close(time.monotonic())
    return final_status(run.folder, journal.recording, failure)


def _carry_out(run: ActiveRun, journal: Journal, bench: Bench) -> Failure | None:
    """Settle, then work. The sensors are read from before the rest to after the work, so idle power is there too."""
    _await_description(run, bench.worker)
    journal.add(_started(bench.settings))
    if run.spec.purpose != "measure":
        return _work(run, journal, bench)
    with _sampling(run, journal, bench.settings.surroundings()) as sampler, _watching_the_clock(journal):
        _settle(run, journal)
        _wait_at_gate(run, journal)
        failure = _work(run, journal, bench, sampler.follow)
        _rest_after(run, journal)
        return failure


def _await_description(run: ActiveRun, worker: DescribedWorker) -> None:
    """Asking the worker's Python what it offers would disturb the run."""
    while not worker.answered.is_set():
        run.rest(0.1)


@contextmanager
def _sampling(run: ActiveRun, journal: Journal, surroundings: Surroundings) -> Iterator[SamplerProcess]:
    sampler = SamplerProcess(run.folder, surroundings, run.spec.sampling.period_s)
    try:
        yield sampler
    finally:
        sampler.finish()
        if sampler.error:
            journal.add(Environment({"sampler_error": sampler.error}))


@contextmanager
def _watching_the_clock(journal: Journal) -> Iterator[None]:
    """Note by how much the wall clock was set, or stood still, beside the monotonic one."""
    apart_s = time.time() - time.monotonic()
    try:
        yield
    finally:
        step_s = time.time() - time.monotonic() - apart_s
        journal.add(Environment({"clock_step_s": round(step_s, 3)}))


def _settle(run: ActiveRun, journal: Journal) -> None:
    journal.begin_phase("settle")
    run.show("settling", journal.recording)
    run.rest(run.spec.limits.settle_s)


def _wait_at_gate(run: ActiveRun, journal: Journal) -> None:
    """Let the board come to the temperature that the run is to start at."""
    if run.spec.gate is None:
        return
    journal.begin_phase("gate")
    run.show("settling", journal.recording)
    thermometer = Thermometer(run.folder.samples, run.rest)
    passage = pass_gate(run.spec.gate, thermometer.hottest_c, WarmLoad(), run.rest, time.monotonic)
    journal.add(Environment({"gate": asdict(passage)}))


def _rest_after(run: ActiveRun, journal: Journal) -> None:
    """Let the board rest again; who stops a run whose work is done stops its rest only."""
    if run.spec.rest_after_s and run.stop_reason is None:
        journal.begin_phase("settle")
        run.show("settling", journal.recording)
        with suppress(RunStopped):
            run.rest(run.spec.rest_after_s)


def _work(
    run: ActiveRun, journal: Journal, bench: Bench, follow: Callable[[int], None] | None = None
) -> Failure | None:
    """Run the worker and take in what it says; why it has no complete result, None if it has one."""
    settings, recording = bench.settings, journal.recording
    spec = _with_window(run, journal)
    journal.begin_phase("setup")
    run.show("running", recording)
    try:
        with closing(WorkerProcess(spec, run.folder, settings, bench.data.path)) as worker:
            if follow is not None:
                follow(worker.pid)
            for event in worker.events(stop_asked=lambda: run.stop_reason is not None):
                journal.add(event)
                run.show("running", recording)
            ending = worker.exit()
    except WorkerProtocolError as error:
        return talked_nonsense(error, recording)
    except WorkerNotStarted as error:
        return cannot_start(settings.worker_python, error)
    _note_exit_code(journal, ending)
    return failure_of(ending, run.stop_reason, run.spec, recording, partial(_lowest_memory, run.folder, settings.root))


def _with_window(run: ActiveRun, journal: Journal) -> RunSpec:
    """The run as the worker is told, who knows no sensors: with the seconds that the readings asked for take."""
    if run.spec.window is None or run.spec.purpose != "measure":
        return run.spec
    window = in_seconds(run.spec.window, run.spec, read_samples(run.folder.samples).sensors)
    journal.add(Environment({"window_s": window.seconds}))
    return replace(run.spec, window=window)


def _note_exit_code(journal: Journal, ending: WorkerExit) -> None:
    if ending.code != 0:
        journal.add(Environment({"worker_exit_code": ending.code}))


def _started(settings: AgentSettings) -> Started:
    """When and in which state of the board; one pair of instants ties the monotonic clock to the wall's."""
    root = settings.root
    found = {
        "agent_version": VERSION,
        "worker_python": settings.worker_python,
        "board": board.model(root),
        "kernel": platform.release(),
        "firmware": board.firmware(root),
        "swap_areas": board.swap_areas(root),
        "boot_id": board.boot_id(root),
        "governor": ", ".join(board.governors(root)),
        "power_mode": board.power_mode(root),
        "profile": board.profile(root) or "none",
        "started_monotonic_s": time.monotonic(),
    }
    started_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return Started(started_at, {name: value for name, value in found.items() if value != ""})


def _lowest_memory(folder: RunFolder, root: Path) -> float | None:
    """The least that was available while the run went on, or, where nothing was sampled, what is available now."""
    sampled = read_samples(folder.samples).lowest("system_memory", "available")
    return board.available_bytes(root) if sampled is None else sampled


def final_status(folder: RunFolder, recording: Recording, failure: Failure | None) -> RunStatus:
    """Put together what was recorded."""
    recording.failure = failure
    state = state_of(failure)
    record = recording.record(folder.spec(), state, read_samples(folder.samples), folder.log_tail())
    return RunStatus(folder.run_id, state, recording.phase, recording.done, recording.total, record)


def recover(folder: RunFolder) -> RunStatus:
    """The end of a run that was abandoned with the agent: it is lost, and what had reached the disk is its record."""
    recording = replay(folder)
    recording.close(0.0)  # the last phase ends with the last thing known of it
    return final_status(folder, recording, AGENT_GONE)
