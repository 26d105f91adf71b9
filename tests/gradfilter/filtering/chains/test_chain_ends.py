"""Where chains end: what they do not know gets ordinary tensors, with the gradients of the layers by themselves."""

import copy
import inspect
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from gradfilter.errors import ChainInCheckpoint, NoSecondDerivative
from gradfilter.filtering.chains.fusing import AT_PATCHES, recording_runs
from gradfilter.methods import GradientFilter

EXACT = 1e-9


class Ended(nn.Module):
    """A convolution with BatchNorm and activation, an operation, and a further convolution."""

    def __init__(self, operation, activation=None):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), activation or nn.ReLU())
        self.last = nn.Conv2d(4, 4, 3, padding=1)
        self.operation = operation

    def forward(self, x):
        return self.operation(self.first(x), self.last)


def squeeze_and_excite(x, last):
    gate = torch.sigmoid(last(x.mean((2, 3), keepdim=True)))
    return last(x * gate)


def scale_in_place(x, last):
    x *= 2
    return last(x)


def clamp_in_place_and_use_both(x, last):
    y = x
    x.clamp_(max=0.5)
    return last(x) + y


def skip_around(x, last):
    return last(x) + F.interpolate(F.avg_pool2d(x, 2), scale_factor=2)


OPERATIONS = {
    "squeeze-and-excitation": squeeze_and_excite,
    "concatenation": lambda x, last: last(torch.cat([x, -x], 1)[:, 2:6]),
    "indexing": lambda x, last: last(x[:, :, 1:])[..., 0],
    "multiplication": lambda x, last: last(x * torch.linspace(0, 1, 12, dtype=x.dtype)),
    "reshaping": lambda x, last: last(x.flatten(2).view(2, 4, 12, 12)),
    "average pooling": lambda x, last: last(F.avg_pool2d(x, 2)),
    "interpolation": lambda x, last: last(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
    "a second activation": lambda x, last: last(torch.relu(x - 0.3).relu()),
    "tanh": lambda x, last: last(x.tanh()),
    "a mean of channels": lambda x, last: last(x) + x.mean(1, keepdim=True),
    "use inside and outside": lambda x, last: (last(x), x),
    "use by full maps and by patches": skip_around,
    "a number": lambda x, last: last(1 + x) - 1,
    "dropout that drops nothing": lambda x, last: last(F.dropout(x, 0.5, training=False)),
    "detaching": lambda x, last: last(x) + x.detach() + torch.zeros_like(x),
    "a loop over images": lambda x, last: last(torch.stack(list(x))),
    "a dictionary": lambda x, last: {"out": last(x), "aux": [x.sum()]},
}


IN_PLACE = {
    "scaling": scale_in_place,
    "clamping": clamp_in_place_and_use_both,
    "writing to a part": lambda x, last: x.__setitem__((slice(None), 0), 1.0) or last(x),
    "activating": lambda x, last: last(F.relu(x, inplace=True)) + x,
    "adding": lambda x, last: last(x.add_(x)) + x,
}


class Joined(nn.Module):
    """Makes one tensor of whatever a network gives."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        out = self.network(x)
        tensors = list(out.values()) if isinstance(out, dict) else out if isinstance(out, tuple) else [out]
        tensors = [t for entry in tensors for t in (entry if isinstance(entry, list) else [entry])]
        return torch.cat([tensor.flatten() for tensor in tensors])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_unknown_operations_end_a_chain(operation, training, compare_with_layers_apart):
    """Gradients are those of the layers by themselves, whatever a chain meets, and tensors come out."""
    network = Joined(Ended(operation)).double().train(training)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 12, 12).double())) < EXACT


@pytest.mark.parametrize("operation", IN_PLACE.values(), ids=IN_PLACE.keys())
def test_operations_in_place(operation, compare_with_layers_apart):
    """What works in place changes the map for all who hold it, and takes nothing from its gradients."""
    network = Ended(operation, nn.Hardswish()).double()  # PyTorch itself refuses to change ReLU's output
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 12, 12).double())) < EXACT


def test_tensors_come_out():
    """Whatever structure a model returns, ordinary tensors are in it."""
    model = GradientFilter(patch_size=4).apply(Ended(OPERATIONS["a dictionary"]))
    out = model(torch.randn(2, 3, 12, 12))
    assert all(isinstance(tensor, torch.Tensor) for tensor in [out["out"], *out["aux"]])


def test_the_record_names_what_ended_a_chain():
    """A layer at full resolution says for what; the others run at patch resolution."""
    model = GradientFilter(patch_size=4).apply(Ended(OPERATIONS["interpolation"]))
    with recording_runs(model) as runs:
        model(torch.randn(2, 3, 12, 12))
    assert {
        "first.0": "at full resolution, for interpolate",
        "last": "at full resolution, for the model's output",
    } == runs


def test_fuse_off_runs_layers_by_themselves():
    """With fuse=False no chain forms, and nothing is recorded of any."""
    model = GradientFilter(patch_size=4, fuse=False).apply(Ended(OPERATIONS["a number"]))
    with recording_runs(model) as runs:
        model(torch.randn(2, 3, 12, 12))
    assert {} == runs


def test_chains_form_inside_the_model_only(small_network):
    """A layer called by itself gives a tensor, also after a forward pass of the model that raised."""
    model = GradientFilter(patch_size=4).apply(small_network())
    x = torch.randn(2, 3, 16, 16)
    with pytest.raises(RuntimeError):
        model(torch.randn(2, 4, 16, 16))
    assert isinstance(model.stem[0](x), torch.Tensor)
    assert isinstance(model.block(model.stem(x)), torch.Tensor)


def test_removal_leaves_no_hook(small_network):
    """remove() takes the chains away with the filters."""
    model = GradientFilter().remove(GradientFilter(patch_size=4).apply(small_network()))
    assert 0 == len(model._forward_hooks)


def test_copies_and_pickles_form_chains(small_network):
    """A copied or pickled model runs as the model itself does."""
    model = GradientFilter(patch_size=4).apply(small_network())
    x = torch.randn(2, 3, 16, 16)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with recording_runs(twin) as runs:
            assert torch.equal(model(x), twin(x))
        assert AT_PATCHES in runs.values()


def test_without_gradients_the_model_is_plain(small_network):
    """Under no_grad and inference_mode outputs are the plain model's, bit for bit, and nothing is kept."""
    plain = small_network().eval()
    model = GradientFilter(patch_size=4).apply(copy.deepcopy(plain))
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(plain(x), model(x))


def test_no_grad_inside_a_forward_pass(compare_with_layers_apart):
    """A map that is looked at without gradients still gets its own."""

    def operation(x, last):
        with torch.no_grad():
            peak = last(x).amax() + x.mean((2, 3)).amax()
        return last(x) / peak

    assert max(compare_with_layers_apart(Ended(operation).double(), torch.randn(2, 3, 12, 12).double())) < EXACT


def test_autocast_runs_layers_by_themselves(small_network):
    """Chains compute in the map's own type; under autocast every layer is filtered by itself."""
    model = GradientFilter(patch_size=4).apply(small_network())
    with torch.autocast("cpu", dtype=torch.bfloat16), recording_runs(model) as runs:
        model(torch.randn(2, 3, 16, 16)).sum().backward()
    assert {} == runs


CHECKPOINT_KINDS = (
    [{"use_reentrant": True}, {"use_reentrant": False}]
    if "use_reentrant" in inspect.signature(checkpoint).parameters
    or "kwargs" not in inspect.signature(checkpoint).parameters
    else [{}]
)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("options", CHECKPOINT_KINDS, ids=str)
def test_checkpointing_a_part_is_refused(options):
    """A part that runs twice cannot be entered by a chain, and says so rather than lose the gradient."""
    model = GradientFilter(patch_size=4).apply(Ended(lambda x, last: checkpoint(last, x, **options)))
    with pytest.raises(ChainInCheckpoint, match="fuse=False"):
        model(torch.randn(2, 3, 12, 12))


@pytest.mark.parametrize("options", CHECKPOINT_KINDS, ids=str)
def test_checkpointing_the_whole_model(options, small_network, gradients_of):
    """A model that is checkpointed from outside learns the same, in chains."""
    model = GradientFilter(patch_size=4).apply(small_network().double())
    x = torch.randn(2, 3, 16, 16).double()
    _, expected = gradients_of(model, x)
    _, gradients = gradients_of(Outside(model, options), x)
    for name, gradient in expected.items():
        assert torch.allclose(gradient, gradients[name if name == "x" else "model." + name], atol=1e-12)


class Outside(nn.Module):
    """Checkpoints a whole model."""

    def __init__(self, model, options):
        super().__init__()
        self.model, self.options = model, options

    def forward(self, x):
        return checkpoint(self.model, x, **self.options)


def test_second_derivatives_are_refused(small_network):
    """A chain's gradients cannot be differentiated, as those of its layers cannot."""
    model = GradientFilter(patch_size=4).apply(small_network())
    x = torch.randn(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    with pytest.raises(NoSecondDerivative):
        gradient.sum().backward()


def test_two_backward_passes_add_up(small_network):
    """retain_graph gives the same gradients again."""
    model = GradientFilter(patch_size=4).apply(small_network())
    loss = model(torch.randn(2, 3, 16, 16)).square().sum()
    loss.backward(retain_graph=True)
    first = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    loss.backward()
    assert all(torch.allclose(2 * first[name], p.grad) for name, p in model.named_parameters())


def test_batch_norm_refuses_single_values_as_torch_does():
    """One value per channel cannot be normalised by its own statistics."""
    model = GradientFilter(patch_size=4).apply(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        model(torch.randn(1, 3, 3, 3))


def test_an_empty_batch_passes():
    """No images give no gradients, and no error."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
    model = GradientFilter(patch_size=4).apply(network)
    model(torch.randn(0, 3, 8, 8)).sum().backward()
    assert 0 == float(model[0].weight.grad.abs().sum())
