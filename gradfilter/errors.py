"""What the library raises. Each error also is the builtin that it specializes."""

from typing import Sequence

_SHOWN = 8  # problems of a model that its sentence tells; a list in a job may name thousands of wrong layers


class GradfilterError(Exception):
    """Base of the library's own errors."""


class UnsupportedModel(GradfilterError, ValueError):  # noqa: N818 - the name says what is wrong
    """A method cannot handle this model; nothing was changed. problems holds one sentence per offending module."""

    def __init__(self, method: str, problems: Sequence[str]) -> None:
        self.method = method
        self.problems = list(problems)
        super().__init__(method, self.problems)

    def __str__(self) -> str:
        shown = self.problems
        if len(shown) > _SHOWN:  # the last may be the advice for all of them
            shown = [*shown[: _SHOWN - 1], "And %d more." % (len(shown) - _SHOWN), shown[-1]]
        return "%s cannot handle this model: %s" % (self.method, " ".join(shown))


class AlreadyApplied(UnsupportedModel):
    """A method was applied to a model, or to a part of a model, that it has changed before."""


class NotApplied(GradfilterError, ValueError):  # noqa: N818
    """A method was to be removed from a model that does not have it; nothing was changed."""


class NoMomentum(GradfilterError, ValueError):  # noqa: N818
    """A method needs the optimizer's momentum, and it keeps none."""


class NoSecondDerivative(GradfilterError, RuntimeError):  # noqa: N818
    """A filtered convolution was differentiated twice.

    Its backward pass is an approximation on purpose, so its derivative would not be the second
    derivative of anything.
    """


class ChangedInPlace(GradfilterError, RuntimeError):  # noqa: N818
    """A tensor was changed in place after a chain of filtered layers took it, and before the chain had read it."""


class ChainInCheckpoint(GradfilterError, RuntimeError):  # noqa: N818
    """torch.utils.checkpoint ran a part of a model that a chain of filtered layers leads into.

    Its recomputation, and in its older form its forward pass too, would part the chain from its gradient.
    """
