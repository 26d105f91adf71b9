"""shapes: drawn scenes with exact masks, for segmentation where no data set is at hand.

600 scenes of one to three filled shapes on striped, noisy ground; five classes of shape and the ground.
Place, size and colour are drawn; a class leans towards a colour of its own, so that a small network
learns the classes within a hundred steps or so, yet none at once. A scene is drawn anew for every batch, at
whatever size is asked for, from its number alone: integers only, so that it is the same on every
version of Python, numpy and torch.
"""

import random
from typing import Any, Callable, List, Sequence, Tuple

import numpy as np
import torch

from gradfilter.bench.datasets.dataset import Dataset, Examples, dominant_class
from gradfilter.bench.datasets.pixels import normalised

_SCENES = 600
_SEED = 7321
_MOST_SHAPES = 3
_SIDE = 1 << 12  # of a scene in its own units, whatever its size in pixels
_OWN_COLOUR = 2  # parts of a class's own colour to one part of a drawn one
_NOISE = 40  # grey levels
_LABELLED_AT = 32  # pixels; the size at which a scene's dominant class is counted

Grid = Any  # numpy arrays: its stubs give a comparison no type of its own
Inside = Callable[[Grid, Grid, int], Grid]


def _disc(x: Grid, y: Grid, radius: int) -> Grid:
    return x * x + y * y <= radius * radius


def _square(x: Grid, y: Grid, radius: int) -> Grid:
    return np.maximum(abs(x), abs(y)) * 8 <= radius * 7


def _triangle(x: Grid, y: Grid, radius: int) -> Grid:
    return (2 * abs(x) <= y + radius) & (y <= radius)


def _ring(x: Grid, y: Grid, radius: int) -> Grid:
    return _disc(x, y, radius) & ~_disc(x, y, radius // 2)


def _cross(x: Grid, y: Grid, radius: int) -> Grid:
    return (np.minimum(abs(x), abs(y)) * 3 <= radius) & (np.maximum(abs(x), abs(y)) <= radius)


# Class 0 is the ground. Each shape with the colour that it leans towards.
SHAPES: Tuple[Tuple[Inside, Tuple[int, int, int]], ...] = (
    (_disc, (220, 60, 60)),
    (_square, (60, 200, 60)),
    (_triangle, (70, 90, 230)),
    (_ring, (220, 200, 50)),
    (_cross, (190, 60, 200)),
)


class Shapes(Dataset):
    """The scenes; nothing is stored."""

    task = "segmentation"

    def __init__(self) -> None:
        super().__init__(classes=1 + len(SHAPES), images=_SCENES)

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Scenes drawn at the size, and their masks; no pixel is IGNORED."""
        scenes = [draw_scene(index, image_size) for index in indices]
        masks = np.stack([mask for _, mask in scenes])
        return normalised([image for image, _ in scenes]), torch.from_numpy(masks).long()

    def labels(self) -> List[int]:
        """The dominant shape of every scene."""
        return [dominant_class(draw_scene(index, _LABELLED_AT)[1]) for index in range(_SCENES)]


def draw_scene(index: int, image_size: int) -> Tuple[Grid, Grid]:
    """Image (3, image_size, image_size) and mask (image_size, image_size), both uint8."""
    drawn = random.Random(_SEED * _SCENES + index)  # noqa: S311 (not cryptography)
    pixels = np.arange(image_size, dtype=np.int64)
    centres = (2 * pixels + 1) * _SIDE // (2 * image_size)
    x, y = centres[None, :], centres[:, None]
    image = _ground(x, y, drawn)
    mask = np.zeros((image_size, image_size), dtype=np.uint8)
    for _ in range(1 + drawn.randrange(_MOST_SHAPES)):
        kind = drawn.randrange(len(SHAPES))
        inside, own = SHAPES[kind]
        radius = _between(drawn, _SIDE // 7, _SIDE * 3 // 10)
        left, top = (_between(drawn, _SIDE // 6, _SIDE - _SIDE // 6) for _ in range(2))
        where = inside(x - left, y - top, radius)
        colour = [(_OWN_COLOUR * level + drawn.randrange(256)) // (_OWN_COLOUR + 1) for level in own]
        image[:, where] = np.array(colour)[:, None]
        mask[where] = 1 + kind
    noisy = image + _noise(pixels, drawn)
    return np.clip(noisy, 0, 255).astype(np.uint8), mask


def _ground(x: Grid, y: Grid, drawn: random.Random) -> Grid:
    """Stripes of two drawn colours, in a drawn direction and width."""
    across, down = _between(drawn, -8, 8), _between(drawn, 1, 8)
    width = _between(drawn, _SIDE // 4, _SIDE)
    second = (across * x + down * y) // width % 2
    colours = np.array([[_between(drawn, 60, 195) for _ in range(3)] for _ in range(2)], dtype=np.int64)
    return colours[second].transpose(2, 0, 1).copy()


def _noise(pixels: Grid, drawn: random.Random) -> Grid:
    """Grey levels around 0 that differ from pixel to pixel: products of odd numbers, their middle bits."""
    start = drawn.getrandbits(20)
    mixed = (pixels[None, :] * 48271 + pixels[:, None] * 69621 + start) * 40692 % 2147483399
    mixed = mixed * mixed % 2147483647
    return (mixed >> 8) % (2 * _NOISE + 1) - _NOISE


def _between(drawn: random.Random, low: int, high: int) -> int:
    return low + drawn.randrange(high - low + 1)
