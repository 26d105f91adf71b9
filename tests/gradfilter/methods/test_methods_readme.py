"""The method in gradfilter/methods/README.md is what it says: complete, and working as it stands."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

README = Path(__file__).resolve().parents[3] / "gradfilter" / "methods" / "README.md"


@pytest.fixture
def stay_near(tmp_path):
    """The class of the README's example, loaded from a file of its own."""
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "stay_near.py"
    path.write_text(example, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("stay_near", str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules["stay_near"] = module
    spec.loader.exec_module(module)
    yield module.StayNear
    del sys.modules["stay_near"]


def test_example_is_a_method_with_options(stay_near):
    """It describes itself and checks its options without a line of its own."""
    assert ("stay_near", ["strength"]) == (stay_near.describe().name, [o.name for o in stay_near.describe().options])
    with pytest.raises(ValueError, match="strength must be float"):
        stay_near(strength="much")


def test_example_holds_a_model_near_its_start(stay_near):
    """Its penalty is nothing at the start, and pulls the weights back by their distance afterwards."""
    model, method = nn.Linear(2, 1, bias=False), stay_near(strength=0.5)
    method.apply(model)
    assert method.extra_loss(model).item() == 0
    with torch.no_grad():
        model.weight.add_(3)
    method.extra_loss(model).backward()
    assert torch.allclose(torch.full((1, 2), 1.5), model.weight.grad)
