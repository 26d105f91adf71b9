"""The slow reference: gradient filtering written down from the formulas, patch by patch, in plain loops."""

from itertools import product

import pytest
import torch


def patch_range(index, patches, size, pixels):
    """Pixels of one patch of an axis; the last patch goes on to the end of the axis."""
    start = min(index * size, pixels)
    end = pixels if index == patches - 1 else min(start + size, pixels)
    return range(start, end)


def patch(i, j, patches, sizes, pixels):
    """The (row, column) of every pixel of patch (i, j)."""
    rows = patch_range(i, patches[0], sizes[0], pixels[0])
    return list(product(rows, patch_range(j, patches[1], sizes[1], pixels[1])))


def filtered_gradients(x, weight, dy, *, patch_size, stride, dilation, groups):
    """(dx, dweight, dbias) of a filtered convolution, for float64 tensors."""
    out_channels, group_inputs, *kernel = weight.shape
    patches = [-(-pixels // patch_size) for pixels in dy.shape[2:]]
    area = stride[0] * stride[1]
    # Taps at least a patch apart reach other patches; nearer taps are taken to lie in the same one.
    reach = [d // patch_size if d >= patch_size and d > 1 else 0 for d in dilation]
    dx, dweight, dbias = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros(out_channels).double()

    def inputs(i, j):
        return patch(i, j, patches, [patch_size * s for s in stride], x.shape[2:])

    for n, i, j, o in product(range(x.size(0)), range(patches[0]), range(patches[1]), range(out_channels)):
        outputs = patch(i, j, patches, [patch_size, patch_size], dy.shape[2:])
        total = sum(float(dy[n, o, row, column]) for row, column in outputs)
        mean = total / len(outputs)
        dbias[o] += total
        for k in range(group_inputs):
            c = o // (out_channels // groups) * group_inputs + k
            x_sum = sum(float(x[n, c, row, column]) for row, column in inputs(i, j))
            for u, v in product(range(kernel[0]), range(kernel[1])):
                dweight[o, k, u, v] += x_sum * mean / area
                to_i = i + (u - (kernel[0] - 1) // 2) * reach[0]
                to_j = j + (v - (kernel[1] - 1) // 2) * reach[1]
                if 0 <= to_i < patches[0] and 0 <= to_j < patches[1]:
                    for row, column in inputs(to_i, to_j):
                        dx[n, c, row, column] += float(weight[o, k, u, v]) * mean / area
    return dx, dweight, dbias


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
def saved_tensors():
    return saved_by
