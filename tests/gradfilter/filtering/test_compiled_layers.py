"""The filtered layer under torch.compile: one graph, the same gradients, nothing more kept."""

import shutil

import pytest
import torch
from torch import nn

from gradfilter.filtering import FilteredConv2d
from gradfilter.filtering.operators import REGISTERED

pytestmark = pytest.mark.skipif(not REGISTERED, reason="torch.library.custom_op came with torch 2.4")

PUBLISHED = {"alignment": "centred", "stride_correction": False}
KINDS = {
    "plain": {"padding": 1},
    "published": {"padding": 1, "stride": 2, **PUBLISHED},
    "distant taps": {"padding": "same", "dilation": 4},
    "groups": {"groups": 3, "padding": "valid", "bias": False},
    "depthwise": {"groups": 6, "padding": 1},
}


def network(**numbers):
    """Two filtered layers with an activation between them, in double precision."""
    torch.manual_seed(0)
    first = FilteredConv2d(6, 6, 3, patch_size=4, **numbers)
    return nn.Sequential(first, nn.ReLU(), FilteredConv2d(6, 2, 3, padding=1)).double()


def maps(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def gradients(call, model, x):
    return torch.autograd.grad(call(x).pow(2).sum(), [x, *model.parameters()])


def check(model, x, compiled):
    for eager, traced in zip(gradients(model, model, x), gradients(compiled, model, x)):
        assert eager.dtype == traced.dtype
        assert float((eager - traced).norm()) <= 1e-12 * float(eager.norm())


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "last"])
@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS.keys())
def test_compiled_gradients_are_the_eager_ones(numbers, memory_format):
    """Traced without a graph break, every gradient equals eager's, and dx keeps the memory format."""
    model = network(**numbers).to(memory_format=memory_format)
    x = maps(2, 6, 11, 10).detach().contiguous(memory_format=memory_format).requires_grad_()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    check(model, x, compiled)
    assert gradients(compiled, model, x)[0].is_contiguous(memory_format=memory_format)


def test_one_graph_serves_every_map_size():
    """With free shapes nothing is compiled again for another map or batch, border patches and all."""
    model, graphs = network(padding=1), []

    def count(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, fullgraph=True, backend="aot_eager", dynamic=True)
    counted = torch.compile(model, fullgraph=True, backend=count, dynamic=True)
    for batch, height, width in ((2, 9, 10), (3, 13, 8), (4, 16, 17)):
        x = maps(batch, 6, height, width)
        check(model, x, compiled)
        counted(x)
    assert 1 == len(graphs)


@pytest.mark.long  # compiling C++ takes half a minute
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # inductor's own
def test_generated_code_gives_the_eager_gradients():
    """The default backend compiles around the operators, whose layouts it has been told right."""
    if not shutil.which("g++"):
        pytest.skip("the inductor backend needs a C++ compiler")
    model, x = network(padding=1), maps(2, 6, 9, 10)
    check(model, x, torch.compile(model, fullgraph=True, backend="inductor"))


def test_exported_model_does_not_need_this_library():
    """An exported graph, which has no backward pass, is made of PyTorch's own operators."""
    exported = torch.export.export(network(padding=1), (maps(2, 6, 9, 10),), strict=False)
    names = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert [] == [name for name in names if name.startswith("gradfilter")]
    assert 2 == sum("conv2d" in name for name in names)


@pytest.mark.parametrize("frozen", [False, True])
def test_compiled_layer_keeps_no_more_than_eager(frozen, saved_tensors):
    """Beside parameters, the compiled layer keeps the patch averages; frozen, nothing."""
    filtered, x = FilteredConv2d(6, 6, 3, padding=1, patch_size=4), torch.randn(2, 6, 16, 16, requires_grad=True)
    filtered.requires_grad_(not frozen)
    parameters = {parameter.data_ptr() for parameter in filtered.parameters()}
    sizes = []
    for call in (filtered, torch.compile(filtered, fullgraph=True, backend="aot_eager")):
        kept, _ = saved_tensors(lambda call=call: call(x))
        sizes.append(sum(t.numel() * t.element_size() for t in kept if t.data_ptr() not in parameters))
    assert [0 if frozen else 2 * 6 * 4 * 4 * 4] * 2 == sizes


def test_compiled_autocast_casts_what_eager_does():
    """A compiled layer under autocast computes in bfloat16 and returns the gradients' own types."""
    filtered, x = FilteredConv2d(6, 6, 3, padding=1), torch.randn(2, 6, 9, 9, requires_grad=True)

    def under_autocast(maps):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return filtered(maps)

    compiled = torch.compile(under_autocast, fullgraph=True, backend="aot_eager")
    assert torch.equal(under_autocast(x), compiled(x))
    for eager, traced in zip(gradients(under_autocast, filtered, x), gradients(compiled, filtered, x)):
        assert torch.float32 == traced.dtype
        assert float((eager - traced).norm()) < 2**-7 * float(eager.norm())  # a bfloat16 has eight bits
