"""Polygons of masks: one closed line around a piece, which also goes around its holes.

The points are the middles of pixels, as in OpenCV's findContours: a program that fills a polygon by
the even-odd rule and draws its line (OpenCV's fillPoly does both) gets the very mask back. A hole
is reached over a seam, straight up through the piece, and left over the same seam.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from singan_core.arrays import Mask
from singan_runtime.connected import Piece

Points = NDArray[np.int64]
_Crack = tuple[int, int, int]
"""A side of a pixel of the piece: the corner (y, x) where it begins, and where it leads."""

_RIGHT, _DOWN, _LEFT, _UP = range(4)
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_TO_PIXEL = ((0, 0), (0, -1), (-1, -1), (-1, 0))
"""From the corner where a crack begins to its pixel, which lies to the right of the way."""

_LEAST_POINTS = 3


def trace(piece: Piece) -> Points:
    """Trace a piece as one closed line, (points, 2) as x and y: at least 3 pixels' middles."""
    mask = np.pad(piece.mask, 1)
    loops = _follow(mask)
    owners = {crack: number for number, loop in enumerate(loops) for crack in loop}

    # A hole's seam leads to a line that begins higher up, so the lowest hole is inserted first.
    outer, *holes = loops
    for hole in sorted(holes, key=min, reverse=True):
        first = min(crack for crack in hole if crack[2] == _LEFT)
        above = _go_up(mask, first)
        into = loops[owners[above]]
        begin, place = hole.index(first), into.index(above)
        into[place + 1 : place + 1] = [*hole[begin:], *hole[: begin + 1], above]

    pixels = np.array([_find_pixel(crack) for crack in outer]) - 1  # without the padding
    points = _leave_out_straight(pixels[:, ::-1])
    return np.add(points, (piece.x, piece.y))


def _follow(mask: Mask) -> list[list[_Crack]]:
    """Follow all lines between a padded piece and what is beside it, the outer one first."""
    waiting = dict.fromkeys(_list_cracks(mask))
    loops = []
    while waiting:
        crack = next(iter(waiting))
        loop = []
        while crack in waiting:
            del waiting[crack]
            loop.append(crack)
            crack = _find_next(crack, waiting, loop[0])
        loops.append(loop)
    return loops


def _list_cracks(mask: Mask) -> list[_Crack]:
    """List the cracks of a padded piece in reading order of their corners."""
    inner = mask[1:-1, 1:-1]
    beside = (mask[:-2, 1:-1], mask[1:-1, 2:], mask[2:, 1:-1], mask[1:-1, :-2])
    cracks: list[_Crack] = []
    for direction, other in enumerate(beside):
        rows, columns = np.nonzero(inner & ~other)
        down, right = _TO_PIXEL[direction]
        corners = zip((rows + 1 - down).tolist(), (columns + 1 - right).tolist(), strict=True)
        cracks += [(y, x, direction) for y, x in corners]
    return sorted(cracks)


def _find_next(crack: _Crack, waiting: dict[_Crack, None], first: _Crack) -> _Crack:
    """Find the crack that follows: to the left if it can, where pixels touch by a corner."""
    y, x, direction = crack
    down, right = _STEPS[direction]
    for turned in (direction - 1, direction, direction + 1):
        found = y + down, x + right, turned % 4
        if found in waiting or found == first:
            return found
    raise AssertionError("a line around a piece is closed")


def _go_up(mask: Mask, crack: _Crack) -> _Crack:
    """Go up from the upper end of a hole to the next line, and return its crack there."""
    y, x = _find_pixel(crack)
    while mask[y - 1, x]:
        y -= 1
    return y, x, _RIGHT


def _find_pixel(crack: _Crack) -> tuple[int, int]:
    """Find the pixel (y, x) whose side a crack is."""
    down, right = _TO_PIXEL[crack[2]]
    return crack[0] + down, crack[1] + right


def _leave_out_straight(points: Points) -> Points:
    """Leave out points at which a closed line stays or goes straight on, but keep three of it."""
    moved = (points != np.roll(points, 1, axis=0)).any(axis=1)
    points = points[moved] if moved.any() else points[:1]
    came = np.sign(points - np.roll(points, 1, axis=0))
    goes = np.sign(np.roll(points, -1, axis=0) - points)
    kept = points[(came != goes).any(axis=1)] if len(points) > 1 else points
    return np.concatenate([kept, *[kept[-1:]] * (_LEAST_POINTS - len(kept))])


def fill(polygons: list[Points], size: tuple[int, int]) -> Mask:
    """Fill polygons in an empty mask of a size (height, width)."""
    image = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(image)
    for points in polygons:
        draw.polygon([(x, y) for x, y in points.tolist()], fill=1, outline=1)
    return np.asarray(image)
