"""Quiet zones: where along a side of a picture text can stand.

How quiet a zone is, is told by its gradient energy: the mean of the squared differences of grey
from pixel to pixel, across and down, as a share of the whole picture's. A zone is a box of a third
of the picture's width and a third of its height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from singan_core.arrays import Floats, Pixels
from singan_core.detail import resize
from singan_core.detail.maps import Map
from singan_core.errors import RequestError
from singan_core.fitting import Fit

LIMIT = 0.3
"""Gradient energy of a quiet zone, as a share of the picture's, at most."""

CELLS, ZONE = 60, 20
"""Cells that a picture is cut into along each axis, and those of a zone."""

_FREE = CELLS - ZONE + 1
_ALL, _FIRST, _LAST = slice(None), slice(0, 1), slice(_FREE - 1, _FREE)
_MIDDLE = slice(ZONE, ZONE + 1)
SIDES = {
    "left": (_ALL, _FIRST),
    "right": (_ALL, _LAST),
    "top": (_FIRST, _ALL),
    "bottom": (_LAST, _ALL),
    "centre": (_MIDDLE, _MIDDLE),
}
"""Where a zone's top left cell may be, down and across: a zone touches its side."""


@dataclass(frozen=True)
class Zone:
    """A zone of a picture, in shares of its height and width, and its share of energy."""

    top: float
    left: float
    energy: float  # as a share of the picture's mean

    @property
    def is_quiet(self) -> bool:
        """Whether text can stand there."""
        return self.energy <= LIMIT


def check_side(side: str) -> str:
    """Return the name of a side. Raises RequestError for an unknown one."""
    if side not in SIDES:
        raise RequestError(f"a quiet zone at {side!r} is not possible: choose {', '.join(SIDES)}")
    return side


def measure_zones(pixels: Pixels) -> dict[str, Zone]:
    """Find the quietest zone at every side of a picture, uint8 (h, w, C)."""
    return _find_zones(_pool(_compute_energy(pixels)))


def measure_photo(photo: Pixels, fit: Fit) -> Floats:
    """Measure the energy of a photo, uint8 (H, W, C), as a picture as it was fitted would show it.

    The result has the photo's size at the largest searched level, where the picture is composed.
    """
    drawn = (
        min(side, round(shown * whole / canvas))
        for side, shown, whole, canvas in zip(
            photo.shape[:2], fit.photo_sizes[-1], fit.whole, fit.levels[-1], strict=True
        )
    )
    height, width = (max(1, side) for side in drawn)
    energy = _compute_energy(resize.resize(photo, (height, width)))
    return _shrink(energy, fit.photo_sizes[fit.searched - 1])


def estimate_zones(energy: Floats, fit: Fit, shown: Map) -> dict[str, Zone]:
    """Estimate the quietest zone at every side of a picture that is begun but not drawn.

    energy is that of the photo, from measure_photo, and shown the map of the largest searched level
    (Drawing.sketch). Each part of the picture has the energy of that part of the photo which it
    will show.
    """
    rows, columns = (
        slice(start * side // whole, -(-stop * side // whole))
        for (start, stop), side, whole in zip(fit.window, shown.rows.shape, fit.whole, strict=True)
    )
    return _find_zones(_pool(energy[shown.rows[rows, columns], shown.columns[rows, columns]]))


def _compute_energy(pixels: Pixels) -> Floats:
    """Compute the gradient energy of every pixel, float32 (h, w)."""
    grey = pixels[..., :3].mean(axis=2, dtype=np.float32)
    energy = np.zeros_like(grey)
    energy[:-1] += np.diff(grey, axis=0) ** 2
    energy[:, :-1] += np.diff(grey, axis=1) ** 2
    return energy


def _shrink(energy: Floats, size: tuple[int, int]) -> Floats:
    """Shrink energy (h, w) to a size by means of boxes."""
    small = Image.fromarray(energy).resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(small)


def _pool(energy: Floats) -> Floats:
    """Compute the mean energy of each of the picture's cells, (60, 60)."""
    return _shrink(energy, (CELLS, CELLS))


def _find_zones(cells: Floats) -> dict[str, Zone]:
    """Find the zone of least energy at every side."""
    sums = np.zeros((CELLS + 1, CELLS + 1))
    sums[1:, 1:] = cells.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    zones = sums[ZONE:, ZONE:] - sums[:-ZONE, ZONE:] - sums[ZONE:, :-ZONE] + sums[:-ZONE, :-ZONE]
    mean = max(float(sums[-1, -1]) / CELLS**2, 1e-9)  # a picture of one colour is quiet

    found = {}
    for side, (rows, columns) in SIDES.items():
        some = zones[rows, columns] / ZONE**2 / mean
        row, column = np.unravel_index(int(some.argmin()), some.shape)
        top, left = (rows.start or 0) + row, (columns.start or 0) + column
        found[side] = Zone(float(top) / CELLS, float(left) / CELLS, float(some[row, column]))
    return found
