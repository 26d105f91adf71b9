"""What is timed when single convolutions are: the conv_layer workload."""

from dataclasses import dataclass
from typing import List, Optional

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

from gradfilter.bench.schema.checks import (
    REFUSE_UNKNOWN_KEYS,
    check_choice,
    check_length,
    check_range,
    check_unique,
)


@dataclass
class ConvShape:
    """One Conv2d with zero padding and the batch and map size it is timed on."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    batch_size: int
    in_channels: int
    out_channels: int
    height: int
    width: int
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "in_channels", "out_channels", "height", "width", "groups"):
            check_range("shapes." + name, getattr(self, name), 1, 65536)
        check_range("shapes.kernel_size", self.kernel_size, 1, 64)
        check_range("shapes.stride", self.stride, 1, 64)
        check_range("shapes.padding", self.padding, 0, 64)
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    "shapes.groups must divide shapes.%s, got groups %d and %s %d."
                    % (name, self.groups, name, getattr(self, name))
                )
        for name in ("height", "width"):
            if getattr(self, name) + 2 * self.padding < self.kernel_size:
                raise ValueError(
                    "shapes.%s %d with padding %d is smaller than shapes.kernel_size %d."
                    % (name, getattr(self, name), self.padding, self.kernel_size)
                )

    @property
    def label(self) -> str:
        """The shape as a table row names it: '512→512 3×3 14×14 batch 32', and what differs from the usual."""
        text = "%d→%d %d×%d %d×%d batch %d" % (
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.kernel_size,
            self.height,
            self.width,
            self.batch_size,
        )
        if self.stride != 1:
            text += " stride %d" % self.stride
        if self.padding != self.kernel_size // 2:
            text += " padding %d" % self.padding
        if self.groups != 1:
            text += " groups %d" % self.groups
        return text


@dataclass
class ConvLayerWorkload:
    """Forward and backward of single convolutions: the published latency experiment.

    The convolution is alone in the graph; its input, weight and bias all get gradients.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    kind: Literal["conv_layer"]
    shapes: List[ConvShape]
    warm_up_steps: int = 2
    measured_steps: int = 10
    compute: Literal["cpu", "cuda"] = "cpu"
    threads: Optional[int] = None
    memory_format: Literal["channels_last", "contiguous"] = "contiguous"
    seed: int = 0

    def __post_init__(self) -> None:
        check_length("shapes", self.shapes, 1, 64)
        check_unique("shapes", [shape.label for shape in self.shapes])
        check_range("warm_up_steps", self.warm_up_steps, 0, 1000000)
        check_range("measured_steps", self.measured_steps, 1, 1000000)
        check_choice("compute", self.compute, ["cpu", "cuda"])
        check_choice("memory_format", self.memory_format, ["channels_last", "contiguous"])
        if self.threads is not None:
            check_range("threads", self.threads, 1, 1024)
        check_range("seed", self.seed, 0, 2**63 - 1)
