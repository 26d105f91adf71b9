"""Layers as products: im2col gives torch's own gradients, and a filtered layer has fewer rows."""

from itertools import product

import pytest
import torch
from torch import nn

from gradfilter.methods import GradientFilter, VirtualPooling
from gradfilter.systolic.products import Product, layer_works

GEOMETRIES = [
    (stride, padding, dilation, groups)
    for stride, padding, dilation, groups in product((1, 2, 3), (0, 1, 2), (1, 2), (1, 2, 4))
    if (stride + padding + dilation + groups) % 2 == 0
]


def lowered(x, conv):
    """im2col of an input (N, C, H, W): (groups, N · outputs, C/g · K_h · K_w), what the array is given of x."""
    windows = nn.functional.unfold(x, conv.kernel_size, conv.dilation, conv.padding, conv.stride)
    images, _, outputs = windows.shape
    by_group = windows.view(images, conv.groups, -1, outputs)
    return by_group.permute(1, 0, 3, 2).reshape(conv.groups, images * outputs, -1)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_lowered_products_are_torch_gradients(geometry):
    """dW = Xᵀ dY and dX = dY Wᵀ, scattered back, for strides, paddings, dilations and groups."""
    stride, padding, dilation, groups = geometry
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 8, 3, stride, padding, dilation, groups, bias=False).double()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)
    y = conv(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    (work,) = layer_works(nn.Sequential(conv), lambda model: model(x).sum())
    by_group = dy.view(2, groups, 8 // groups, -1).permute(1, 0, 3, 2).reshape(groups, work.forward.m, work.forward.n)
    matrix = lowered(x.detach(), conv)
    assert (groups, work.forward.m, work.forward.k) == tuple(matrix.shape)
    weight = conv.weight.detach().view(groups, work.forward.n, work.forward.k)
    assert torch.allclose(
        conv.weight.grad.flatten(1), (matrix.transpose(1, 2) @ by_group).transpose(1, 2).flatten(0, 1)
    )
    columns = (by_group @ weight).view(groups, 2, -1, work.forward.k).permute(1, 0, 3, 2).reshape(2, 4 * 9, -1)
    dx = nn.functional.fold(columns, (9, 8), (3, 3), dilation, padding, stride)
    assert torch.allclose(x.grad, dx)
    assert work.forward.macs == y.numel() * (4 // groups) * 9


def batch_loss(model):
    return model(torch.zeros(2, 3, 21, 21)).sum()


def test_every_layer_of_a_network_is_a_product(small_network):
    """Convolutions and the head, with what each one's backward pass needs: the first needs no dX."""
    model = small_network()
    model.last.weight.requires_grad = False
    works = {work.name: work for work in layer_works(model, batch_loss)}
    outputs = 2 * 11 * 11
    assert Product(outputs, 27, 8) == works["stem.0"].forward
    assert Product(outputs, 9, 1, 8) == works["block.depthwise"].forward
    assert Product(2, 12, 5) == works["head"].forward
    assert (False, True) == (works["stem.0"].wants_input, works["stem.0"].wants_weight)
    assert (True, False) == (works["last"].wants_input, works["last"].wants_weight)


def test_filtered_layers_have_patches_for_rows(small_network):
    """Patch 4 on 11×11 outputs: 3×3 patches and one tap, forward as before; a virtual layer: a quarter of the rows."""
    plain = layer_works(small_network(), batch_loss)[3]
    filtered = layer_works(GradientFilter(patch_size=4, last=1).apply(small_network()), batch_loss)[3]
    virtual = layer_works(VirtualPooling(last=1).apply(small_network()), batch_loss)[3]
    assert plain.forward == plain.backward == filtered.forward == Product(2 * 121, 72, 12)
    assert Product(2 * 9, 8, 12) == filtered.backward
    assert Product(2 * 36, 72, 12) == virtual.forward == virtual.backward
