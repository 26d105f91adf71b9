"""What a training method is. The defaults change nothing: plain training is a list without methods."""

from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Sequence, Type, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer

from gradfilter.bench.schema import MethodDescription, MethodedLayer
from gradfilter.methods.changes import forget_changes, note_changes, parts_with, refuse_second_application
from gradfilter.methods.options import check_names, check_types, describe_options

M = TypeVar("M", bound="Method")


@dataclass
class Method:
    """A way to change training. Subclasses are dataclasses; their fields are the options.

    name is the key in METHODS, source the paper. A subclass overrides the hooks that it needs; a
    training loop calls apply once, keep_batch before each batch, extra_loss in each step, and after_update after it.

    Raises:
        ValueError: an option has the wrong type or value; the sentence begins with its name.
    """

    name: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_types(self)

    @classmethod
    def from_options(cls: Type[M], options: Mapping[str, Any]) -> M:
        """The method with the options of a job.

        Raises:
            ValueError: an option is unknown, of the wrong type or out of range.
        """
        check_names(cls, options)
        return cls(**options)

    @classmethod
    def describe(cls) -> MethodDescription:
        """The method as a board offers it."""
        return MethodDescription(name=cls.name, source=cls.source, options=describe_options(cls))

    def apply(self, model: nn.Module) -> nn.Module:
        """Change the model in place and return it. A model that is refused stays as it was.

        Raises:
            UnsupportedModel: the method cannot handle the model; every offending module is named.
            AlreadyApplied: the method was applied to the model, or a part of it, before.
        """
        refuse_second_application(model, self.name)
        note_changes(model, self.name, self.change(model))
        return model

    def change(self, model: nn.Module) -> List[MethodedLayer]:  # noqa: ARG002 - the default changes nothing
        """Hook of apply: change the model in place, and say which layers were changed and how.

        Raises:
            UnsupportedModel: before anything is changed.
        """
        return []

    def remove(self, model: nn.Module) -> nn.Module:
        """Undo apply in place and return the model. The options play no part: what was done is noted on the model.

        Raises:
            NotApplied: the method was applied neither to the model nor to a part of it.
        """
        for part, layers in parts_with(model, self.name):
            self.restore(part, layers)
            forget_changes(part, self.name)
        return model

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:  # noqa: ARG002
        """Hook of remove: undo change in place. layers is what change returned; the default suits an empty list."""
        if layers:
            raise NotImplementedError("%s changes layers, so it must override restore." % self.name)

    def optimizer(
        self,
        parameters: Iterable[nn.Parameter],  # noqa: ARG002
        learning_rate: float,  # noqa: ARG002
    ) -> Optional[Optimizer]:
        """The optimizer that the method needs, or None for the workload's own."""
        return None

    def keep_batch(self, step: int, random: Random) -> bool:  # noqa: ARG002
        """Whether to train on the batch of this step; a batch not kept costs nothing."""
        return True

    def after_update(self, optimizer: Optimizer) -> None:
        """Called after each of the optimizer's updates, whoever brought it."""

    def stands_in(self, parameters: Sequence[nn.Parameter]) -> bool:  # noqa: ARG002
        """Give the parameters gradients for the update of a batch that this method did not keep; whether it did."""
        return False

    def observed(self, model: nn.Module) -> Dict[str, str]:  # noqa: ARG002
        """What was seen of changed layers while the model trained, in a few words each, by module name."""
        return {}

    def extra_loss(self, model: nn.Module) -> Optional[Tensor]:  # noqa: ARG002
        """A scalar to add to the loss, or None."""
        return None
