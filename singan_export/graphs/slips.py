"""Write singan_core.detail.slips: small steps of a map, spread over the pixels around them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import numpy as np

from singan_core.detail.slips import MOST, SPREAD
from singan_export.graphs.values import Value
from singan_export.graphs.votes import Tables

_FAR = -(1 << 20)  # rows and columns of what lies beyond the map: a larger step from any position


def spread_slips(tables: Tables, found: Value) -> Value:
    """Give every pixel of a map (h, w) the mean position of those around it, down, then across."""
    positions = [tables.get_rows(found), tables.get_columns(found)]
    for axis in (0, 1):
        positions = _spread_along(axis, positions)
    return tables.locate(positions[0], positions[1])


def _spread_along(axis: int, positions: Sequence[Value]) -> list[Value]:
    """Average rows and columns along an axis over a window that ends before a larger step."""
    sides = (SPREAD, 0) if axis == 0 else (0, SPREAD)
    padded = [values.pad(sides, sides, _FAR) for values in positions]

    def look(distance: int) -> list[Value]:
        """Take what lies so far along the axis from every pixel."""
        start, stop = SPREAD + distance, SPREAD - distance
        cut = ((start, 0), (stop, 0)) if axis == 0 else ((0, start), (0, stop))
        return [values.crop(*cut) for values in padded]

    windows: list[Value] = []  # 1 where the window goes on, for each distance
    totals = earlier = later = look(0)
    for distance in range(1, SPREAD + 1):
        before, after = look(-distance), look(distance)
        goes_on = _follows(axis, before, earlier) & _follows(axis, later, after)
        held = goes_on.cast(np.int32)
        windows.append(held * windows[-1] if windows else held)
        totals = [
            total + (one + other) * windows[-1]
            for total, one, other in zip(totals, before, after, strict=True)
        ]
        earlier, later = before, after

    count = functools.reduce(operator.add, windows) * 2 + 1
    return [(total * 2 + count) // (count * 2) for total in totals]


def _follows(axis: int, ones: Sequence[Value], following: Sequence[Value]) -> Value:
    """Tell where the photo goes on from one pixel to the next, but for a slip."""
    steps = [other - one for one, other in zip(ones, following, strict=True)]
    steps[axis] = steps[axis] - 1
    near = [(step >= -MOST) & (step <= MOST) for step in steps]
    return near[0] & near[1]
