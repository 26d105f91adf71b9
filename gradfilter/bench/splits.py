"""Who trains on what: held-out images, and two non-iid parts when a starting checkpoint is trained.

The two parts follow Federated Averaging (B. McMahan et al., AISTATS 2017): sort by
label, cut into shards, deal the shards out. Gradient filtering's paper pretrains on one such part
and fine-tunes on the other. Everything is drawn with Python's own generator, so that a seed means
the same split on every version of torch.

An official held-out part is what a job is scored on, unless it pretrains: then both parts come from
the images to train on, and each holds out a fifth of its own, since a part has not the classes of
the whole.
"""

import random
from dataclasses import dataclass
from itertools import chain
from typing import Iterable, List, Sequence, Tuple

_HELD_OUT = 0.2
_SHARDS = 20  # two per class of ten, dealt to two parts: each part has a few classes only and shares some


@dataclass
class Split:
    """Indices of the images to train on and of those held out for evaluation."""

    train: List[int]
    test: List[int]


def hold_out(indices: Iterable[int], seed: int) -> Split:
    """Hold out a fifth of the images, drawn from the seed."""
    shuffled = list(indices)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (not cryptography)
    held_out = max(1, round(len(shuffled) * _HELD_OUT))
    return Split(train=sorted(shuffled[held_out:]), test=sorted(shuffled[:held_out]))


def split_once(images: int, held_out: int, seed: int) -> Split:
    """The official split, whose held-out images come last; a fifth drawn from the seed where there is none."""
    if held_out:
        return Split(train=list(range(images - held_out)), test=list(range(images - held_out, images)))
    return hold_out(range(images), seed)


def split_in_two(labels: Sequence[int], seed: int) -> Tuple[Split, Split]:
    """Two non-iid parts of the images with these labels: the one to pretrain on and the one to fine-tune on."""
    by_label = sorted(range(len(labels)), key=lambda index: (labels[index], index))
    bounds = [round(len(by_label) * shard / _SHARDS) for shard in range(_SHARDS + 1)]
    shards = [by_label[low:high] for low, high in zip(bounds, bounds[1:])]
    random.Random(seed).shuffle(shards)  # noqa: S311 (not cryptography)
    half = len(shards) // 2
    return hold_out(chain(*shards[:half]), seed), hold_out(chain(*shards[half:]), seed)
