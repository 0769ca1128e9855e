"""Straight lines in a picture, such as walls, masts and horizons, which are to stand still."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.pyramid import Size
from singan_runtime.clips.flow import add_channels, find_slopes, smooth

Values = NDArray[np.float64]

CELL = 8  # px of the reduced picture on a side of a cell
REACH = 8  # px: reach of the boxes in which slopes are compared
FAINT = 3.0  # squared grey levels per squared px: a slope of less says nothing
FREE, HELD = 0.2, 0.4  # straightness up to which all may move, from which nothing may
_SPREAD = 1.5  # a cell among others is held if two thirds of its surroundings are


def find_freedom(picture: Pixels, cells: Size) -> Values:
    """Find how freely each cell of a picture may move, (rows, columns): 1 at will, 0 not at all.

    The picture is uint8 (h, w, C); cells is how many (rows, columns) it is cut into. A cell on
    straight lines is held, cells beside it in part. Only roundings that IEEE 754 fixes are used, as
    in flow.py. Source: ours.
    """
    reduced = resize.resize(picture, (CELL * cells[0], CELL * cells[1])).astype(np.float64)
    grey = add_channels(reduced)[..., None] / reduced.shape[2]
    held = ((find_straightness(grey) - FREE) / (HELD - FREE)).clip(0, 1)

    most = held.reshape(cells[0], CELL, cells[1], CELL).max(axis=(1, 3))
    around = smooth(most[..., None], 1)[..., 0]
    return 1 - (_SPREAD * around).clip(0, 1)


def find_straightness(grey: Values) -> Values:
    """Measure how far the slopes around each pixel have one or two perpendicular directions.

    grey is (h, w, 1), the result (h, w), 0 to 1. Straight lines have such slopes, and so have walls
    with windows; the slopes of leaves, grass, rocks and water have all directions. Four times a
    slope's angle is the same for perpendicular slopes: vectors of that angle, as long as the slope
    is strong, have a long sum for lines and a short one for leaves.
    Source: the structure tensor (Bigun and Granlund 1987), which doubles the angle; ours quadruples
    it.
    """
    down, across = find_slopes(grey)
    strength = across * across + down * down

    # Double the slopes' angle, then double it again.
    along, slanted = across * across - down * down, 2 * across * down
    unit = np.maximum(strength, 1e-9)
    fourfold = (along * along - slanted * slanted) / unit, 2 * along * slanted / unit

    sums = smooth(np.concatenate([strength, *fourfold], axis=2), REACH)
    total, first, second = np.moveaxis(sums, 2, 0)
    return np.sqrt(first * first + second * second) / (total + FAINT)
