"""Gradient filtering: backward passes of convolutions at patch resolution.

Source: Yang, Li, Marculescu, Efficient On-device Training via Gradient Filtering, CVPR 2023,
arXiv 2301.00330. The forward pass is untouched, bit for bit; gradients are approximated; of a
layer's input only patch sums are kept. The formulas stand in gradfilter/filtering/convolution.py.
"""

from dataclasses import dataclass, field
from typing import ClassVar, List, Optional

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_range
from gradfilter.errors import UnsupportedModel
from gradfilter.filtering.layers import FilteredConv2d, conversion_problem
from gradfilter.methods.layer_selection import NamedConvolution, check_selection, select_convolutions
from gradfilter.methods.method import Method

_LARGEST_PATCH = 65536


@dataclass
class GradientFilter(Method):
    """Filter the gradients of a model's convolutions.

    patch_size counts outputs of the layer; 1 turns the filter off and leaves the layer as it is, since
    the formula at 1 is not the exact gradient. The model must be made of plain nn.Conv2d where it is filtered.
    """

    name: ClassVar[str] = "gradient_filter"
    source: ClassVar[str] = (
        "Yang, Li, Marculescu: Efficient On-device Training via Gradient Filtering, CVPR 2023, arXiv 2301.00330"
    )

    patch_size: int = field(default=2, metadata={"help": "outputs along one side of a patch; 1 turns the filter off"})
    last: Optional[int] = field(
        default=None,
        metadata={"help": "filter the last so many Conv2d, in registration order; neither last nor layers: all"},
    )
    layers: Optional[List[str]] = field(
        default=None, metadata={"help": "filter the Conv2d with these module names, instead of last"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("patch_size", self.patch_size, 1, _LARGEST_PATCH)
        check_selection(self.last, self.layers)

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Turn the selected nn.Conv2d into FilteredConv2d, in place."""
        selected = select_convolutions(model, self.name, last=self.last, layers=self.layers)
        if self.patch_size > 1:
            self._refuse_unfilterable(selected)
            for _, convolution in selected:
                FilteredConv2d.convert(convolution, self.patch_size)
        change = "%s patch_size=%d" % (self.name, self.patch_size)
        return [MethodedLayer(name, change) for name, _ in selected]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Turn the FilteredConv2d back into nn.Conv2d, in place."""
        modules = dict(model.named_modules())
        for layer in layers:
            module = modules.get(layer.name)
            if isinstance(module, FilteredConv2d):  # with patch size 1 it never was
                FilteredConv2d.restore(module)

    def _refuse_unfilterable(self, selected: List[NamedConvolution]) -> None:
        problems = [(name, conversion_problem(convolution, self.patch_size)) for name, convolution in selected]
        sentences = ["%s: %s." % (name or "the model itself", problem) for name, problem in problems if problem]
        if sentences:
            raise UnsupportedModel(self.name, [*sentences, "Choose other layers with the option layers or last."])
