"""The resampler of singan_core.resample in integers, for 8-bit pictures: same kernel, same centres, exact sums.

Weights are whole 4096ths that add up to 1. Sums are matrix products over blocks of outputs; since every product and
sum is a whole number below 2^24, neither the blocks nor the order of addition can change a bit.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

UNIT = 4096
"""A weight of 1."""
PHASES = 1024  # per source pixel: a tap's distance is rounded to so many
KEPT = 8  # steps per grey level between the two passes
_BLOCK = 64  # outputs along x of one matrix product
_STRIP = 64  # rows at once, so that what is in work stays in the cache


class Taps(NamedTuple):
    """Source positions and whole weights, which add up to UNIT, of outputs along one axis: both (n_out, taps)."""

    indices: NDArray[np.int64]
    weights: NDArray[np.int64]


@functools.cache
def kernel() -> NDArray[np.int64]:
    """Keys' cubic kernel (a = -0.5) at distances 0, 1/1024, ..., 2 in units of 2^-31."""
    one = PHASES
    j = np.arange(2 * one + 1, dtype=np.int64)
    near = 3 * j**3 - 5 * one * j**2 + 2 * one**3
    far = -(j**3) + 5 * one * j**2 - 8 * one**2 * j + 4 * one**3
    return np.where(j < one, near, far)


def first(n_in: int, n_out: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first tap of output positions; a shrinking kernel is as much wider as the axis shrinks."""
    if n_in == n_out:
        return positions
    reach = 4 * max(n_in, n_out) - n_out
    return ((2 * positions + 1) * n_in - reach) // (2 * n_out)


def count(n_in: int, n_out: int) -> int:
    """How many taps an output has."""
    return 1 if n_in == n_out else -(-4 * max(n_in, n_out) // n_out)


@functools.lru_cache(maxsize=256)
def taps(n_in: int, n_out: int, wrap: bool, start: int, stop: int) -> Taps:
    """Taps of the outputs start .. stop-1 of an axis resampled from n_in to n_out; shared, to be read only.

    Beyond the ends a periodic axis goes on; any other has no taps there, and the rest is renormalised.
    """
    positions = np.arange(start, stop, dtype=np.int64) % n_out
    indices = first(n_in, n_out, positions)[:, None] + np.arange(count(n_in, n_out))
    apart = np.abs((2 * indices + 1) * n_out - (2 * positions[:, None] + 1) * n_in)
    longer = max(n_in, n_out)
    phase = (apart * PHASES + longer) // (2 * longer)
    weights = kernel()[np.minimum(phase, 2 * PHASES)]
    if wrap:
        indices = indices % n_in
    else:
        weights = np.where((indices >= 0) & (indices < n_in), weights, 0)
        indices = indices.clip(0, n_in - 1)

    total = weights.sum(axis=1, keepdims=True)
    whole = (2 * weights * UNIT + total) // (2 * total)
    largest = whole.argmax(axis=1)
    whole[np.arange(len(whole)), largest] += UNIT - whole.sum(axis=1)
    return Taps(indices, whole)


def sources(region: Region, n_in: Size, n_out: Size, wrap: Wrap = (False, False)) -> Region:
    """What of a canvas of n_in the resampler reads for a region of n_out."""
    found = []
    for span, a, b, periodic in zip(region, n_in, n_out, wrap, strict=True):
        ends = np.array([span.start, span.stop - 1])
        low, high = first(a, b, ends % b) + ends // b * a
        found.append(Span(int(low), int(high) + count(a, b)).within(a, periodic))
    return found[0], found[1]


def resize(pixels: Pixels, size: Size, wrap: Wrap = (False, False)) -> Pixels:
    """The whole picture (h, w, C) at another size; the same object if unchanged."""
    height, width = pixels.shape[:2]
    if (height, width) == size:
        return pixels
    whole = Span(0, height), Span(0, width)
    return window(pixels, whole, (height, width), size, (Span(0, size[0]), Span(0, size[1])), wrap)


def window(
    pixels: Pixels, have: Region, n_in: Size, n_out: Size, want: Region, wrap: Wrap = (False, False)
) -> Pixels:
    """A region of what resize would make of a whole picture, from the region of it that is there (h, w, C)."""
    rows, columns = (
        taps(a, b, periodic, *span)
        for a, b, periodic, span in zip(n_in, n_out, wrap, want, strict=True)
    )
    down, across = (
        one.indices - span.start if not periodic else (one.indices - span.start) % length
        for one, span, length, periodic in zip((rows, columns), have, n_in, wrap, strict=True)
    )
    if n_in == n_out:
        return np.ascontiguousarray(pixels[down[:, 0]][:, across[:, 0]])
    return _sums(pixels, Taps(down, rows.weights), Taps(across, columns.weights))


def _sums(pixels: Pixels, rows: Taps, columns: Taps) -> Pixels:
    """The two passes, rows first, strip by strip: between them values are rounded to eighths of a grey level."""
    _, width, channels = pixels.shape
    n_out = len(rows.indices), len(columns.indices)
    made = np.empty((n_out[0], n_out[1] * channels), np.uint8)
    flat = pixels.reshape(len(pixels), width * channels)
    blocks = list(_blocks(columns, width, channels))

    for top in range(0, n_out[0], _STRIP):
        bottom = min(top + _STRIP, n_out[0])
        low, weights = _dense(rows, top, bottom, len(flat))
        strip = weights @ flat[low : low + weights.shape[1]].astype(np.float32)
        strip *= np.float32(KEPT / UNIT)
        strip += np.float32(0.5)
        np.floor(strip, out=strip)
        for left, right, start, matrix in blocks:
            part = strip[:, start : start + len(matrix)] @ matrix
            part *= np.float32(1 / (KEPT * UNIT))
            part += np.float32(0.5)
            np.maximum(part, 0, out=part)
            np.minimum(part, 255, out=part)
            made[top:bottom, left:right] = part  # truncated: the floor of what is not negative
    return made.reshape(*n_out, channels)


def _dense(one: Taps, start: int, stop: int, length: int) -> tuple[int, Floats]:
    """The weights of outputs start .. stop-1 as a matrix (outputs, sources), and the first source."""
    indices = one.indices[start:stop]
    low, high = int(indices.min()), int(indices.max()) + 1
    matrix = np.zeros((stop - start, high - low), np.float32)
    places = np.broadcast_to(np.arange(stop - start)[:, None], indices.shape)
    np.add.at(matrix, (places, indices - low), one.weights[start:stop])
    return low, matrix


def _blocks(columns: Taps, width: int, channels: int) -> list[tuple[int, int, int, Floats]]:
    """(left, right, first source, matrix) of blocks of outputs along x, all in values: pixels times channels."""
    found = []
    for left in range(0, len(columns.indices), _BLOCK):
        right = min(left + _BLOCK, len(columns.indices))
        low, matrix = _dense(columns, left, right, width)
        mixed = np.kron(matrix.T, np.eye(channels, dtype=np.float32))
        found.append(
            (left * channels, right * channels, low * channels, np.ascontiguousarray(mixed))
        )
    return found
