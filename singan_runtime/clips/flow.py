"""Optical flow between two small pictures: where each pixel of one is found in the other.

Only sums, products, quotients and roots of single values are taken, in a fixed order. IEEE 754
rounds each of them to the bit: the same pictures give the same flow on every processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_runtime.boxes import sum_along

Values = NDArray[np.float64]

REACHES = (5, 3, 2, 1)  # px: of the boxes in which all is taken to move alike, coarse to fine
ROUNDS = 4  # steps with each of them
REST = 80.0  # squared grey levels per squared px: a place of less contrast than that hardly moves
LIMIT = 1.0  # px: longest flow; more bends what it passes through
EVEN = 2  # px: reach of the boxes that even out the flow found


def find_flow(now: Pixels, key: Pixels) -> Values:
    """Find the flow with which now(p) looks like key(p + flow(p)): (2, h, w), down, across in px.

    Both pictures are uint8 (h, w, C), 2x2 px or more; all channels count alike. The flow is at most
    1 px long, and between equal pictures 0.
    Source: Lucas and Kanade 1981; ours goes from coarse to fine by the size of the windows alone,
    since the pictures are tiny.
    """
    target, source = (smooth(picture.astype(np.float64), 1) for picture in (now, key))
    flow = np.zeros((*now.shape[:2], 2))

    for reach in REACHES:
        for _ in range(ROUNDS):
            flow = _shorten(flow + _find_step(target, _look_up(source, flow), reach))
        flow = smooth(flow, reach)
    return np.moveaxis(smooth(flow, EVEN), 2, 0)


def smooth(values: Values, reach: int) -> Values:
    """Average (h, w, C) over boxes of 2 reach + 1 px, twice along each axis, repeating edges."""
    for axis in (0, 1, 0, 1):
        values = sum_along(values, axis, reach) / (2 * reach + 1)
    return values


def find_slopes(values: Values) -> tuple[Values, Values]:
    """Compute the slopes of (h, w, C) down and across: half the difference of the two neighbours.

    Edges are repeated.
    """
    wider = np.pad(values, [(1, 1), (1, 1), (0, 0)], mode="edge")
    down = (wider[2:, 1:-1] - wider[:-2, 1:-1]) / 2
    across = (wider[1:-1, 2:] - wider[1:-1, :-2]) / 2
    return down, across


def add_channels(values: Values) -> Values:
    """Add up the channels of (h, w, C), one after the other."""
    total = values[..., 0]
    for channel in range(1, values.shape[2]):
        total = total + values[..., channel]
    return total


def _find_step(target: Values, moved: Values, reach: int) -> Values:
    """Find the flow (h, w, 2) that brings moved (h, w, C) nearer to the target.

    It is the least squares solution in the box around each pixel.
    """
    error, (down, across) = target - moved, find_slopes(moved)
    products = (down * down, across * across, down * across, down * error, across * error)
    sums = smooth(np.stack([add_channels(product) for product in products], axis=2), reach)

    # Solve the 2x2 equations of each pixel.
    a, b, c, p, q = np.moveaxis(sums, 2, 0)
    a, b = a + REST, b + REST
    area = a * b - c * c
    return np.stack([(b * p - c * q) / area, (a * q - c * p) / area], axis=2)


def _shorten(flow: Values) -> Values:
    """Cut the flow (h, w, 2) to the longest length allowed."""
    down, across = flow[..., :1], flow[..., 1:]
    length = np.sqrt(down * down + across * across)
    return flow / np.maximum(length / LIMIT, 1.0)


def _look_up(picture: Values, flow: Values) -> Values:
    """Look up (h, w, C) at positions moved by the flow, interpolating linearly between pixels."""
    height, width = picture.shape[:2]
    y = (np.arange(height)[:, None] + flow[..., 0]).clip(0, height - 1)
    x = (np.arange(width) + flow[..., 1]).clip(0, width - 1)
    top = np.minimum(y.astype(np.int64), height - 2)
    left = np.minimum(x.astype(np.int64), width - 2)
    down, across = (y - top)[..., None], (x - left)[..., None]

    upper = (1 - across) * picture[top, left] + across * picture[top, left + 1]
    lower = (1 - across) * picture[top + 1, left] + across * picture[top + 1, left + 1]
    return (1 - down) * upper + down * lower
