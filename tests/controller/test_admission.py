"""Which boards a job may have, and what is said when there is none."""

import pytest

from controller import admission
from controller.documents import JOB_SPEC
from controller.errors import InvalidRequestError
from controller.jobs import DeviceView
from controller.selection import matching, spread
from gradfilter.bench.schema import Channel, DeviceSelector, SensorReport
from tests.controller.samples import DEVICE, description, job_document


def board(name=DEVICE, tags=("desk",), described=True, **changes):
    return DeviceView(
        name=name,
        url="http://127.0.0.1:1",
        tags=list(tags),
        health="online",
        health_reason="",
        job=None,
        last_seen_at=None,
        description=description(**changes) if described else None,
    )


def spec(**changes):
    return JOB_SPEC.validate_python(job_document(**changes))


def refusal(devices, **changes):
    """The errors with which a job is refused."""
    with pytest.raises(InvalidRequestError) as error:
        admission.admit(spec(**changes), devices)
    return error.value.errors


def without_methods():
    worker = description().worker
    worker.methods = []
    return worker


def test_all_tags_must_be_carried():
    """A board with one of two tags is not meant."""
    boards = [board("a", ["x"]), board("b", ["x", "y"])]
    assert ["b"] == [device.name for device in matching(DeviceSelector(tags=["x", "y"]), boards)]


def test_one_board_that_fits_is_enough():
    """A job by tags is accepted when any of the boards can run it."""
    boards = [board("a", worker=without_methods()), board("b")]
    admission.admit(spec(device={"tags": ["desk"]}), boards)
    assert [True, False] == [bool(admission.unfit(spec(), device)) for device in boards]


def test_a_board_without_a_worker_says_why():
    """The agent's reason is passed on."""
    (error,) = refusal([board(worker=None, worker_error="no module named torch")])
    assert ("device", True) == (error.field, "no module named torch" in error.message)


def test_a_board_that_was_never_seen_is_trusted():
    """What an unknown board can do is found out on the board."""
    admission.admit(spec(workload={"kind": "training", "model": "anything"}), [board(described=False)])


def test_an_empty_lab_is_named():
    """Without any board the job is refused in words."""
    (error,) = refusal([])
    assert ("device.name", "device 'this-computer' is unknown in this lab; there are none.") == (
        error.field,
        error.message,
    )


def test_of_many_models_the_nearest_are_named():
    """A long list is not printed; the names that come close are."""
    worker = description().worker
    worker.models = [f"resnet{size}" for size in range(100)]
    (error,) = refusal([board(worker=worker)], workload={"kind": "training", "model": "resnet5o"})
    assert "of the 100 there, nearest are resnet5" in error.message


def test_every_error_is_named_at_once():
    """A user learns all that is wrong from one answer."""
    variants = [{"name": "a", "methods": [{"name": "x"}, {"name": "gradient_filter", "options": {"y": 1}}]}]
    errors = refusal([board()], workload={"kind": "training", "model": "m", "dataset": "d"}, variants=variants)
    assert [
        "workload.model",
        "workload.dataset",
        "variants.0.methods.0.name",
        "variants.0.methods.1.options.y",
    ] == [error.field for error in errors]


def test_what_is_absent_is_named_with_its_reason():
    """A model or data set that the board misses is not called unknown: the board's own reason is passed on."""
    worker = description().worker
    worker.absent = {"unet_resnet18": "it needs Python 3.10.", "cifar10": "its archive is not in /data."}
    errors = refusal(
        [board(worker=worker)], workload={"kind": "training", "model": "unet_resnet18", "dataset": "cifar10"}
    )
    assert [
        ("workload.model", "model 'unet_resnet18' is not on device 'this-computer': it needs Python 3.10."),
        ("workload.dataset", "dataset 'cifar10' is not on device 'this-computer': its archive is not in /data."),
    ] == [(error.field, error.message) for error in errors]


@pytest.mark.parametrize("listed", ["zoo", "zoo.nets"])
def test_a_listed_module_may_be_imported(listed):
    """A model of the board's own is admitted when its module, or a package around it, is listed."""
    worker = description().worker
    worker.model_modules = [listed]
    admission.admit(spec(workload={"kind": "training", "model": "import:zoo.nets:small"}), [board(worker=worker)])


@pytest.mark.parametrize(("listed", "there"), [([], "from none"), (["zoos"], "only from zoos")])
def test_a_module_that_is_not_listed_is_refused(listed, there):
    """A job is data: it may not name a module that the board's operator did not list."""
    worker = description().worker
    worker.model_modules = listed
    (error,) = refusal([board(worker=worker)], workload={"kind": "training", "model": "import:zoo.nets:small"})
    assert "workload.model" == error.field
    assert there in error.message
    assert "'zoo.nets'; its operator can add that to GRADFILTER_AGENT_MODEL_MODULES." in error.message


def test_what_no_report_could_show_is_refused_as_well():
    """The texts of a job are judged together with what its board can do."""
    errors = refusal([board()], note="\x1b[2J", workload={"kind": "training", "model": "m"})
    assert ["note", "workload.model"] == [error.field for error in errors]


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["jetson"], ["nano", "orin"]),
        (["jetson", "power:board_input"], ["orin"]),
        (["jetson-nano|raspberry-pi-5"], ["nano", "pi"]),
        (["!jetson"], ["pi"]),
        (["jetson", "!jetson-nano"], ["orin"]),
        (["!jetson|jetson-nano", "power:board_input|jetson-nano"], ["nano", "pi"]),
        (["absent"], []),
    ],
)
def test_tags_mean_boards(tags, names):
    """Every entry must hold: a tag, its absence, or one of several alternatives."""
    boards = [
        board("nano", ["jetson", "jetson-nano"]),
        board("orin", ["jetson", "power:board_input"]),
        board("pi", ["raspberry-pi-5", "power:board_input"]),
    ]
    assert names == [found.name for found in matching(DeviceSelector(tags=tags), boards)]


@pytest.mark.parametrize("tag", ["", "!", "a|", "a b", "!!a"])
def test_a_tag_that_is_none_is_refused(tag):
    """An entry that no board could ever carry is a mistake, and the field is named."""
    with pytest.raises(ValueError, match=r"device\.tags must be"):
        DeviceSelector(tags=[tag])


def test_a_job_for_all_boards_becomes_one_for_each():
    """Each board has a job of its own; one for any of them stays one job."""
    boards = [board("a"), board("b"), board("c", ["other"])]
    every = spec(device={"tags": ["desk"], "scope": "all"})
    assert ["a", "b"] == [one.device.name for one in spread(every, boards)]
    some = spec(device={"tags": ["desk"]})
    assert [some] == spread(some, boards)


class TestNeeds:
    def test_memory(self):
        """A board with less memory than the job needs is refused with both figures."""
        (error,) = refusal([board(memory_bytes=2_000_000_000)], needs={"memory_bytes": 4_000_000_000})
        assert ("needs.memory_bytes", "device 'this-computer' has 2.00 GB of memory, the job needs 4.00 GB.") == (
            error.field,
            error.message,
        )

    def test_a_meter(self):
        """A job that needs energies is refused by a board that cannot meter them, with the sensors' own reasons."""
        absent = SensorReport(name="ina", present=False, reason="no power monitor was found")
        (error,) = refusal([board(sensors=[absent])], needs={"energy": True})
        assert "needs.energy" == error.field
        assert "no meter for the energy of a step on cpu (ina: no power monitor was found)" in error.message

    def test_are_met(self):
        """A board with the memory and a meter in its lead takes the job."""
        channel = Channel(name="ina:in", sensor="ina", quantity="power", unit="W", kind="gauge", covers="board_input")
        metered = board(sensors=[SensorReport(name="ina", present=True, channels=[channel])])
        admission.admit(spec(needs={"memory_bytes": 1 << 29, "energy": True}), [metered])
