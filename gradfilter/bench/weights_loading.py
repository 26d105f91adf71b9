"""Weights into a network: all of them must fit, save a head of another size."""

from typing import Dict, List

import torch
from torch import Tensor, nn

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import head_names

_NAMED = 3  # misfits of each kind that a refusal lists
_PREFIXES = ("module.", "model.")  # of wrappers such as DataParallel, around the whole network

State = Dict[str, Tensor]


def load_weights(model: nn.Module, state: State, what: str, covers: str = "") -> List[str]:
    """Copy a state dict into a model; the names of the modules that it left as they were.

    A head whose shapes differ is another data set's: it stays at its random start, as a whole. covers:
    the module that the state is all of, such as a segmentation model's encoder; the modules beside it
    stay too. what: the weights' name, for the refusal.

    Raises:
        RefusedWorkload: a tensor is missing, is too many or has another shape.
    """
    own = model.state_dict()
    wanted = {name: value for name, value in own.items() if not covers or _is_within(name, covers)}
    state = _without_prefix(state, wanted)
    foreign = [head for head in head_names(model) if _has_another_size(head, state, wanted)]
    wanted = {name: value for name, value in wanted.items() if not _is_in_any(name, foreign)}
    state = {name: value for name, value in state.items() if not _is_in_any(name, foreign)}
    _check_fit(state, wanted, what)
    # Copied here and not by load_state_dict, whose own words for what stays are a warning.
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(state[name])
    beside = [name for name, child in model.named_children() if covers and name != covers and child.state_dict()]
    return sorted(set(foreign + beside))


def _without_prefix(state: State, wanted: State) -> State:
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in state) and not any(name.startswith(prefix) for name in wanted):
            return {name[len(prefix) :]: value for name, value in state.items()}
    return state


def _has_another_size(head: str, state: State, wanted: State) -> bool:
    names = [name for name in wanted if _is_within(name, head)]
    return all(name in state for name in names) and any(state[name].shape != wanted[name].shape for name in names)


def _check_fit(state: State, wanted: State, what: str) -> None:
    misfits = {
        "missing": [name for name in wanted if name not in state],
        "unknown to the model": [name for name in state if name not in wanted],
        "of another shape": [
            "%s %s instead of %s" % (name, tuple(state[name].shape), tuple(value.shape))
            for name, value in wanted.items()
            if name in state and state[name].shape != value.shape
        ],
    }
    words = ["%d %s (%s)" % (len(names), kind, _listed(names)) for kind, names in misfits.items() if names]
    if words:
        raise RefusedWorkload(
            "weights",
            "%s does not fit the model: of its tensors %s. Choose the model that the weights were saved from."
            % (what, ", ".join(words)),
        )


def _listed(names: List[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _is_within(name: str, module: str) -> bool:
    return name.startswith(module + ".")


def _is_in_any(name: str, modules: List[str]) -> bool:
    return any(_is_within(name, module) for module in modules)
