"""From an exception to the failure that the run's record states."""

import traceback

from gradfilter.bench.errors import (
    DecodingError,
    NonFiniteLoss,
    RefusedWorkload,
    first_line,
    in_words,
    is_out_of_memory,
)
from gradfilter.bench.events import EventWriter


def report_failure(events: EventWriter, error: BaseException) -> None:
    """Write the failure event of an exception."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if isinstance(error, (DecodingError, RefusedWorkload)):
        events.failure("refused", str(error), field=error.field)
    elif isinstance(error, NonFiniteLoss):
        events.failure("non_finite_loss", str(error))
    elif is_out_of_memory(error):
        message = "out of memory: %s. Lower batch_size or image_size, or choose a smaller model." % first_line(error)
        events.failure("out_of_memory", message, traceback=text)
    else:
        events.failure("exception", in_words(error), traceback=text)
