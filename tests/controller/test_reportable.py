"""What a job brings along for its report is refused where no report could show it."""

import pytest

from controller.documents import JOB_SPEC
from controller.reportable import unreportable
from controller.suites import load_suite, suite_names
from tests.controller.samples import job_document

FIGURE = {"variant": "filtered", "metric": "backward", "value": 2.0, "measured_on": "a board", "source": "a paper"}
SHAPE = {"batch_size": 1, "in_channels": 4, "out_channels": 4, "height": 8, "width": 8}
LAYERS = {"kind": "conv_layer", "shapes": [SHAPE]}
LABEL = "4→4 3×3 8×8 batch 1"


def refused(**changes):
    """Fields and sentences of what is refused."""
    return [(e.field, e.message) for e in unreportable(JOB_SPEC.validate_python(job_document(**changes)))]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"note": "red\x1b[31m"}, "note"),
        ({"suite": "a\nb"}, "suite"),
        ({"published": [FIGURE, {**FIGURE, "measured_on": "a\rb"}]}, "published.1.measured_on"),
        ({"published": [{**FIGURE, "source": "a\x9bb"}]}, "published.0.source"),
    ],
    ids=["escape", "newline", "return", "second half"],
)
def test_control_characters_are_refused(changes, field):
    """Whatever a terminal would obey is named with its field."""
    ((named, message),) = refused(**changes)
    assert field == named
    assert message.startswith(f"{field} must have no control characters, got '\\")


def test_a_note_may_have_lines_and_markup():
    """Reports escape markup themselves."""
    assert [] == refused(note="one\n\ttwo <b>&amp;</b> \u202e", published=[{**FIGURE, "source": "<i>"}])


@pytest.mark.parametrize(
    ("figure", "workload", "sentence"),
    [
        ({"metric": "backwards"}, None, "published.0.metric must be one of 'step_time', 'forward', 'backward'"),
        ({"part": "conv1"}, None, "published.0.part must be '', got 'conv1'."),
        ({"part": "conv1"}, LAYERS, f"published.0.part must be one of '{LABEL}', '', got 'conv1'."),
        ({"part": LABEL, "metric": "test_loss"}, LAYERS, f"for the part '{LABEL}', got 'test_loss'."),
    ],
)
def test_figures_of_what_is_not_measured_are_refused(figure, workload, sentence):
    """A figure's metric and part are the job's own, and what they can be is said."""
    changes = {} if workload is None else {"workload": workload}
    ((_, message),) = refused(published=[{**FIGURE, **figure}], **changes)
    assert sentence in message


@pytest.mark.parametrize("name", suite_names())
def test_suites_can_be_reported(name):
    """Every job of every suite passes."""
    assert [] == [error for job in load_suite(name).jobs for error in unreportable(job.spec)]
