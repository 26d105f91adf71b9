"""How a run came to its end, in a state and in words a user can act on."""

import signal
from collections.abc import Callable

from agent.active_run import StopReason
from agent.errors import WorkerNotStarted
from agent.recording import Recording
from agent.worker_process import WorkerExit
from gradfilter.bench.schema import Failure, RunSpec

CANCELLED = Failure("cancelled", "the run was cancelled on request.")
AGENT_STOPPED = Failure("lost", "the agent was stopped while the run was going on. Run it again.")
AGENT_GONE = Failure(
    "lost",
    "the agent or its board went down while the run was going on; what had reached the disk by then is kept. "
    "Run it again.",
)


def stopped(reason: StopReason | None) -> Failure:
    """A run that somebody asked to stop. A stopping agent loses the run: only a user cancels one."""
    return CANCELLED if reason == "cancelled" else AGENT_STOPPED


def cannot_start(python: str, error: WorkerNotStarted) -> Failure:
    """The worker's Python is not there, or may not be executed."""
    return Failure(
        "exception",
        f"the worker cannot be started with {python!r}: {error}. "
        "Set GRADFILTER_AGENT_WORKER_PYTHON to a Python that has gradfilter and torch, and restart the agent.",
    )


def talked_nonsense(error: Exception, recording: Recording) -> Failure:
    """The worker broke the protocol, so that nothing else it says can be trusted."""
    return Failure(
        "exception",
        f"the worker sent something that is not an event {_where(recording)}: {error}. "
        "Install the same release of gradfilter for the worker's Python and the agent.",
    )


def failure_of(
    exit_: WorkerExit,
    reason: StopReason | None,
    spec: RunSpec,
    recording: Recording,
    free_bytes: Callable[[], float | None],
) -> Failure | None:
    """Why the run has no complete result; None if it has one. free_bytes is asked only where memory matters."""
    if exit_.cut == "stopped":
        return stopped(reason)
    if recording.failure is not None:
        return recording.failure
    if recording.complete and exit_.code <= 0:  # a crash while the interpreter cleans up after it harms no result
        return None
    if exit_.cut == "time_limit":
        return _too_slow(spec, recording)
    if exit_.code < 0:
        return _killed(-exit_.code, recording, free_bytes())
    return Failure(
        "exception",
        f"the worker exited with code {exit_.code} {_where(recording)} without saying why{_memory(free_bytes())}. "
        "The log tail holds what it printed.",
    )


def state_of(failure: Failure | None) -> str:
    """The run's final state."""
    if failure is None:
        return "finished"
    return failure.kind if failure.kind in ("cancelled", "lost") else "failed"


def _too_slow(spec: RunSpec, recording: Recording) -> Failure:
    return Failure(
        "time_limit",
        f"the run did not end within limits.run_s = {spec.limits.run_s:g} s and was stopped {_where(recording)}. "
        "Raise limits.run_s, or ask for fewer steps.",
    )


def _killed(number: int, recording: Recording, free_bytes: float | None) -> Failure:
    advice = "The log tail holds what it printed."
    if number == signal.SIGKILL:  # nobody here sent it: mostly the kernel, out of memory
        advice = "Lower batch_size or choose a smaller model if memory was short."
    return Failure(
        "killed",
        f"the worker was killed by {_signal_name(number)} {_where(recording)}{_memory(free_bytes)}. {advice}",
    )


def _where(recording: Recording) -> str:
    if recording.steps:
        return f"in phase {recording.phase} after step {recording.steps[-1].index}"
    return f"in phase {recording.phase}" if recording.phase else "before its first phase"


def _memory(free_bytes: float | None) -> str:
    return "" if free_bytes is None else f"; the board was down to {free_bytes / 1e6:.0f} MB of available memory"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
