"""The slow references: gradient filtering written down from the formulas, and as it was published."""

from itertools import product
from math import ceil

import numpy as np
import pytest
import torch


def owners(pixels, size, patches, alignment):
    """The pixels of each patch of an axis: a pixel that no patch covers belongs to the nearest one."""
    offset = ceil((patches * size - pixels) / 2) if alignment == "centred" else 0
    owner = [min(max((pixel + offset) // size, 0), patches - 1) for pixel in range(pixels)]
    return [[pixel for pixel in range(pixels) if owner[pixel] == patch] for patch in range(patches)]


def filtered_gradients(
    x, weight, dy, *, patch_size, stride, dilation, groups, alignment="corner", stride_correction=True
):
    """(dx, dweight, dbias) of a filtered convolution, patch by patch, for float64 tensors."""
    x, weight, dy = x.numpy(), weight.numpy(), dy.numpy()
    out_channels, group_inputs, *kernel = weight.shape
    patches = [ceil(pixels / patch_size) for pixels in dy.shape[2:]]
    outputs = [owners(dy.shape[2 + a], patch_size, patches[a], alignment) for a in (0, 1)]
    inputs = [owners(x.shape[2 + a], patch_size * stride[a], patches[a], alignment) for a in (0, 1)]
    area = stride[0] * stride[1] if stride_correction else 1
    # Taps at least a patch apart reach other patches; nearer taps are taken to lie in the same one.
    reach = [d // patch_size if d >= patch_size and d > 1 else 0 for d in dilation]
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    for i, j, o in product(range(patches[0]), range(patches[1]), range(out_channels)):
        mean = dy[:, o][:, outputs[0][i]][:, :, outputs[1][j]].mean((1, 2)) / area
        for k in range(group_inputs):
            c = o // (out_channels // groups) * group_inputs + k
            dweight[o, k] += (x[:, c][:, inputs[0][i]][:, :, inputs[1][j]].sum((1, 2)) * mean).sum()
            for u, v in product(range(kernel[0]), range(kernel[1])):
                to_i = i + (u - (kernel[0] - 1) // 2) * reach[0]
                to_j = j + (v - (kernel[1] - 1) // 2) * reach[1]
                if 0 <= to_i < patches[0] and 0 <= to_j < patches[1]:
                    for row, column in product(inputs[0][to_i], inputs[1][to_j]):
                        dx[:, c, row, column] += weight[o, k, u, v] * mean
    return [torch.from_numpy(gradient) for gradient in (dx, dweight, dy.sum((0, 2, 3)))]


def pooled(maps, size, pad, patches):
    """(sums, real pixels) of the windows of zero-padded maps."""
    width = [(0, 0), (0, 0), (pad[0], pad[0] + size[0]), (pad[1], pad[1] + size[1])]
    padded, real = np.pad(maps, width, mode="constant"), np.pad(np.ones_like(maps), width, mode="constant")
    windows = [[slice(i * size[a], (i + 1) * size[a]) for i in range(patches[a])] for a in (0, 1)]
    return [np.array([[t[:, :, r, c].sum((2, 3)) for c in windows[1]] for r in windows[0]]) for t in (padded, real)]


def published_gradients(x, weight, dy, *, patch_size, stride, dilation):
    """(dx, dweight, dbias) as the published operator computes them without groups, or None where it cannot run.

    Zero-padded sum pooling, mean pooling over real pixels, kernels summed unless dilation reaches the patch
    size (then for 3×3 kernels and stride 1), nearest-neighbour upsampling, cropping. Source: the paper's formulas
    and the padding of its authors' operator.
    """
    x, weight, dy = x.numpy(), weight.numpy(), dy.numpy()
    patches = [ceil(pixels / patch_size) for pixels in dy.shape[2:]]
    size = [patch_size * s for s in stride]
    pad = [ceil((patches[a] * size[a] - x.shape[2 + a]) / 2) for a in (0, 1)]
    if any(pad[a] < 0 or pad[a] > size[a] // 2 or patches[a] * size[a] < x.shape[2 + a] for a in (0, 1)):
        return None  # the pooling refuses such padding, or the upsampled gradient is too small to crop
    x_sums, _ = pooled(x, size, pad, patches)  # (P_h, P_w, N, C)
    dy_pad = [ceil((patches[a] * patch_size - dy.shape[2 + a]) / 2) for a in (0, 1)]
    dy_sums, counts = pooled(dy, (patch_size, patch_size), dy_pad, patches)
    means = dy_sums / counts
    step = 0 if dilation == 1 or dilation < patch_size else dilation // patch_size
    if step:
        framed = np.pad(means, [(step, step), (step, step), (0, 0), (0, 0)], mode="constant")
        # A tap's gradient comes back from the side opposite to the one that it read.
        views = {
            (u, v): framed[(2 - u) * step :, (2 - v) * step :][: patches[0], : patches[1]]
            for u, v in product(range(3), range(3))
        }
        dx_small = sum(view @ weight[:, :, u, v] for (u, v), view in views.items())
    else:
        dx_small = means @ weight.sum((2, 3))
    dx = dx_small.transpose(2, 3, 0, 1).repeat(size[0], 2).repeat(size[1], 3)
    dx = dx[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]
    taps = np.einsum("ijno,ijnc->oc", means, x_sums)
    dweight = np.broadcast_to(taps[:, :, None, None], weight.shape)
    return [torch.from_numpy(np.array(gradient)) for gradient in (dx, dweight, dy.sum((0, 2, 3)))]


def saved_by(compute):
    """(tensors that autograd keeps for backward while compute runs, one per storage; compute's result)."""
    kept = {}

    def pack(tensor):
        storage = getattr(tensor, "untyped_storage", tensor.storage)()  # old torch has only storage
        kept.setdefault(storage.data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = compute()
    return list(kept.values()), result


@pytest.fixture(scope="session")
def slow_reference():
    return filtered_gradients


@pytest.fixture(scope="session")
def published_operator():
    return published_gradients


@pytest.fixture(scope="session")
def saved_tensors():
    return saved_by
