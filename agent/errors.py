"""What can go wrong in the agent, and the HTTP status each means.

AgentError                                     500
├── UnknownRun (LookupError)                   404
├── UnknownFile (LookupError)                  404
├── BadRunId (ValueError)                      422
├── ForgottenRun (ValueError)                  410
├── Conflict (RuntimeError)                    409
│   ├── OtherRunActive
│   ├── RunStillGoing
│   ├── OtherSpec
│   ├── StaleLease
│   └── AgentStopping
├── DiskTooFull (OSError)                      507
├── WorkerNotStarted (OSError)                  a run's own failure, never an answer
├── WorkerProtocolError (ValueError)           a run's own failure, never an answer
├── DescriptionFailed (RuntimeError)           shown in the device's description, never an answer
├── CalibrationRefused (ValueError)            shown by the command line and the sensor, never an answer
└── SensorFailed (OSError)                     the sampler drops the sensor, never an answer
"""


class AgentError(Exception):
    """Anything the agent refuses or cannot do, in a sentence that says what to do."""

    status = 500
    title = "the agent failed"


class UnknownRun(AgentError, LookupError):  # noqa: N818 - the name says what is wrong
    """A run that this agent was never given, or has been told to forget."""

    status = 404
    title = "no such run"


class UnknownFile(AgentError, LookupError):  # noqa: N818 - as above
    """A file that a run did not leave behind, or that may not be fetched."""

    status = 404
    title = "no such file"


class BadRunId(AgentError, ValueError):  # noqa: N818 - the name says what is wrong
    """A run id that cannot name a folder, or that differs from the one in the body."""

    status = 422
    title = "bad run id"


class ForgottenRun(AgentError, ValueError):  # noqa: N818 - the name says what is wrong
    """A run that was measured or ruled out here before, and then deleted."""

    status = 410
    title = "the run was deleted"


class Conflict(AgentError, RuntimeError):  # noqa: N818 - the name says what is wrong
    """A request that is well formed but does not fit what the agent is doing."""

    status = 409
    title = "conflict"


class OtherRunActive(Conflict):
    """The board is taken: it runs one thing at a time."""

    title = "another run is active"


class RunStillGoing(Conflict):
    """A run cannot be forgotten before it has ended."""

    title = "the run has not ended"


class OtherSpec(Conflict):
    """The run id is known, with a different spec."""

    title = "the run id is taken"


class StaleLease(Conflict):
    """A caller whose lease of this board has passed to somebody else."""

    title = "the lease is over"


class AgentStopping(Conflict):
    """The agent is shutting down and takes nothing new."""

    title = "the agent is stopping"


class DiskTooFull(AgentError, OSError):  # noqa: N818 - the name says what is wrong
    """Too little space is left to keep what a run records."""

    status = 507
    title = "the disk is too full"


class WorkerNotStarted(AgentError, OSError):  # noqa: N818 - the name says what is wrong
    """The worker's Python is not there, or may not be executed."""


class WorkerProtocolError(AgentError, ValueError):
    """The worker sent something that is not an event."""


class DescriptionFailed(AgentError, RuntimeError):  # noqa: N818 - the name says what is wrong
    """The worker's Python could not say what it offers."""


class CalibrationRefused(AgentError, ValueError):  # noqa: N818 - the name says what is wrong
    """A calibration that cannot be trusted, or cannot be found where it should lie."""


class SensorFailed(AgentError, OSError):  # noqa: N818 - the name says what is wrong
    """A sensor gives no reading any more."""
