"""What a bundle holds for its detail levels: the photo, its masks, and the bases of its patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from singan_core import stored
from singan_core.arrays import Mask, Pixels
from singan_core.detail.maps import Map
from singan_core.detail.patches import PATCH, Basis
from singan_core.detail.photo import FEATURES, SEARCH_FEATURES, Photo
from singan_core.file_names import BASES
from singan_core.manifest import Manifest
from singan_core.pyramid import Size, count_searched
from singan_core.stored_arrays import read_array


def write_bases(folder: Path, photo: Photo) -> tuple[int, ...]:
    """Write the basis of every level, and return their shifts for the manifest."""
    bases = photo.bases()
    channels = photo.pixels.shape[2]
    directions = np.zeros((len(bases), SEARCH_FEATURES, PATCH, PATCH, channels), np.int8)
    for number, basis in enumerate(bases):
        directions[number, : basis.count] = basis.directions.reshape(-1, PATCH, PATCH, channels)
    np.save(folder / BASES, directions, allow_pickle=False)
    return tuple(basis.shift for basis in bases)


def read_detail(folder: Path, manifest: Manifest) -> tuple[Photo | None, Mask | None]:
    """Read the photo and the masks (H, W, labels) of a bundle, None for what it does not have.

    Raises BundleError.
    """
    detail = manifest.detail
    if detail is None:
        return None, None
    size = detail.levels[-1]
    files = manifest.files
    pixels = stored.read_photo(folder, files, size, manifest.channels, detail.photo_sha256)
    photo = Photo(pixels, detail.levels, _read_bases(folder, manifest))
    labels = len(manifest.labels)
    return photo, stored.read_masks(folder, files, size, labels) if labels else None


def _read_bases(folder: Path, manifest: Manifest) -> list[Basis]:
    """Read the basis of every level. Raises BundleError."""
    assert manifest.detail is not None
    shifts = manifest.detail.shifts
    shape = (len(shifts), SEARCH_FEATURES, PATCH, PATCH, manifest.channels)
    directions = read_array(folder, manifest.files, BASES, np.int8, shape)

    searched = count_searched(manifest.detail.levels)
    flat = directions.reshape(len(shifts), SEARCH_FEATURES, -1)
    bases = []
    for number, shift in enumerate(shifts):
        count = SEARCH_FEATURES if number < searched else FEATURES
        bases.append(Basis(flat[number, :count], shift))
    return bases


def look_up_masks(masks: Mask, found: Map, level: Size) -> Pixels:
    """Look up the masks (h, w, labels), 0 or 255, of the positions that a map shows.

    masks are the photo's, bool (H, W, labels); level is the size of the photo to which the map
    refers.
    """
    height, width = masks.shape[:2]
    rows = (2 * found.rows.astype(np.int64) + 1) * height // (2 * level[0])
    columns = (2 * found.columns.astype(np.int64) + 1) * width // (2 * level[1])
    return np.where(masks[rows, columns], np.uint8(255), np.uint8(0))
