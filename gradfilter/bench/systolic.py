"""The systolic workload: a variant's network on a simulated array, layer by layer. Nothing here is measured.

One forward pass on a batch of one finds the shapes; rows of products are then counted for the whole batch.
"""

from typing import List, cast

import torch
from torch import Tensor, nn

from gradfilter.bench.board import Board
from gradfilter.bench.environment import read_environment
from gradfilter.bench.events import EventWriter
from gradfilter.bench.models import build_model, check_image_size
from gradfilter.bench.schema import Outcome, RunSpec, SimulatedLayer, SystolicWorkload, Variant
from gradfilter.bench.trainable import set_trainable
from gradfilter.bench.variants import PreparedVariant, apply_methods, naming_variant
from gradfilter.systolic.array import Array
from gradfilter.systolic.energy import Memory, energy_j
from gradfilter.systolic.products import LayerWork, layer_works
from gradfilter.systolic.schedules import DATAFLOWS, SCHEDULES, Cost, backward_cost, forward_cost

_KILO = 1024


def measure(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Simulate every layer under every dataflow and schedule.

    Raises:
        RefusedWorkload: the model or a variant cannot be had here.
    """
    workload = cast("SystolicWorkload", spec.workload)
    prepared = _build(workload, spec.variant, board)
    events.environment(**read_environment())
    events.phase("evaluation")
    simulated = simulate(prepared.model, workload)
    events.outcome(Outcome(simulated=simulated, layers=prepared.layers))


def prepare(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Build every variant once.

    Raises:
        RefusedWorkload: a variant cannot be had here, or the image is too small for the model.
    """
    workload = cast("SystolicWorkload", spec.workload)
    events.phase("prepare")
    plain = build_model(workload.model, workload.classes, workload.seed, board)
    check_image_size(plain, workload.model, workload.image_size)
    for variant in spec.variants:
        with naming_variant(variant):
            simulate(_build(workload, variant, board).model, workload)
    events.environment(**read_environment())
    events.outcome(Outcome())


def simulate(model: nn.Module, workload: SystolicWorkload) -> List[SimulatedLayer]:
    """Every layer's passes on the workload's array, by part and in the order of the modules."""
    image = torch.zeros(1, 3, workload.image_size, workload.image_size)

    def batch_loss(network: nn.Module) -> Tensor:
        return cast("Tensor", network(image)).sum()

    works = [_of_batch(work, workload.batch_size) for work in layer_works(model.eval(), batch_loss)]
    array = Array(workload.array_rows, workload.array_columns, workload.overlap_drain)
    return [
        *(_layer(w, "forward " + name, forward_cost(array, w, name), workload) for name in DATAFLOWS for w in works),
        *(_layer(w, "backward " + name, backward_cost(array, w, name), workload) for name in SCHEDULES for w in works),
    ]


def _build(workload: SystolicWorkload, variant: Variant, board: Board) -> PreparedVariant:
    model = build_model(workload.model, workload.classes, workload.seed, board)
    set_trainable(model, workload.trainable if variant.trainable is None else variant.trainable)
    return apply_methods(model, variant)


def _of_batch(work: LayerWork, images: int) -> LayerWork:
    """One image's products with the rows of a batch."""
    forward, backward = (product._replace(m=product.m * images) for product in (work.forward, work.backward))
    return work._replace(forward=forward, backward=backward)


def _layer(work: LayerWork, part: str, cost: Cost, workload: SystolicWorkload) -> SimulatedLayer:
    array = Array(workload.array_rows, workload.array_columns, workload.overlap_drain)
    memory = Memory(workload.sram_kb * _KILO, workload.word_bytes)
    return SimulatedLayer(
        name=work.name,
        part=part,
        cycles=cost.cycles,
        macs=cost.macs,
        reads=cost.reads,
        writes=cost.writes,
        energy_j=energy_j(cost, array, memory, workload.energy),
        utilisation=cost.utilisation(array),
    )
