"""Masks, which say what part of a picture is meant.

White is inside. Black and everything transparent are outside.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import colours
from singan_core.arrays import Mask, Pixels
from singan_core.errors import ImageError
from singan_core.picture_failures import explain_failures
from singan_core.picture_files import WHOLE as WHOLE_PIXELS
from singan_core.picture_files import open_picture
from singan_core.pyramid import Size

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey: ITU-R 601, as in Pillow's convert('L')."""
WHITE = 128
"""Lowest of 255 levels that is closer to white than to black."""
ALPHA = "alpha"
"""Word that stands for a picture's own alpha channel in place of a mask file."""

_LABELS = 32  # that a mask of labels holds at most
_LABEL_SHARE = 0.002  # of the pixels: a label covers more, a stray level of a soft edge less
_NAMED = 8  # values that an error lists
_ROWS = 256  # that are converted at once


def is_alpha(name: str | Path) -> bool:
    """Whether a mask's name stands for the picture's own alpha channel, and is no file."""
    return str(name) == ALPHA and not Path(ALPHA).exists()


def make_from_alpha(values: Pixels, path: Path) -> Mask:
    """Make a mask (H, W) from the alpha channel (H, W) of the picture at a path.

    Raises ImageError unless it has both an inside and an outside.
    """
    mask: Mask = values >= WHITE
    if mask.all():
        raise ImageError(
            f"{path}: it has no transparent part that could be a mask; "
            "name a mask file instead of alpha"
        )
    if not mask.any():
        raise ImageError(
            f"{path}: all of it is transparent, so that its alpha is no mask; "
            "name a mask file instead"
        )
    return mask


def read(path: Path, sizes: dict[Size, str], may_fill: bool = False) -> Mask:
    """Read the mask of a file, (H, W), true where it is closer to white than to black.

    If only two levels occur, both closer to black, as in masks of 0 and 1, the upper one is inside.
    If there is one colour only, what is opaque is inside. sizes are the allowed (height, width),
    each with a word for what has that size. may_fill allows a mask without an outside.

    Raises ImageError, which lists the values where they do not say what is meant.
    """
    if is_alpha(path):
        raise ImageError(
            f"{path}: no file of that name, and a picture's own alpha is no mask here; "
            "name a mask file"
        )

    largest = max(height * width for height, width in sizes)
    image, _ = open_picture(path, most=max(WHOLE_PIXELS, largest))
    if (image.height, image.width) not in sizes:
        allowed = (f"{width}x{height} ({name})" for (height, width), name in sizes.items())
        raise ImageError(
            f"{path}: the mask is {image.width}x{image.height}, but must be "
            f"{' or '.join(allowed)}; draw it over that picture"
        )

    with explain_failures(path):
        _refuse_coloured_labels(image, path)
        levels, white, opaque = _read_levels(image, path)
    return _divide(levels, white, opaque, path, may_fill)


def _refuse_coloured_labels(image: Image.Image, path: Path) -> None:
    """Raise ImageError for a palette that gives each of several labels a colour of its own."""
    if image.mode != "P":
        return
    used = np.flatnonzero(image.histogram()[:256])
    palette = np.asarray(image.convert("P").getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours_used = palette[used[used < len(palette)]]
    if len(used) > 2 and (colours_used != colours_used[:, :1]).any():
        raise _make_labels_error(path, used)


def _make_labels_error(path: Path, values: NDArray[np.int64]) -> ImageError:
    """Make the error about a mask that holds several labels."""
    return ImageError(
        f"{path}: a mask of labels with the values {_list(values)}; "
        "save the one you mean as white on black"
    )


def _read_levels(image: Image.Image, path: Path) -> tuple[NDArray[np.uint16], int, Mask | None]:
    """Read the grey levels (H, W) in the depth of the file, 0 where transparent.

    Return them, the level of white, and what is opaque, or None if the file has no transparency.
    """
    values = colours.to_values(image, path, use_profile=False)
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.uint16)
        if values.shape[2] != 4:
            return levels, colours.DEEP_WHITE, None
        opaque = values[..., 3] > 0
        return levels * opaque, colours.DEEP_WHITE, opaque

    if values.shape[2] == 1 and values.dtype == np.uint8:
        return values[..., 0].astype(np.uint16), 255, None

    levels = np.empty(values.shape[:2], np.uint16)
    for top in range(0, len(values), _ROWS):
        part = values[top : top + _ROWS].astype(np.float32) / np.float32(255)
        on_black = part[..., :3] * part[..., 3:] if part.shape[2] == 4 else part
        levels[top : top + _ROWS] = np.rint(on_black @ LUMA * 255)
    return levels, 255, values[..., 3] >= WHITE if values.shape[2] == 4 else None


def _divide(
    levels: NDArray[np.uint16], white: int, opaque: Mask | None, path: Path, may_fill: bool
) -> Mask:
    """Divide a file's levels (H, W) into inside and outside.

    Raises ImageError if they do not say which is which.
    """
    counts = np.zeros(white + 1, np.int64)
    for top in range(0, len(levels), _ROWS):
        counts += np.bincount(levels[top : top + _ROWS].ravel(), minlength=white + 1)
    found = np.flatnonzero(counts)
    if _are_labels(counts, levels.size):
        raise _make_labels_error(path, found)

    mask: Mask = levels >= (white + 1) // 2
    if not mask.any():
        return _divide_dark(levels, white, opaque, found, path)
    if mask.all() and not may_fill:
        raise ImageError(
            f"{path}: the mask is white all over (values {_list(found)} of {white}): "
            "paint only what you mean white and all else black"
        )
    return mask


def _divide_dark(
    levels: NDArray[np.uint16],
    white: int,
    opaque: Mask | None,
    found: NDArray[np.int64],
    path: Path,
) -> Mask:
    """Divide levels that are all closer to black: by the upper of two, or else by what is opaque.

    found are the levels that occur. Raises ImageError if neither way gives an inside and an
    outside.
    """
    if len(found) == 2:
        return levels == found[1]

    if len(found) > 2:
        raise ImageError(
            f"{path}: its values {_list(found)} are all nearer to black than to the white of "
            f"{white}; save what you mean as white on black"
        )

    if opaque is not None and opaque.any() and not opaque.all():
        return opaque
    raise ImageError(
        f"{path}: the mask is empty, its value {found[0]} all over: paint what you mean white "
        f"({(white + 1) // 2} or more of {white}) and all else black"
    )


def _are_labels(counts: NDArray[np.int64], pixels: int) -> bool:
    """Whether the levels number labels: 0, 1, 2, ..., each on an area larger than a stray edge.

    The highest level may occur as well, for what has no label.
    """
    between = np.flatnonzero(counts[1:-1]) + 1
    count = len(between)
    if not 0 < count < _LABELS or not np.array_equal(between, np.arange(1, count + 1)):
        return False
    several = count > 1 or counts[-1] > 0
    return several and bool((counts[between] > _LABEL_SHARE * pixels).all())


def _list(values: NDArray[np.int64]) -> str:
    """List values for a sentence: 0, 1 and 2, or the first few of many and the last."""
    words = [str(value) for value in values]
    if len(words) > _NAMED:
        words = [*words[: _NAMED - 2], "...", words[-1]]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"
