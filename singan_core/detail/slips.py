"""Slips: joins at which the photo goes on a pixel or two beside where it was.

A slip of one pixel can hardly be seen at the level where it arises, but it doubles with every level
above, until the rim of a plate looks like a stair. So slips are spread over the pixels around them,
and the photo bends there a little. Where positions lie further apart, pieces of different places
meet. These joins stay as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask, Pixels
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Map, Positions

MOST = 2
"""Largest step (px) that is a slip: what one of 1 px has become a level further up."""
SPREAD = 6
"""How far (px) from a slip positions are changed."""


def spread_slips(found: Map, kept: ObjectsInRegion | None = None) -> Map:
    """Give every pixel near a slip the mean position of those around it, down, then across.

    The result is wrong within 6 px of where the map was cut off. Kept objects stay, and no other
    pixel takes their positions.
    """
    positions = [found.rows, found.columns]
    for axis in (0, 1):
        positions = _spread_along(axis, positions, kept)
    return Map(positions[0], positions[1], found.top, found.left)


def _spread_along(
    axis: int, positions: list[Positions], kept: ObjectsInRegion | None
) -> list[Positions]:
    """Average rows and columns (h, w) along an axis, over up to 6 px before and after each pixel.

    The window ends on both sides alike, before a larger step and at the map's edges. So the pixel
    stays in its middle, and where the photo goes on evenly the mean is its own position.
    """
    follows, slips = _find_steps(axis, positions)
    reach = _measure_windows(axis, follows)
    at = np.flatnonzero(_reach_out(axis, slips) & (reach > 0))
    if not len(at):
        return positions

    sides = reach.take(at).astype(np.int64)
    counts = 2 * sides + 1
    sums = _sum_windows(axis, positions, at, sides)
    means = [((2 * total + counts) // (2 * counts)).astype(np.int32) for total in sums]
    return _put(positions, at, means, kept)


def _find_steps(axis: int, positions: list[Positions]) -> tuple[Mask, Mask]:
    """Find the pixels after which the photo goes on, and after which it does so with a slip.

    Both are (h, w), for the next pixel along an axis. Nothing follows the last one.
    """
    shape = positions[0].shape
    largest = np.full(shape, MOST + 1, np.int32)
    inner = largest[:-1] if axis == 0 else largest[:, :-1]
    inner[...] = 0
    for number, values in enumerate(positions):
        step = np.diff(values, axis=axis)
        step -= np.int32(number == axis)
        np.maximum(inner, np.abs(step, out=step), out=inner)

    follows = largest <= MOST
    return follows, follows & (largest > 0)


def _reach_out(axis: int, slips: Mask) -> Mask:
    """Find the pixels (h, w) of which a window may hold a slip."""
    near = np.zeros_like(slips)
    length = slips.shape[axis]
    for distance in range(1 - SPREAD, SPREAD + 1):  # a slip is between a pixel and the next
        to = slice(max(distance, 0), length + min(distance, 0))
        source = slice(max(-distance, 0), length - max(distance, 0))
        if axis == 0:
            near[to] |= slips[source]
        else:
            near[:, to] |= slips[:, source]
    return near


def _measure_windows(axis: int, follows: Mask) -> Pixels:
    """Measure how many pixels before and after each one belong to its window, (h, w), 0 to 6."""
    goes_on = follows if axis == 1 else follows.T
    before, after = np.zeros_like(goes_on), goes_on.copy()
    before[:, 1:] = goes_on[:, :-1]
    both = before & after
    reach = both.astype(np.uint8)
    for distance in range(1, SPREAD):
        both[:, distance:] &= before[:, :-distance]
        both[:, :distance] = False
        both[:, :-distance] &= after[:, distance:]
        reach += both
    return reach if axis == 1 else np.ascontiguousarray(reach.T)


def _sum_windows(
    axis: int, positions: list[Positions], at: NDArray[np.intp], sides: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sum the rows and the columns (n,) over windows with so many pixels on each side.

    Both are packed into one number, of which running sums are differences.
    """
    rows, columns = positions
    height, width = rows.shape
    packed = (rows.astype(np.int64) << 32) + columns
    running = np.zeros((height + (axis == 0), width + (axis == 1)), np.int64)
    np.cumsum(packed, axis, out=running[1:] if axis == 0 else running[:, 1:])

    stride = width if axis == 0 else 1
    first = at if axis == 0 else at + at // width
    total = running.take(first + (sides + 1) * stride) - running.take(first - sides * stride)
    return total >> 32, total & 0xFFFFFFFF


def _put(
    positions: list[Positions],
    at: NDArray[np.intp],
    means: list[Positions],
    kept: ObjectsInRegion | None,
) -> list[Positions]:
    """Return the rows and columns with the means (n,) in the pixels at, where they may be."""
    if kept is not None:
        allowed = kept.allow(at, *means)
        at, means = at[allowed], [mean[allowed] for mean in means]

    changed = [values.copy() for values in positions]
    for values, mean in zip(changed, means, strict=True):
        values.reshape(-1)[at] = mean
    return changed
