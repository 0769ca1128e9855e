"""Masks: which part of a picture is meant. White is inside; black and whatever is transparent are outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import colours
from singan_core.errors import ImageError
from singan_core.picture_files import WHOLE as WHOLE_PIXELS
from singan_core.picture_files import explain_failures, open_picture
from singan_core.pyramid import Size

Mask = NDArray[np.bool_]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey: ITU-R 601, as in Pillow's convert('L')."""
WHITE = 128
"""Of 255: from here on a level is nearer to white than to black."""
ALPHA = "alpha"
"""What names a picture's own alpha channel where a mask is asked for."""
_INDICES = 32  # labels that a mask of labels holds at most
_SHARE = 0.002  # of a mask's pixels: a label covers more, the stray levels of a soft edge less
_NAMED = 8  # levels in an error
_ROWS = 256  # at once


def is_alpha(name: str | Path) -> bool:
    """Whether the word names the picture's own alpha channel; a file of that name comes first."""
    return str(name) == ALPHA and not Path(ALPHA).exists()


def from_alpha(values: NDArray[np.uint8], path: Path) -> Mask:
    """The mask (H, W) that the alpha channel (H, W) of a picture makes. Raises ImageError unless it has two sides."""
    mask: Mask = values >= WHITE
    if mask.all():
        raise ImageError(
            f"{path}: it has no transparent part that could be a mask; name a mask file instead of alpha"
        )
    if not mask.any():
        raise ImageError(
            f"{path}: all of it is transparent, so that its alpha is no mask; name a mask file instead"
        )
    return mask


def read(path: Path, sizes: dict[Size, str], may_fill: bool = False) -> Mask:
    """Read the mask of a file, (H, W), true inside: where it is nearer to white than to black.

    Of just two levels below white, as in masks of 0 and 1, the upper is inside. Where colours say
    nothing, what is opaque is inside. It must have one of the sizes (height, width), each with what
    has that size, and hold both inside and outside; with may_fill it needs no outside. Raises
    ImageError, which names the values of a mask that is neither.
    """
    if is_alpha(path):
        raise ImageError(
            f"{path}: no file of that name, and a picture's own alpha is no mask here; name a mask file"
        )
    image, _ = open_picture(
        path, most=max(WHOLE_PIXELS, *(height * width for height, width in sizes))
    )
    if (image.height, image.width) not in sizes:
        allowed = " or ".join(
            f"{width}x{height} ({name})" for (height, width), name in sizes.items()
        )
        raise ImageError(
            f"{path}: the mask is {image.width}x{image.height}, but must be {allowed}; draw it over that picture"
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
    shown = palette[used[used < len(palette)]]
    if len(used) > 2 and (shown != shown[:, :1]).any():
        raise ImageError(
            f"{path}: a mask of labels with the values {_name(used)}; save the one you mean as white on black"
        )


def _read_levels(image: Image.Image, path: Path) -> tuple[NDArray[np.uint16], int, Mask | None]:
    """The grey levels (H, W) as the file has them, 0 where transparent; the white of its depth; what is opaque."""
    if image.mode.startswith("I"):
        values = colours.to_values(image, path, use_profile=False)
        opaque = values[..., 3] > 0 if values.shape[2] == 4 else None
        levels = np.asarray(image).astype(np.uint16)
        return (levels if opaque is None else levels * opaque), colours.DEEP_WHITE, opaque

    values = colours.to_values(image, path, use_profile=False)
    if values.shape[2] == 1 and values.dtype == np.uint8:
        return values[..., 0].astype(np.uint16), 255, None
    levels = np.empty(values.shape[:2], np.uint16)
    for top in range(0, len(values), _ROWS):
        part = values[top : top + _ROWS].astype(np.float32) / np.float32(255)
        seen = part[..., :3] * part[..., 3:] if part.shape[2] == 4 else part
        levels[top : top + _ROWS] = np.rint(seen @ LUMA * 255)
    return levels, 255, values[..., 3] >= WHITE if values.shape[2] == 4 else None


def _divide(
    levels: NDArray[np.uint16], white: int, opaque: Mask | None, path: Path, may_fill: bool
) -> Mask:
    """Inside and outside by the levels (H, W) of a file. Raises ImageError where they do not say which is which."""
    counts = np.zeros(white + 1, np.int64)
    for top in range(0, len(levels), _ROWS):
        counts += np.bincount(levels[top : top + _ROWS].ravel(), minlength=white + 1)
    found = np.flatnonzero(counts)
    if _are_labels(counts, levels.size):
        raise ImageError(
            f"{path}: a mask of labels with the values {_name(found)}; save the one you mean as white on black"
        )

    threshold = (white + 1) // 2
    mask: Mask = levels >= threshold
    if not mask.any():
        if len(found) == 2:
            return levels == found[1]
        if len(found) > 2:
            raise ImageError(
                f"{path}: its values {_name(found)} are all nearer to black than to the white of {white}; "
                "save what you mean as white on black"
            )
        if opaque is not None and opaque.any() and not opaque.all():
            return opaque
        raise ImageError(
            f"{path}: the mask is empty, its value {found[0]} all over: paint what you mean white ({threshold} or more "
            f"of {white}) and all else black"
        )
    if mask.all() and not may_fill:
        raise ImageError(
            f"{path}: the mask is white all over (values {_name(found)} of {white}): paint only what you mean white "
            "and all else black"
        )
    return mask


def _are_labels(counts: NDArray[np.int64], pixels: int) -> bool:
    """Whether the levels are 0, 1, 2, ... and perhaps the highest for what has no label, each on a real area."""
    between = np.flatnonzero(counts[1:-1]) + 1
    if not 0 < len(between) < _INDICES or not np.array_equal(
        between, np.arange(1, len(between) + 1)
    ):
        return False
    several = len(between) > 1 or counts[-1] > 0
    return several and bool((counts[between] > _SHARE * pixels).all())


def _name(values: NDArray[np.int64]) -> str:
    """The values for a sentence, the first few of many."""
    words = [str(value) for value in values]
    if len(words) > _NAMED:
        words = [*words[: _NAMED - 2], "...", words[-1]]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"
