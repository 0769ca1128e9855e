"""Optical flow between two small pictures: where each pixel of one is found in the other.

Only sums, products, quotients and roots of single values are taken, in a fixed order, each of which IEEE 754 rounds to
the bit: the same pictures give the same flow on every processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

WINDOWS = (
    5,
    3,
    2,
    1,
)  # px: reach of the boxes in which all is taken to move alike, from coarse to fine
ROUNDS = 4  # steps with each of them
REST = 80.0  # squared grey levels per squared px: a place of less contrast than that hardly moves
LIMIT = 1.0  # px: longest flow; more bends what it passes through
EVEN = 2  # px: reach of the boxes that even out the flow found


def find_flow(now: Pixels, key: Pixels) -> Values:
    """Find the flow (2, h, w), down and across in px, with which now(p) looks like key(p + flow(p)).

    Both pictures are uint8 (h, w, C), 2x2 px or more; all channels count alike. The flow is at most 1 px long, and
    between equal pictures 0.
    Source: Lucas and Kanade 1981; coarse to fine by the size of windows alone, since the pictures are tiny.
    """
    target, source = (smooth(picture.astype(np.float64), 1) for picture in (now, key))
    flow = np.zeros((*now.shape[:2], 2))
    for reach in WINDOWS:
        for _ in range(ROUNDS):
            flow = _shorten(flow + _find_step(target, _look_up(source, flow), reach))
        flow = smooth(flow, reach)
    return np.moveaxis(smooth(flow, EVEN), 2, 0)


def smooth(values: Values, reach: int) -> Values:
    """Average (h, w, C) over boxes of 2 reach + 1 px, twice along each axis; edges are repeated."""
    for axis in (0, 1, 0, 1):
        length = values.shape[axis]
        sums = _repeat_edges(values, axis, reach + 1, reach).cumsum(axis=axis)
        values = (_cut(sums, axis, 2 * reach + 1, length) - _cut(sums, axis, 0, length)) / (
            2 * reach + 1
        )
    return values


def find_slopes(values: Values) -> tuple[Values, Values]:
    """Find the slopes of (h, w, C) down and across: half the difference of the two neighbours; edges are repeated."""
    slopes = []
    for axis, length in enumerate(values.shape[:2]):
        wider = _repeat_edges(values, axis, 1, 1)
        slopes.append((_cut(wider, axis, 2, length) - _cut(wider, axis, 0, length)) / 2)
    return slopes[0], slopes[1]


def add_channels(values: Values) -> Values:
    """Add up the channels of (h, w, C), one after the other."""
    total = values[..., 0]
    for channel in range(1, values.shape[2]):
        total = total + values[..., channel]
    return total


def _find_step(target: Values, moved: Values, reach: int) -> Values:
    """The flow (h, w, 2) that brings moved (h, w, C) nearer to the target, by least squares in each window."""
    error, (down, across) = target - moved, find_slopes(moved)
    products = (down * down, across * across, down * across, down * error, across * error)
    sums = smooth(np.stack([add_channels(product) for product in products], axis=2), reach)

    a, b, c, p, q = np.moveaxis(sums, 2, 0)
    a, b = a + REST, b + REST
    area = a * b - c * c
    return np.stack([(b * p - c * q) / area, (a * q - c * p) / area], axis=2)


def _shorten(flow: Values) -> Values:
    """What is longer than the limit gets that length."""
    down, across = flow[..., :1], flow[..., 1:]
    length = np.sqrt(down * down + across * across)
    return flow / np.maximum(length / LIMIT, 1.0)


def _look_up(picture: Values, flow: Values) -> Values:
    """The values of (h, w, C) at positions moved by the flow, mixed between pixels by their distance."""
    height, width = picture.shape[:2]
    y = (np.arange(height)[:, None] + flow[..., 0]).clip(0, height - 1)
    x = (np.arange(width) + flow[..., 1]).clip(0, width - 1)
    top, left = (
        np.minimum(y.astype(np.int64), height - 2),
        np.minimum(x.astype(np.int64), width - 2),
    )
    down, across = (y - top)[..., None], (x - left)[..., None]

    upper = (1 - across) * picture[top, left] + across * picture[top, left + 1]
    lower = (1 - across) * picture[top + 1, left] + across * picture[top + 1, left + 1]
    return (1 - down) * upper + down * lower


def _repeat_edges(values: Values, axis: int, before: int, after: int) -> Values:
    around = [(0, 0), (0, 0), (0, 0)]
    around[axis] = before, after
    return np.pad(values, around, mode="edge")


def _cut(values: Values, axis: int, start: int, length: int) -> Values:
    return values[start : start + length] if axis == 0 else values[:, start : start + length]
