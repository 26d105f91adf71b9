"""How near a variant's weight gradients are to the exact ones: one batch, after everything that is measured."""

from typing import List

from torch import Tensor, nn

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.batches import Batch
from gradfilter.bench.schema import LayerGradient, Variant
from gradfilter.bench.variants import PreparedVariant
from gradfilter.bench.workload import Task
from gradfilter.inspection.gradients import compare_gradients

_LONGEST_REASON = 300  # torch names every parameter that does not fit


def compare_with_plain(task: Task, variant: Variant, prepared: PreparedVariant, batch: Batch) -> List[LayerGradient]:
    """Every trained layer that the methods changed against that of the plain network with the same weights.

    Both compute in the workload's number type, so that what differs is the methods' doing.

    What goes wrong here, memory that does not hold two networks included, is a reason: the run itself was measured.
    """
    parameters = [name for name, parameter in prepared.model.named_parameters() if parameter.requires_grad]
    trained = {name.rpartition(".")[0] for name in parameters if name.rpartition(".")[2] == "weight"}
    names = [name for name in dict.fromkeys(layer.name for layer in prepared.layers) if name in trained]
    if not names:
        return []
    images, targets = batch

    def batch_loss(model: nn.Module) -> Tensor:
        set_training_mode(model, task.workload.batch_norm)
        return task.loss(model, images, targets)

    try:
        plain = task.plain_model(variant)
        plain.load_state_dict(prepared.model.state_dict())
        return compare_gradients(plain, prepared.model, batch_loss, names)
    except (RuntimeError, ValueError, MemoryError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        reason = "no comparison with plain training: %s" % said[:_LONGEST_REASON]
        return [LayerGradient(name=name, reason=reason) for name in names]
