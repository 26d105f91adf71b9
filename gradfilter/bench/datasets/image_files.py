"""Image and mask files, decoded by Pillow and cut to a square.

The shorter side is scaled to the size (bilinear, averaging where it shrinks; masks take the nearest
pixel) and the middle is cut out, the same at training and at evaluation: no augmentation, so that
every variant and every run decodes the same pixels.
"""

from pathlib import Path
from typing import Any, Optional, Tuple

import numpy as np

from gradfilter.bench.errors import RefusedWorkload, in_words, is_out_of_memory

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp")
_MASK_MODES = ("P", "L")  # a palette's index or a grey level: in both, the pixel's number is its class


def read_image(path: Path, size: int) -> "np.ndarray":
    """(3, size, size) uint8, RGB.

    Raises:
        RefusedWorkload: the file is missing, empty or broken.
    """
    return np.asarray(_square(path, size, mode="RGB")).transpose(2, 0, 1)


def read_mask(path: Path, size: Optional[int], classes: int, ignored: int) -> "np.ndarray":
    """(size, size) uint8, or at the file's own size where size is None.

    Raises:
        RefusedWorkload: the file is missing, empty or broken, or has a class that there is not.
    """
    mask = np.asarray(_square(path, size, mode=None))
    strange = mask[(mask >= classes) & (mask != ignored)]
    if strange.size:
        raise RefusedWorkload(
            "dataset",
            "mask %s has a pixel of class %d; the classes are 0 to %d, and %d for none. Replace the file."
            % (path, strange[0], classes - 1, ignored),
        )
    return mask


def check_image(path: Path) -> Tuple[int, int]:
    """Open an image without decoding it; its width and height.

    Raises:
        RefusedWorkload: the file is missing, empty or of another kind.
    """
    return _checked(path, lambda image: image.size)  # type: ignore[no-any-return]


def check_mask(path: Path, image_size: Tuple[int, int]) -> None:
    """Open a mask without decoding it: one number per pixel, and as large as its image.

    Raises:
        RefusedWorkload: it is not.
    """
    mode, size = _checked(path, lambda mask: (mask.mode, mask.size))
    if mode not in _MASK_MODES:
        raise RefusedWorkload(
            "dataset", "mask %s must hold one number per pixel (palette or grey), its mode is %s." % (path, mode)
        )
    if size != image_size:
        raise RefusedWorkload(
            "dataset", "mask %s must be as large as its image, %d×%d, it is %d×%d." % ((path, *image_size, *size))
        )


def _square(path: Path, size: Optional[int], mode: Optional[str]) -> Any:
    """Decode, convert to a mode (a mask keeps its own), scale the shorter side and cut out the middle."""

    def decode(image: Any) -> Any:
        image = image.copy() if mode is None else image.convert(mode)
        if size is None:
            return image
        pillow = _pillow()
        scale = size / min(image.size)
        width, height = (max(size, round(side * scale)) for side in image.size)
        image = image.resize((width, height), pillow.NEAREST if mode is None else pillow.BILINEAR)
        left, top = (width - size) // 2, (height - size) // 2
        return image.crop((left, top, left + size, top + size))

    return _checked(path, decode)


def _checked(path: Path, look: Any) -> Any:
    """What a look at the opened file gives; whatever a decoder says of a broken one becomes a refusal."""
    pillow = _pillow()
    try:
        _refuse_pipe(path)
        with pillow.open(str(path)) as image:
            return look(image)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise RefusedWorkload(
            "dataset",
            "image file %s cannot be read (%s). Replace it or take it out of the data set." % (path, in_words(error)),
        ) from error


def _refuse_pipe(path: Path) -> None:
    # Opening a named pipe waits for whoever writes to it.
    if path.exists() and not path.is_file():
        raise OSError("it is no file")


def _pillow() -> Any:
    # Imported late: data sets that travel with the worker do without it.
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError as error:
        raise RefusedWorkload(
            "dataset",
            "data sets of image files need Pillow, which the worker's Python does not have. Install it there: "
            "python -m pip install pillow.",
        ) from error
    return Image
