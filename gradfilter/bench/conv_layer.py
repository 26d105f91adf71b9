"""The conv_layer workload: forward and backward of single convolutions, the published latency experiment.

One Conv2d with bias, alone in the graph; its input, weight and bias all get gradients from a random
output gradient (Yang, Li, Marculescu, CVPR 2023, arXiv 2301.00330). A network's whole step gains less than one layer's
backward: the training workload shows that side by side.
"""

import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Dict, List, Tuple, cast

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.environment import read_environment
from gradfilter.bench.events import EventWriter
from gradfilter.bench.marks import StepPhase
from gradfilter.bench.memory import PeakMemory
from gradfilter.bench.placement import Placement
from gradfilter.bench.schema import ConvLayerWorkload, ConvShape, MethodedLayer, Outcome, RunSpec, Step, Variant
from gradfilter.bench.steadiness import step_until_steady
from gradfilter.bench.variants import apply_methods, naming_variant
from gradfilter.inspection import counting_saved_bytes


def measure(spec: RunSpec, events: EventWriter, board: Board) -> None:  # noqa: ARG001 (the interface of a workload)
    """Time every shape, one after another, and count what each saves for backward.

    Each shape has phases of its own, setup, warm_up, measured and evaluation, so that making the
    tensors of one is never inside the measured phase of another.
    """
    workload = cast("ConvLayerWorkload", spec.workload)
    placement = Placement(workload)
    events.environment(**read_environment())
    memory = PeakMemory(placement.device)
    saved: Dict[str, int] = {}
    layers: List[MethodedLayer] = []
    rehearsals: List[Dict[str, Any]] = []
    for position, shape in enumerate(workload.shapes):
        events.phase("setup")
        layer = _Layer(shape, workload.seed, spec.variant, placement)
        layers += layer.changes
        if spec.steady is not None:
            events.phase("rehearsal")
            rehearsals.append(step_until_steady(layer.time_step, spec.steady))
        _time_layer(layer, spec, position, events)
        memory.read()
        events.phase("evaluation")
        saved[shape.label] = layer.saved_bytes()
        del layer  # or the next one would be built beside it, and the peak would be that of two
    events.environment(**({"rehearsals": rehearsals} if rehearsals else {}))
    events.outcome(
        Outcome(
            saved_activation_bytes=saved,
            peak_rss_bytes=memory.rss_bytes,
            peak_device_bytes=memory.device_bytes,
            layers=layers,
        )
    )


def prepare(spec: RunSpec, events: EventWriter, board: Board) -> None:  # noqa: ARG001 (the interface of a workload)
    """Run every variant's forward and backward once on a batch of one of every shape.

    Raises:
        RefusedWorkload: a variant cannot be run on this board.
    """
    workload = cast("ConvLayerWorkload", spec.workload)
    events.phase("prepare")
    placement = Placement(workload)
    for variant in spec.variants:
        with naming_variant(variant):
            for shape in workload.shapes:
                _Layer(replace(shape, batch_size=1), workload.seed, variant, placement).saved_bytes()
    events.environment(**read_environment())
    events.outcome(Outcome())


class _Layer:
    """One convolution with a variant's methods, its input and the gradient of its output."""

    def __init__(self, shape: ConvShape, seed: int, variant: Variant, placement: Placement) -> None:
        torch.manual_seed(seed)
        self._mark = placement.mark
        prepared = apply_methods(_holder(shape), variant)
        self._model = placement.model(prepared.model)
        # As a leaf: its gradient is what the layer below would get.
        images = torch.randn(shape.batch_size, shape.in_channels, shape.height, shape.width)
        self._input = placement.images(images).requires_grad_()
        with torch.no_grad():
            output = self._model(self._input)
        self._output_gradient = torch.randn_like(output)
        self.changes = prepared.layers

    def step(self, index: int, phase: StepPhase, part: str) -> Step:
        """One forward and one backward; gradients are cleared outside the marks, so that none accumulates."""
        self._clear_gradients()
        start = self._mark()
        output = self._model(self._input)
        forward_end = self._mark()
        output.backward(self._output_gradient)
        backward_end = self._mark()
        return Step(
            index=index,
            phase=phase,
            start_s=start,
            forward_s=forward_end - start,
            backward_s=backward_end - forward_end,
            part=part,
        )

    def time_step(self) -> float:
        """How long one step takes (s)."""
        step = self.step(0, "warm_up", "")
        return step.forward_s + step.backward_s

    def saved_bytes(self) -> int:
        """Bytes that one forward keeps for backward; the backward then runs as well."""
        self._clear_gradients()
        with counting_saved_bytes(self._model) as saved:
            self._model(self._input).backward(self._output_gradient)
        return saved.total

    def _clear_gradients(self) -> None:
        self._input.grad = None
        for parameter in self._model.parameters():
            parameter.grad = None


def _time_layer(layer: _Layer, spec: RunSpec, position: int, events: EventWriter) -> None:
    """Warm up and measure one shape, as long as its steps and the window take. Steps count from 0 within each shape."""
    workload = cast("ConvLayerWorkload", spec.workload)
    part = workload.shapes[position].label
    per_shape = workload.warm_up_steps + workload.measured_steps
    index = 0
    phases: List[Tuple[StepPhase, int]] = [("warm_up", workload.warm_up_steps), ("measured", workload.measured_steps)]
    for phase, steps in phases:
        events.phase(phase)
        began = time.monotonic()
        for _ in range(steps):
            events.step(layer.step(index, phase, part))
            index += 1
            events.progress(position * per_shape + index, len(workload.shapes) * per_shape)
    while spec.window is not None and time.monotonic() - began < spec.window.seconds:
        events.step(layer.step(index, "measured", part))
        index += 1


def _holder(shape: ConvShape) -> nn.Module:
    """A model of one convolution, as methods change models."""
    convolution = nn.Conv2d(
        shape.in_channels,
        shape.out_channels,
        shape.kernel_size,
        stride=shape.stride,
        padding=shape.padding,
        groups=shape.groups,
    )
    return nn.Sequential(OrderedDict(conv=convolution))
