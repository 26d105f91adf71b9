"""Virtual pooling: convolutions of doubled stride, interpolated after their activation.

Source: Chen, Zhang, Ding, Marculescu, ViP: Virtual Pooling, WACV 2020, arXiv 1906.07912. It was published for
inference, with fine-tuning in between; here training runs on it too, and its forward and backward passes both get
cheaper. The forward pass is approximate, the gradients are exactly those of the changed network.
"""

from dataclasses import dataclass, field
from typing import ClassVar, List, Optional

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_choice
from gradfilter.errors import UnsupportedModel
from gradfilter.methods.layer_selection import OPTIONS, LayerSelection
from gradfilter.methods.method import Method
from gradfilter.virtual import pool_virtually, restore_stride, virtual_problem
from gradfilter.virtual.layers import whole_output

# The layers of VGG16 after each round of the authors' search, as timm and torchvision call them: all later rounds have
# the earlier ones' layers. Source: the authors' released code (86665f4).
_VGG16 = {
    1: (2, 7, 14, 21, 26, 28),  # conv1_2 2_2 3_3 4_3 5_2 5_3
    2: (17, 19, 24),  # conv4_1 4_2 5_1
    3: (0,),  # conv1_1
    4: (10, 12),  # conv3_1 3_2: all but conv2_1
}
PRESETS = {
    "vgg16-round-%d" % last: ["features.%d" % n for n in sorted(n for r in range(1, last + 1) for n in _VGG16[r])]
    for last in _VGG16
}


@dataclass
class VirtualPooling(Method):
    """Compute every second output of the chosen convolutions, along rows and columns, and interpolate the others.

    About a quarter of a layer's operations, forward and backward. Layers are selected by layers and types, and of
    these the last so many; which ones a network can spare is what gradfilter.methods.layer_sensitivity finds out.
    """

    name: ClassVar[str] = "virtual_pooling"
    source: ClassVar[str] = "Chen, Zhang, Ding, Marculescu: ViP: Virtual Pooling, WACV 2020, arXiv 1906.07912"

    last: Optional[int] = field(default=None, metadata=OPTIONS["last"])
    layers: Optional[List[str]] = field(default=None, metadata=OPTIONS["layers"])
    types: Optional[List[str]] = field(default=None, metadata=OPTIONS["types"])
    preset: Optional[str] = field(
        default=None, metadata={"help": "a published choice of layers instead of one's own: " + ", ".join(PRESETS)}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        LayerSelection(self.last, self.layers, self.types).check()
        if self.preset is not None:
            check_choice("preset", self.preset, list(PRESETS))
            if (self.last, self.layers, self.types) != (None, None, None):
                raise ValueError(
                    "preset %r already chooses the layers: leave out last, layers and types, or the preset."
                    % self.preset
                )

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Double the stride of the selected convolutions, in place."""
        layers = self.layers if self.preset is None else PRESETS[self.preset]
        selected = LayerSelection(self.last, layers, self.types).convolutions(model, self.name)
        problems = [(name or "the model itself", virtual_problem(convolution)) for name, convolution in selected]
        sentences = ["%s: %s." % (name, problem) for name, problem in problems if problem]
        if sentences:
            raise UnsupportedModel(self.name, [*sentences, "Choose other layers (options last, layers, types)."])
        for _, convolution in selected:
            pool_virtually(convolution)
        model.register_forward_hook(whole_output)
        return [MethodedLayer(name, "%s stride ×2" % self.name) for name, _ in selected]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Give the convolutions their strides back, in place."""
        modules = dict(model.named_modules())
        for layer in layers:
            restore_stride(modules[layer.name])
        hooks = model._forward_hooks  # noqa: SLF001
        for key in [key for key, hook in hooks.items() if hook is whole_output]:
            del hooks[key]
