"""Why a run cannot be done or cannot go on.

GradfilterError
├── DecodingError      (ValueError)        the JSON does not fit the schema
├── RefusedWorkload    (ValueError)        the spec fits the schema, but this worker cannot do it
└── NonFiniteLoss      (ArithmeticError)   training diverged
"""

import re

from gradfilter.errors import GradfilterError

# torch raises RuntimeError for the processor's memory, and before 1.13 for the accelerator's as well.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|cannot allocate memory", re.IGNORECASE
)


class DecodingError(GradfilterError, ValueError):
    """A JSON value does not fit its type. field is the path to it, such as 'variants.0.methods'."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class RefusedWorkload(GradfilterError, ValueError):  # noqa: N818 (the name says what is wrong)
    """A spec that cannot be run here, found before anything is measured. field is the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NonFiniteLoss(GradfilterError, ArithmeticError):  # noqa: N818 (the name says what is wrong)
    """The loss became infinite or NaN; the steps before it stand."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(
            "the loss became %r at step %d. Lower the learning rate, or clip the gradients with clip_norm."
            % (loss, step)
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the processor or the accelerator."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, without its full stop."""
    return (str(error).splitlines() or [""])[0].rstrip(".")


def in_words(error: BaseException) -> str:
    """An exception of someone else's code, for a sentence of ours."""
    return "%s: %s" % (type(error).__name__, first_line(error))
