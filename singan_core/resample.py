"""The one resampler: bicubic with half-pixel centres, antialiased when it shrinks.

Training, export and runtime share this definition: a = -0.5, weights renormalised at the edges.
Pillow's BICUBIC on mode F, torch's bicubic with antialias and ONNX Resize (cubic_coeff_a=-0.5,
exclude_outside=1) compute the same up to rounding. Each output value is a sum over its own taps in
a fixed order, so a part of the result never depends on what is computed beside it.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Array

_SUPPORT = 2.0  # of the cubic kernel, in source pixels, when nothing is shrunk
_A = -0.5
_ROWS = 32  # of the output that are computed at once


class Taps(NamedTuple):
    """Source positions and their weights for every output position of one axis, (n_out, taps)."""

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the cubic convolution kernel. Source: Keys 1981, equation 4, with a = -0.5."""
    x = np.abs(x)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


@functools.lru_cache(maxsize=64)  # frames need the same taps again; callers only read them
def compute_taps(
    n_in: int, n_out: int, wrap: bool = False, start: int = 0, stop: int | None = None
) -> Taps:
    """Compute the taps that resample an axis of length n_in to length n_out.

    The weights of every output sum to 1. With wrap the axis is periodic. Otherwise taps beyond its
    ends weigh nothing, and the others are renormalised. start and stop select outputs, by default
    all; they equal the slice of all taps.
    """
    positions = np.arange(start, n_out if stop is None else stop) % n_out
    shrink = max(n_in / n_out, 1.0)
    centres = (positions + 0.5) * (n_in / n_out)

    indices = _find_first(n_in, n_out, positions)[:, None] + np.arange(_count(n_in, n_out))
    weights = _cubic((indices + 0.5 - centres[:, None]) / shrink)

    if wrap:
        indices = indices % n_in
    else:
        weights = np.where((indices >= 0) & (indices < n_in), weights, 0.0)
        indices = indices.clip(0, n_in - 1)
    return Taps(indices, weights / weights.sum(axis=1, keepdims=True))


def compute_taps_at(n_in: int, centres: NDArray[np.float64], spacing: NDArray[np.float64]) -> Taps:
    """Compute taps for outputs at any places of an axis of length n_in, as warps need them.

    centres are in source pixels from the beginning of the axis, so that pixel 0 is centred on 0.5.
    spacing is the number of source pixels that each output covers.
    """
    shrink = np.maximum(spacing, 1.0)[:, None]
    first = np.floor(centres[:, None] - _SUPPORT * shrink + 0.5).astype(np.int64)
    indices = first + np.arange(math.ceil(2 * _SUPPORT * shrink.max()))

    weights = _cubic((indices + 0.5 - centres[:, None]) / shrink)
    weights = np.where((indices >= 0) & (indices < n_in), weights, 0.0)
    return Taps(indices.clip(0, n_in - 1), weights / weights.sum(axis=1, keepdims=True))


def find_reach(n_in: int, n_out: int, start: int, stop: int) -> tuple[int, int]:
    """Find the (start, stop) of the source that the outputs start to stop - 1 may read.

    Positions outside the axis stand for its periodic repeats.
    """
    ends = np.array([start, stop - 1])
    first = _find_first(n_in, n_out, ends % n_out) + ends // n_out * n_in
    return int(first[0]), int(first[1]) + _count(n_in, n_out)


def _find_first(n_in: int, n_out: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the first tap of output positions within 0 .. n_out-1."""
    if n_in == n_out:
        return positions
    shrink = max(n_in / n_out, 1.0)
    return np.floor((positions + 0.5) * (n_in / n_out) - _SUPPORT * shrink + 0.5).astype(np.int64)


def _count(n_in: int, n_out: int) -> int:
    """Count the taps of an output position."""
    if n_in == n_out:
        return 1
    return math.ceil(2 * _SUPPORT * max(n_in / n_out, 1.0))


def _convert_like(values: NDArray[Any], image: Array) -> Array:
    """Convert values to the image's own kind (numpy or torch), dtype and device."""
    return image.new_tensor(values) if hasattr(image, "new_tensor") else values.astype(image.dtype)


def apply(image: Array, rows: Taps, columns: Taps) -> Array:
    """Resample an image (..., H, W), a numpy array or torch tensor of floats.

    Rows are computed block by block, so that the working set stays in the cache. In each block the
    columns come first, since there are fewer values to weigh when an image is enlarged.
    """
    across = _convert_like(columns.weights, image)
    down = _convert_like(rows.weights, image)[..., None]
    shape = (*image.shape[:-2], len(rows.indices), len(columns.indices))
    whole = image.new_empty(shape) if hasattr(image, "new_empty") else np.empty(shape, image.dtype)

    for top in range(0, len(rows.indices), _ROWS):
        indices = rows.indices[top : top + _ROWS]
        first, last = int(indices.min()), int(indices.max())
        wide = _sum_taps(image[..., first : last + 1, :], columns.indices, across, -1)
        block = _sum_taps(wide, indices - first, down[top : top + _ROWS], -2)
        whole[..., top : top + _ROWS, :] = block
    return whole


def _sum_taps(source: Array, indices: NDArray[np.int64], weights: Array, axis: int) -> Array:
    """Sum the weighted taps of every output along an axis, first to last."""
    if hasattr(source, "new_empty"):
        total = _take(source, indices[:, 0], axis) * weights[:, 0]
        for tap in range(1, indices.shape[1]):
            total += _take(source, indices[:, tap], axis) * weights[:, tap]
        return total

    source = np.ascontiguousarray(source)
    total = source.take(indices[:, 0], axis)
    total *= weights[:, 0]
    term = np.empty_like(total)

    # Only with mode="clip" does numpy write into out without a copy in between.
    for tap in range(1, indices.shape[1]):
        source.take(indices[:, tap], axis, out=term, mode="clip")
        term *= weights[:, tap]
        total += term
    return total


def _take(source: Array, indices: NDArray[np.int64], axis: int) -> Array:
    """Take positions of a tensor along one of its last two axes."""
    return source[..., indices] if axis == -1 else source[..., indices, :]


def resize(image: Array, size: tuple[int, int], wrap: tuple[bool, bool] = (False, False)) -> Array:
    """Resize an image (..., H, W), a numpy array or torch tensor of floats, to (height, width).

    Along the axes that wrap, rows or columns, it is periodic. An image that has the size already is
    returned as it is.
    """
    height, width = image.shape[-2:]
    if (height, width) == tuple(size):
        return image
    return apply(
        image, compute_taps(height, size[0], wrap[0]), compute_taps(width, size[1], wrap[1])
    )


def resize_window(
    image: Array,
    have: tuple[tuple[int, int], tuple[int, int]],
    n_in: tuple[int, int],
    n_out: tuple[int, int],
    want: tuple[tuple[int, int], tuple[int, int]],
    wrap: tuple[bool, bool] = (False, False),
) -> Array:
    """Compute a region of a resized image from the region of the source that is there.

    It equals the slice of resize(whole image, n_out) bit for bit. image (..., h, w) is the region
    have of a source of size n_in. have and want are (start, stop) of rows and columns within n_in
    and n_out, or their repeats along an axis that wraps.
    """
    if n_in == n_out and not any(wrap):
        rows, columns = (slice(w[0] - h[0], w[1] - h[0]) for w, h in zip(want, have, strict=True))
        return image[..., rows, columns]

    parts = []
    for axis in (0, 1):
        made = compute_taps(n_in[axis], n_out[axis], wrap[axis], *want[axis])
        local = made.indices - have[axis][0]
        parts.append(Taps(local % n_in[axis] if wrap[axis] else local, made.weights))
    return apply(image, parts[0], parts[1])
