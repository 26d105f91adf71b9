"""Names of models to networks: own, timm's, segmentation models and the board's own modules."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import (
    absent_models,
    build_model,
    check_image_size,
    check_output,
    head_names,
    library_version,
    model_names,
    model_task,
)

ROOT = Path(__file__).resolve().parents[3]
ENCODERS = ["resnet18", "mobilenet_v2"]
SEGMENTATION = [
    architecture + "_" + encoder
    for architecture in ["deeplabv3", "deeplabv3plus", "pspnet", "upernet", "fpn", "unet", "fcn"]
    for encoder in ENCODERS
]
has_segmentation = importlib.util.find_spec("segmentation_models_pytorch") is not None
needs_segmentation = pytest.mark.skipif(
    not has_segmentation, reason="segmentation-models-pytorch is not installed, as on Python 3.6, where it cannot be"
)
ZOO = """
import torch
from torch import nn

number = 5

def small(classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))

def pixels(classes):
    return nn.Conv2d(3, classes, 1)

pixels.task = "segmentation"

def verses(classes):
    return pixels(classes)

verses.task = "poetry"

def stubborn(classes):
    return small(4)

def broken(classes):
    raise KeyError("no layer of that name")

def weightless(classes):
    return torch.nn.Flatten()

def lazy(classes):
    return torch.nn.LazyLinear(classes)

def leaving(classes):
    raise SystemExit("goodbye")

def nothing(classes):
    return classes

class Nested(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        raise LookupError("no second scale")
"""


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    return Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights", ["zoo_of_tests"])


@pytest.fixture(name="zoo")
def fixture_zoo(tmp_path):
    """A Python module of a board's own."""
    (tmp_path / "zoo_of_tests.py").write_text(ZOO)
    (tmp_path / "zoo_that_breaks.py").write_text("raise OSError('its data are gone')")
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("zoo_of_tests", None)


def test_names_are_listed_once_and_built_from_any_source(board):
    """
    The list holds our own model, timm's, and the segmentation models where their library is.
    """
    names = model_names()
    assert {"tiny_cnn", "resnet18", "mobilenetv2_100"} <= set(names)
    assert len(set(names)) == len(names)
    assert (set(SEGMENTATION) if has_segmentation else set()) == set(SEGMENTATION) & set(names)
    assert (set() if has_segmentation else set(SEGMENTATION)) == set(absent_models())


def test_unknown_name_is_refused_with_the_nearest(board):
    """
    A misspelt name is answered with names that exist.
    """
    with pytest.raises(RefusedWorkload, match=r"'resnet81' is unknown .* nearest names are .*resnet18") as refusal:
        build_model("resnet81", 10, 0, board)
    assert "model" == refusal.value.field


@pytest.mark.skipif(has_segmentation, reason="this Python has segmentation-models-pytorch")
def test_segmentation_model_without_its_library_is_refused_with_the_reason(board):
    """
    A name that exists elsewhere is not called unknown.
    """
    with pytest.raises(RefusedWorkload, match=r"not on this board: it needs segmentation-models-pytorch, .*Python"):
        build_model("unet_resnet18", 10, 0, board)


@needs_segmentation
@pytest.mark.parametrize("name", SEGMENTATION)
def test_every_segmentation_model_has_a_head_that_is_its_last_convolution(board, name):
    """
    Head and last:1 name the same convolution, with one output per class.
    """
    model = build_model(name, 5, 0, board)
    last = [module for module in model.modules() if isinstance(module, nn.Conv2d)][-1]
    (head,) = head_names(model)
    assert "segmentation" == model_task(name, board)
    assert 5 == last.out_channels
    assert last in list(dict(model.named_modules())[head].modules())


@needs_segmentation
@pytest.mark.parametrize("name", ["deeplabv3_resnet18", "upernet_mobilenet_v2", "fcn_mobilenet_v2"])
def test_segmentation_models_give_a_score_per_pixel_and_class(board, name):
    """
    Logits have the image's own size.
    """
    model = build_model(name, 5, 0, board)
    check_output(check_image_size(model, name, 64), name, [1, 5, 64, 64])


@needs_segmentation
def test_image_of_a_size_between_strides_is_refused_in_the_librarys_words(board):
    """
    A model without a published size says what it takes.
    """
    model = build_model("fpn_resnet18", 5, 0, board)
    with pytest.raises(RefusedWorkload, match=r"image_size 50 does not fit .*divisible by 32") as refusal:
        check_image_size(model, "fpn_resnet18", 50)
    assert "image_size" == refusal.value.field


@pytest.mark.parametrize("name", ["tiny_cnn", "resnet18", pytest.param("unet_mobilenet_v2", marks=needs_segmentation)])
def test_same_seed_gives_the_same_weights(board, name):
    """
    Weights come from the seed, whatever was drawn before.
    """
    one, two, other = (build_model(name, 3, seed, board).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


def test_each_model_loads_its_own_library_only():
    """
    Our own model loads none, and neither listing names nor a classifier loads the segmentation library.
    """
    code = """
import json, sys
from pathlib import Path
from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model, model_names
board = Board(Path("cache"), Path("datasets"), Path("weights"))
heavy = ["timm", "segmentation_models_pytorch"]
loaded = []
build_model("tiny_cnn", 2, 0, board)
loaded.append([name for name in heavy if name in sys.modules])
build_model("resnet18", 2, 0, board), model_names()
loaded.append([name for name in heavy if name in sys.modules])
print(json.dumps(loaded))
"""
    output = subprocess.check_output([sys.executable, "-c", code], cwd=str(ROOT), env={"PYTHONPATH": str(ROOT)})
    assert [[], ["timm"]] == json.loads(output.decode("utf-8"))


def test_module_of_the_boards_own_makes_a_model(board, zoo):
    """
    A listed module's factory is called with the number of classes; without a task it makes a classifier.
    """
    name = "import:zoo_of_tests:small"
    model = build_model(name, 7, 0, board)
    check_output(check_image_size(model, name, 8), name, [1, 7])
    assert ["classification", "segmentation"] == [
        model_task(one, board) for one in (name, "import:zoo_of_tests:pixels")
    ]


def test_changed_module_is_another_version(board, zoo):
    """
    The version carries the hash of the module's code, so that a checkpoint is not mistaken for another model's.
    """
    name = "import:zoo_of_tests:small"
    before = library_version(name, board)
    (zoo / "zoo_of_tests.py").write_text(ZOO + "number = 6\n")
    assert before != library_version(name, board)
    assert re.match("zoo_of_tests sha256:[0-9a-f]{16}$", before)


def test_changed_neighbour_is_another_version(board, tmp_path):
    """
    Of a package every file of code counts, since a network's layers may lie in another than its factory.
    """
    (tmp_path / "package_of_tests" / "blocks").mkdir(parents=True)
    layers = tmp_path / "package_of_tests" / "blocks" / "layers.py"
    for path in (layers.parent / "__init__.py", layers.parent.parent / "__init__.py", layers):
        path.write_text("")
    (tmp_path / "package_of_tests" / "nets.py").write_text("__version__ = '2.1'\n")
    (tmp_path / "package_of_tests" / "weights.txt").write_text("no code")
    board.model_modules.append("package_of_tests")
    sys.path.insert(0, str(tmp_path))
    before = library_version("import:package_of_tests.nets:small", board)
    layers.write_text("width = 8\n")
    after = library_version("import:package_of_tests.nets:small", board)
    sys.path.remove(str(tmp_path))
    assert re.match("package_of_tests.nets 2.1 sha256:[0-9a-f]{16}$", before)
    assert before != after


@pytest.mark.parametrize(
    ("name", "modules", "sentence"),
    [
        ("import:zoo_of_tests:small", [], "allows none. .* 'zoo_of_tests' to GRADFILTER_AGENT_MODEL_MODULES"),
        ("import:zoo_of_tests:small", ["zoo"], "allows only zoo"),
        ("import:os:system", ["zoo_of_tests"], "from which this board takes no models"),
        ("import:zoo_of_tests:missing", ["zoo_of_tests"], "has no function 'missing'"),
        ("import:zoo_of_tests:number", ["zoo_of_tests"], "has no function 'number'"),
        ("import:zoo_of_tests:nothing", ["zoo_of_tests"], "must return a torch.nn.Module, got 'int'"),
        ("import:zoo_of_tests:weightless", ["zoo_of_tests"], "network whose parameters exist; it has none"),
        ("import:zoo_of_tests:lazy", ["zoo_of_tests"], "or lazy ones that wait for a first batch"),
        ("import:zoo_of_tests:broken", ["zoo_of_tests"], "failed with 3 classes .KeyError: 'no layer of that name'"),
        ("import:zoo_of_tests:leaving", ["zoo_of_tests"], "failed with 3 classes .SystemExit: goodbye"),
        ("import:zoo_that_breaks:any", ["zoo_that_breaks"], "cannot be imported .* .OSError: its data are gone"),
        ("import:zoo_of_tests.inner:any", ["zoo_of_tests"], "cannot be imported .* .ModuleNotFoundError: "),
    ],
)
def test_impossible_import_is_refused(board, zoo, name, modules, sentence):
    """
    What the board does not list is never imported; what its own code raises is told.
    """
    board.model_modules = modules
    with pytest.raises(RefusedWorkload, match=sentence) as refusal:
        build_model(name, 3, 0, board)
    assert "model" == refusal.value.field


def test_unknown_task_is_refused(board, zoo):
    """
    A factory's task is one that there is.
    """
    with pytest.raises(RefusedWorkload, match="has task 'poetry'; it must be one of classification, segmentation"):
        model_task("import:zoo_of_tests:verses", board)


def test_network_that_fails_on_an_image_is_refused_in_its_own_words(board, zoo):
    """
    Whatever the board's own network raises is a refusal.
    """
    name = "import:zoo_of_tests:Nested"
    with pytest.raises(RefusedWorkload, match=r"does not take .LookupError: no second scale"):
        check_image_size(build_model(name, 3, 0, board), name, 8)


@pytest.mark.parametrize(("output", "given"), [(torch.zeros(1, 4), r"gives \(1, 4\)"), ({"logits": 1}, "gives dict")])
def test_output_of_another_shape_is_refused(output, given):
    """
    A classifier of another size and a network that returns no tensor are named before anything is trained.
    """
    with pytest.raises(RefusedWorkload, match=given + r" for one image, and the data set asks for \(1, 3\)"):
        check_output(output, "import:zoo:any", [1, 3])


def test_preparation_refuses_a_model_of_the_wrong_size(start_worker, spec, zoo, board):
    """
    A factory that does not heed its classes is found out before anything is trained.
    """
    worker = start_worker(
        board.cache_dir, "--model-module", "zoo_of_tests", PYTHONPATH=os.pathsep.join([str(ROOT), str(zoo)])
    )
    worker.tell(json.dumps(spec({"model": "import:zoo_of_tests:stubborn"}, purpose="prepare")))
    run = worker.finish()
    assert (1, "refused", "model") == (run.status, run.failure["kind"], run.failure["field"])
    assert "gives (1, 4) for one image, and the data set asks for (1, 10)" in run.failure["message"]
