"""The form that makes a job, read back into what the API takes."""

import pytest

from controller.dashboard.fields import FormField, read_value
from controller.dashboard.job_form import job_document, job_form, more_variants, with_errors, without_variant
from controller.documents import JOB_SPEC
from controller.errors import FieldError
from tests.controller.fake_controller import device
from tests.controller.samples import description

BOARD = device(description=description())
WORKER = BOARD.description.worker
ONE = {"workload.model": "tiny_cnn", "variants.1.methods.0.name": "gradient_filter"}


def form(**typed):
    return job_form(BOARD, WORKER, {**ONE, **typed})


@pytest.mark.parametrize(
    ("written", "text", "value"),
    [
        ("int", "4", 4),
        ("Optional[float]", "0.5", 0.5),
        ("str", "4", "4"),
        ("Optional[str]", "4", "4"),
        ("Union[str, List[str]]", "last:4", "last:4"),
        ("Optional[List[str]]", "layer3.*, layer4.*", ["layer3.*", "layer4.*"]),
        ("Optional[Dict[str, int]]", '{"layer4.*": 2}', {"layer4.*": 2}),
        ("int", "four", "four"),
    ],
)
def test_text_becomes_a_value_of_its_type(written, text, value):
    """What was typed is read by the field's type; what does not fit it is left for the API to refuse."""
    assert value == read_value(FormField("x", "x", written), text)


def test_an_empty_form_is_a_job_of_defaults():
    """What is left empty takes the schema's own defaults."""
    job = JOB_SPEC.validate_python(job_document(form()))
    assert (8, 30, {}) == (job.repetitions, job.workload.measured_steps, job.variants[1].methods[0].options)
    assert ["baseline", "gradient_filter_1"] == [variant.name for variant in job.variants]


def test_every_part_of_the_job_can_be_typed():
    """Fields of nested parts, options and choices arrive where they belong."""
    job = JOB_SPEC.validate_python(
        job_document(
            form(
                **{
                    "workload.optimizer.learning_rate": "0.5",
                    "limits.settle_s": "0",
                    "quick": "yes",
                    "workload.pretraining": "yes",
                    "variants.1.name": "coarse",
                    "variants.1.methods.0.options.patch_size": "4",
                }
            )
        )
    )
    assert (0.5, 0, True) == (job.workload.optimizer.learning_rate, job.limits.settle_s, job.quick)
    assert ("coarse", {"patch_size": 4}) == (job.variants[1].name, job.variants[1].methods[0].options)
    assert job.workload.pretraining is not None


def test_variants_are_numbered_as_the_job_has_them():
    """After the first of three is removed the others move up with what was typed for them."""
    typed = more_variants(more_variants(ONE, "gradient_filter"), "gradient_filter")
    typed = without_variant({**typed, "variants.3.name": "third"}, "1")
    made = job_form(BOARD, WORKER, typed)
    assert [1, 2] == [variant.number for variant in made.variants]
    assert "third" == made.values["variants.2.name"]


def test_a_method_that_the_board_does_not_offer_is_left_out():
    """A variant made for another board disappears with its method."""
    assert () == job_form(BOARD, WORKER, {"variants.1.methods.0.name": "other"}).variants


def test_a_number_that_no_form_has_is_passed_over():
    """A field that somebody made up, with more digits than Python reads, is no variant."""
    typed = {**ONE, f"variants.{'1' * 5000}.methods.0.name": "gradient_filter"}
    assert [1] == [variant.number for variant in job_form(BOARD, WORKER, typed).variants]
    assert "gradient_filter" == more_variants(typed, "gradient_filter")["variants.2.methods.0.name"]


def test_errors_stand_beside_their_fields():
    """An error of a field that is shown is told there, any other above the form."""
    made = with_errors(form(), [FieldError("workload.model", "unknown."), FieldError("device", "away.")])
    assert ({"workload.model": "unknown."}, ["device: away."]) == (made.errors, made.general)
