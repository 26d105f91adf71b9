"""Which model's forward pass the code that asks is part of: read from the calls that are under way.

No state says when a chain may form, so none can be left behind by a forward pass that raised, be shared by threads, or
be missing from a copy of a model.
"""

import sys
from types import CodeType, FrameType
from typing import Any, Optional

import torch
import torch.utils.checkpoint
from torch import nn

from gradfilter.errors import ChainInCheckpoint

# What every call of a module goes through; where there are two, the one with fewer locals, as asking for one makes all.
_CALL: CodeType = getattr(nn.Module, "_wrapped_call_impl", nn.Module._call_impl).__code__  # noqa: SLF001
_CHECKPOINTING = vars(torch.utils.checkpoint)


def is_inside(ends_chains: Any) -> bool:
    """Whether a model that has this forward hook is being called, and nothing between runs a part of it again."""
    found = _innermost(ends_chains)
    return found is not None and found.f_code is _CALL


def refuse_checkpointing(ends_chains: Any) -> None:
    """Refuse a part of a model that is run a second time: the map that enters it is part of a chain.

    Raises:
        ChainInCheckpoint: torch.utils.checkpoint is at work inside the model.
    """
    found = _innermost(ends_chains)
    if found is not None and found.f_code is not _CALL:
        raise ChainInCheckpoint(
            "torch.utils.checkpoint runs a part of a model whose input is part of a chain of filtered layers, which "
            "would lose the gradient. Turn checkpointing off, or filter with fuse=False."
        )


def _innermost(ends_chains: Any) -> Optional[FrameType]:
    """The innermost call of a model with this forward hook, or of torch's checkpointing."""
    frame: Optional[FrameType] = sys._getframe(1)  # noqa: SLF001 - the one way to ask who called
    while frame is not None:
        if frame.f_code is _CALL:
            if ends_chains in frame.f_locals["self"]._forward_hooks.values():  # noqa: SLF001
                return frame
        elif frame.f_globals is _CHECKPOINTING:
            return frame
        frame = frame.f_back
    return None
