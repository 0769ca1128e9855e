"""What a bundle holds for its detail levels: the photo, its masks, and the bases by which patches are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import stored
from singan_core.detail.patches import PATCH, Basis
from singan_core.detail.photo import FEATURES, SEARCH_FEATURES, Photo
from singan_core.detail.votes import Map
from singan_core.errors import BundleError
from singan_core.manifest import Manifest
from singan_core.pyramid import Size

Masks = NDArray[np.bool_]

BASES = "bases.npy"
"""Directions (levels, 24, 7, 7, C), int8; copied levels use the first 12."""


def write_bases(folder: Path, photo: Photo) -> tuple[int, ...]:
    """Write the basis of every level and return their shifts."""
    bases = photo.bases()
    channels = photo.pixels.shape[2]
    together = np.zeros((len(bases), SEARCH_FEATURES, PATCH, PATCH, channels), np.int8)
    for number, basis in enumerate(bases):
        together[number, : basis.count] = basis.directions.reshape(-1, PATCH, PATCH, channels)
    np.save(folder / BASES, together, allow_pickle=False)
    return tuple(basis.shift for basis in bases)


def read(folder: Path, manifest: Manifest) -> tuple[Photo | None, Masks | None]:
    """The photo and the masks of a bundle; None for what it has none of. Raises BundleError."""
    detail = manifest.detail
    if detail is None:
        return None, None
    size = detail.levels[-1]
    pixels = stored.read_photo(folder, size, manifest.channels, detail.photo_sha256)
    photo = Photo(pixels, detail.levels, _read_bases(folder, manifest))
    masks = stored.read_masks(folder, size, len(manifest.labels)) if manifest.labels else None
    return photo, masks


def _read_bases(folder: Path, manifest: Manifest) -> list[Basis]:
    assert manifest.detail is not None
    path, shifts = folder / BASES, manifest.detail.shifts
    try:
        together = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(f"{path}: missing or damaged ({error}); export again") from error
    expected = (len(shifts), SEARCH_FEATURES, PATCH, PATCH, manifest.channels)
    if together.shape != expected or together.dtype != np.int8:
        raise BundleError(
            f"{path}: {together.dtype} {together.shape}, expected int8 {expected}; export again"
        )
    photo = Photo(np.zeros((1, 1, 1), np.uint8), manifest.detail.levels)
    counts = [
        SEARCH_FEATURES if photo.is_searched(number) else FEATURES for number in range(len(shifts))
    ]
    flat = together.reshape(len(shifts), SEARCH_FEATURES, -1)
    return [
        Basis(one[:count], shift) for one, count, shift in zip(flat, counts, shifts, strict=True)
    ]


def look_up(masks: Masks, found: Map, level: Size) -> NDArray[np.uint8]:
    """Masks (h, w, labels), 0 or 255, of a map at a level's size: every pixel has the labels of its own position."""
    height, width = masks.shape[:2]
    rows = (2 * found.rows.astype(np.int64) + 1) * height // (2 * level[0])
    columns = (2 * found.columns.astype(np.int64) + 1) * width // (2 * level[1])
    return np.where(masks[rows, columns], np.uint8(255), np.uint8(0))
