"""Gradient filtering: backward passes of convolutions at patch resolution.

Source: Yang, Li, Marculescu, Efficient On-device Training via Gradient Filtering, CVPR 2023,
arXiv 2301.00330. The forward pass is untouched, bit for bit; gradients are approximated; of a
layer's input only patch averages are kept. The formulas stand in gradfilter/filtering/gradients.py.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Dict, List, Optional, Tuple

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_choice
from gradfilter.errors import UnsupportedModel
from gradfilter.filtering.chains.fusing import form_chains, form_no_chains
from gradfilter.filtering.layers import FilteredConv2d, conversion_problem
from gradfilter.filtering.shape import ALIGNMENTS
from gradfilter.methods.layer_selection import OPTIONS, LayerSelection
from gradfilter.methods.method import Method
from gradfilter.methods.patch_sizes import assign_patch_sizes, check_patch_size, check_patch_sizes
from gradfilter.methods.presets import PRESETS, check_preset

_DEFAULT_PATCH_SIZE = 2

SizedConvolution = Tuple[str, nn.Conv2d, int]


@dataclass
class GradientFilter(Method):
    """Filter the gradients of a model's convolutions.

    patch_size counts outputs of the layer; 1 turns the filter off and leaves the layer as it is, since
    the formula at 1 is not the exact gradient. The model must be made of plain nn.Conv2d where it is filtered.
    Layers are selected by layers and types, and of these the last so many.
    """

    name: ClassVar[str] = "gradient_filter"
    source: ClassVar[str] = (
        "Yang, Li, Marculescu: Efficient On-device Training via Gradient Filtering, CVPR 2023, arXiv 2301.00330"
    )

    patch_size: int = field(
        default=_DEFAULT_PATCH_SIZE,
        metadata={"help": "outputs along one side of a patch; 1 turns the filter off"},
    )
    last: Optional[int] = field(default=None, metadata=OPTIONS["last"])
    layers: Optional[List[str]] = field(default=None, metadata=OPTIONS["layers"])
    types: Optional[List[str]] = field(default=None, metadata=OPTIONS["types"])
    patch_sizes: Optional[Dict[str, int]] = field(
        default=None,
        metadata={
            "help": "other patch sizes for some of the layers, by module name or pattern; a name counts before a "
            "pattern, 1 leaves the layer exact"
        },
    )
    alignment: str = field(
        default="corner",
        metadata={"help": "corner: patches start at pixel 0; centred: they overhang both edges alike, as published"},
    )
    stride_correction: bool = field(
        default=True,
        metadata={"help": "divide a strided layer's gradients by stride², which the published operator leaves out"},
    )
    reference_compat: bool = field(
        default=False,
        metadata={"help": "the published operator: centred, no stride correction; overrides those two options"},
    )
    fuse: bool = field(
        default=True,
        metadata={
            "help": "run chains of convolution, BatchNorm and activation backwards at patch resolution, with the same "
            "gradients; false: every layer by itself"
        },
    )
    preset: Optional[str] = field(
        default=None,
        metadata={"help": "a published choice of layers and patch size, instead of one's own: " + ", ".join(PRESETS)},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_patch_size("patch_size", self.patch_size)
        if self.patch_sizes is not None:
            check_patch_sizes(self.patch_sizes)
        check_choice("alignment", self.alignment, ALIGNMENTS)
        LayerSelection(self.last, self.layers, self.types).check()
        if self.preset is not None:
            own = ("last", "layers", "types", "patch_sizes", "patch_size")
            check_preset(self.preset, {name: getattr(self, name) for name in own}, _DEFAULT_PATCH_SIZE)

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Turn the selected nn.Conv2d into FilteredConv2d, in place."""
        explicit = self.explicit()
        if explicit is not self:
            return explicit.change(model)
        selected = self._sized_convolutions(model)
        self._refuse_unfilterable(selected)
        for _, convolution, size in selected:
            if size > 1:
                FilteredConv2d.convert(
                    convolution, size, alignment=self.alignment, stride_correction=self.stride_correction
                )
        if self.fuse and any(size > 1 for *_, size in selected):
            form_chains(model)
        return [MethodedLayer(name, self._change_words(size)) for name, _, size in selected]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Turn the FilteredConv2d back into nn.Conv2d, in place."""
        modules = dict(model.named_modules())
        for layer in layers:
            module = modules.get(layer.name)
            if isinstance(module, FilteredConv2d):  # with patch size 1 it never was
                FilteredConv2d.restore(module)
        form_no_chains(model)

    def explicit(self) -> "GradientFilter":
        """The same method with preset and reference_compat written out in the options that they stand for."""
        method = self
        if method.preset is not None:
            method = replace(method, preset=None, **PRESETS[method.preset].options)
        if method.reference_compat:
            method = replace(method, reference_compat=False, alignment="centred", stride_correction=False)
        return method

    def _sized_convolutions(self, model: nn.Module) -> List[SizedConvolution]:
        selected = LayerSelection(self.last, self.layers, self.types).convolutions(model, self.name)
        sizes = assign_patch_sizes(model, self.name, selected, self.patch_size, self.patch_sizes or {})
        return [(name, convolution, size) for (name, convolution), size in zip(selected, sizes)]

    def _refuse_unfilterable(self, selected: List[SizedConvolution]) -> None:
        problems = [
            (name, conversion_problem(convolution, size, self.alignment))
            for name, convolution, size in selected
            if size > 1 or isinstance(convolution, FilteredConv2d)  # a plain layer that stays plain may be anything
        ]
        sentences = ["%s: %s." % (name or "the model itself", problem) for name, problem in problems if problem]
        if sentences:
            advice = "Choose other layers (options last, layers, types) or leave these exact (1 in patch_sizes)."
            raise UnsupportedModel(self.name, [*sentences, advice])

    def _change_words(self, patch_size: int) -> str:
        words = ["%s patch_size=%d" % (self.name, patch_size)]
        if patch_size == 1:
            return ", ".join([*words, "left exact"])
        if self.alignment != "corner":
            words.append(self.alignment)
        if not self.stride_correction:
            words.append("published scale")
        return ", ".join(words)
