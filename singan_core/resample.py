"""The one resampler: bicubic (a = -0.5), half-pixel centres, renormalised at the edges, antialiased when shrinking.

Definition shared by training, export and runtime. Pillow's BICUBIC on mode F, torch's bicubic with
antialias and ONNX Resize (cubic_coeff_a=-0.5, exclude_outside=1) compute the same up to rounding.
Each output value is a sum over its own taps in a fixed order, so a part of the result never depends
on what is computed beside it.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = Any  # numpy.ndarray or torch.Tensor; the core knows nothing of torch

_SUPPORT = 2.0  # of the cubic kernel, in source pixels at scale 1
_A = -0.5
_ROWS = 32  # of the output at once


class Taps(NamedTuple):
    """Source positions and weights of every output position along one axis: both (n_out, taps)."""

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel (Keys 1981, eq. 4, a = -0.5)."""
    x = np.abs(x)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


@functools.lru_cache(
    maxsize=64
)  # frames ask for the same ones again; they are shared, to be read only
def taps(
    n_in: int, n_out: int, wrap: bool = False, start: int = 0, stop: int | None = None
) -> Taps:
    """Indices into an axis of length n_in and float64 weights (rows sum to 1) that resample it to length n_out.

    With wrap the axis is periodic; without it, taps beyond the ends weigh nothing and the rest is
    renormalised. Of the outputs, those from start to before stop (all of them, unless given); a
    part equals the slice of the whole.
    """
    positions = np.arange(start, n_out if stop is None else stop) % n_out
    shrink = max(n_in / n_out, 1.0)
    centres = (positions + 0.5) * (n_in / n_out)
    indices = _first(n_in, n_out, positions)[:, None] + np.arange(_count(n_in, n_out))
    weights = _cubic((indices + 0.5 - centres[:, None]) / shrink)
    if wrap:
        indices = indices % n_in
    else:
        weights = np.where((indices >= 0) & (indices < n_in), weights, 0.0)
        indices = indices.clip(0, n_in - 1)
    return Taps(indices, weights / weights.sum(axis=1, keepdims=True))


def taps_at(n_in: int, centres: NDArray[np.float64], spacing: NDArray[np.float64]) -> Taps:
    """The same for outputs at any places of an axis of length n_in, as warps need: where each one's centre lies (px
    from the axis's beginning, so that pixel 0 is centred on 0.5), and how many source pixels each
    one covers.
    """
    shrink = np.maximum(spacing, 1.0)[:, None]
    first = np.floor(centres[:, None] - _SUPPORT * shrink + 0.5).astype(np.int64)
    indices = first + np.arange(math.ceil(2 * _SUPPORT * shrink.max()))
    weights = _cubic((indices + 0.5 - centres[:, None]) / shrink)
    weights = np.where((indices >= 0) & (indices < n_in), weights, 0.0)
    return Taps(indices.clip(0, n_in - 1), weights / weights.sum(axis=1, keepdims=True))


def reach(n_in: int, n_out: int, start: int, stop: int) -> tuple[int, int]:
    """First and one past the last position of an axis of length n_in that outputs start .. stop-1 of n_out may read.

    Positions outside the axis mean its periodic repeats.
    """
    ends = np.array([start, stop - 1])
    first = _first(n_in, n_out, ends % n_out) + ends // n_out * n_in
    return int(first[0]), int(first[1]) + _count(n_in, n_out)


def _first(n_in: int, n_out: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first tap of every output position within 0 .. n_out-1."""
    if n_in == n_out:
        return positions
    shrink = max(n_in / n_out, 1.0)
    return np.floor((positions + 0.5) * (n_in / n_out) - _SUPPORT * shrink + 0.5).astype(np.int64)


def _count(n_in: int, n_out: int) -> int:
    """How many taps an output position has."""
    if n_in == n_out:
        return 1
    return math.ceil(2 * _SUPPORT * max(n_in / n_out, 1.0))


def _like(values: NDArray[Any], image: Array) -> Array:
    """The values in the image's own kind, dtype and device."""
    return image.new_tensor(values) if hasattr(image, "new_tensor") else values.astype(image.dtype)


def apply(image: Array, rows: Taps, columns: Taps) -> Array:
    """Resample an image (..., H, W), numpy or torch, float: columns first, since they are the fewer when enlarging.

    Block of rows by block of rows, so that what is in work stays in the cache.
    """
    across, down = _like(columns.weights, image), _like(rows.weights, image)[..., None]
    shape = (*image.shape[:-2], len(rows.indices), len(columns.indices))
    whole = image.new_empty(shape) if hasattr(image, "new_empty") else np.empty(shape, image.dtype)
    for top in range(0, len(rows.indices), _ROWS):
        indices = rows.indices[top : top + _ROWS]
        first = int(indices.min())
        wide = _summed(image[..., first : int(indices.max()) + 1, :], columns.indices, across, -1)
        whole[..., top : top + _ROWS, :] = _summed(
            wide, indices - first, down[top : top + _ROWS], -2
        )
    return whole


def _summed(source: Array, indices: NDArray[np.int64], weights: Array, axis: int) -> Array:
    """The source's values at each column of indices along an axis, times that column of weights, summed in order."""
    if hasattr(source, "new_empty"):
        total = _picked(source, indices[:, 0], axis) * weights[:, 0]
        for tap in range(1, indices.shape[1]):
            total += _picked(source, indices[:, tap], axis) * weights[:, tap]
        return total
    source = np.ascontiguousarray(source)
    total = source.take(indices[:, 0], axis)
    total *= weights[:, 0]
    term = np.empty_like(total)
    for tap in range(
        1, indices.shape[1]
    ):  # clip: only then does numpy write into out without a copy between
        source.take(indices[:, tap], axis, out=term, mode="clip")
        term *= weights[:, tap]
        total += term
    return total


def _picked(source: Array, indices: NDArray[np.int64], axis: int) -> Array:
    return source[..., indices] if axis == -1 else source[..., indices, :]


def resize(image: Array, size: tuple[int, int], wrap: tuple[bool, bool] = (False, False)) -> Array:
    """The image (..., H, W), numpy or torch, float, at another size (height, width); the same object if unchanged.

    Along the axes that wrap, rows or columns, it is periodic.
    """
    height, width = image.shape[-2:]
    if (height, width) == tuple(size):
        return image
    return apply(image, taps(height, size[0], wrap[0]), taps(width, size[1], wrap[1]))


def window(
    image: Array,
    have: tuple[tuple[int, int], tuple[int, int]],
    n_in: tuple[int, int],
    n_out: tuple[int, int],
    want: tuple[tuple[int, int], tuple[int, int]],
    wrap: tuple[bool, bool] = (False, False),
) -> Array:
    """A region of what resize would make of a whole image, from the region of it that is there; bit for bit the same.

    have and want are (start, stop) of rows and columns within n_in and n_out (or, periodic, their
    repeats); image is the region have, (..., h, w).
    """
    if n_in == n_out and not any(wrap):
        rows, columns = (slice(w[0] - h[0], w[1] - h[0]) for w, h in zip(want, have, strict=True))
        return image[..., rows, columns]
    parts = []
    for axis in (0, 1):
        made = taps(n_in[axis], n_out[axis], wrap[axis], *want[axis])
        local = made.indices - have[axis][0]
        parts.append(Taps(local % n_in[axis] if wrap[axis] else local, made.weights))
    return apply(image, parts[0], parts[1])
