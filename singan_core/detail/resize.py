"""The resampler for 8-bit pictures, in whole numbers, with the kernel of singan_core.resample.

The float resampler serves the generators, whose pictures are float32. From the hand-over on
pictures are 8-bit and must be equal on every processor. So weights here are whole 4096ths that add
up to exactly 1, and the result is rounded in two fixed places.

Bit budget: the positive weights of an output add up to less than 1.4. So the first pass stays below
255 x 1.4 x 4096 < 2^21. It is rounded to eighths of a grey level (KEPT), so the second pass stays
below 255 x 1.4 x 8 x 1.4 x 4096 < 2^24. Float32 matrix products are exact there, and neither blocks
nor the order of additions can change a bit.

Source: Keys 1981, eq. 4, a = -0.5; widened when shrinking, against aliasing.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap

Matrix = NDArray[np.float32]

UNIT = 4096
"""A weight of 1."""
PHASES = 1024
"""Steps per source pixel to which the distance of a tap is rounded."""
KEPT = 8
"""Steps per grey level between the two passes."""
_BLOCK = 64  # outputs along x of one matrix product
_STRIP = 32  # rows at once, so that what is in work stays in the cache


class Taps(NamedTuple):
    """Which source positions each output along one axis reads, and with what weight.

    Both are (n_out, taps); the weights of an output are whole and add up to UNIT.
    """

    indices: NDArray[np.int64]
    weights: NDArray[np.int64]


@functools.cache
def tabulate_kernel() -> NDArray[np.int64]:
    """Tabulate the cubic kernel at the distances 0, 1/1024, ..., 2 in units of 2^-31.

    Source: Keys 1981, eq. 4, a = -0.5, multiplied by 2 x 1024^3.
    """
    one = PHASES
    j = np.arange(2 * one + 1, dtype=np.int64)
    near = 3 * j**3 - 5 * one * j**2 + 2 * one**3
    far = -(j**3) + 5 * one * j**2 - 8 * one**2 * j + 4 * one**3
    return np.where(j < one, near, far)


def find_first_tap(n_in: int, n_out: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the first source position that each output reads, negative before the axis begins.

    When an axis shrinks, the kernel is wider by the same factor.
    """
    if n_in == n_out:
        return positions
    reach = 4 * max(n_in, n_out) - n_out
    return ((2 * positions + 1) * n_in - reach) // (2 * n_out)


def count_taps(n_in: int, n_out: int) -> int:
    """Count the source positions that an output reads."""
    return 1 if n_in == n_out else -(-4 * max(n_in, n_out) // n_out)


@functools.lru_cache(maxsize=256)
def compute_taps(n_in: int, n_out: int, wrap: bool, start: int, stop: int) -> Taps:
    """Compute the taps of the outputs start to stop - 1 of an axis resampled from n_in to n_out.

    A periodic axis goes on beyond its ends. Any other has no taps there, and the rest is scaled to
    add up to UNIT. The arrays are shared: never change them.
    """
    positions = np.arange(start, stop, dtype=np.int64) % n_out
    indices = find_first_tap(n_in, n_out, positions)[:, None] + np.arange(count_taps(n_in, n_out))

    # Distances between centres, in source pixels of the longer axis, rounded to phases.
    longer = max(n_in, n_out)
    distances = np.abs((2 * indices + 1) * n_out - (2 * positions[:, None] + 1) * n_in)
    phases = (distances * PHASES + longer) // (2 * longer)
    weights = tabulate_kernel()[np.minimum(phases, 2 * PHASES)]

    if wrap:
        indices = indices % n_in
    else:
        weights = np.where((indices >= 0) & (indices < n_in), weights, 0)
        indices = indices.clip(0, n_in - 1)

    # Round to 4096ths; the largest weight takes what rounding left over.
    total = weights.sum(axis=1, keepdims=True)
    whole = (2 * weights * UNIT + total) // (2 * total)
    largest = whole.argmax(axis=1)
    whole[np.arange(len(whole)), largest] += UNIT - whole.sum(axis=1)
    return Taps(indices, whole)


def find_sources(region: Region, n_in: Size, n_out: Size, wrap: Wrap = (False, False)) -> Region:
    """Find the region of a canvas of n_in that the resampler reads for a region of n_out."""
    found = []
    for span, old, new, periodic in zip(region, n_in, n_out, wrap, strict=True):
        ends = np.array([span.start, span.stop - 1])
        low, high = find_first_tap(old, new, ends % new) + ends // new * old
        found.append(Span(int(low), int(high) + count_taps(old, new)).clip(old, periodic))
    return found[0], found[1]


def resize(pixels: Pixels, size: Size, wrap: Wrap = (False, False)) -> Pixels:
    """Resize a whole picture (h, w, C).

    RGBA must be premultiplied. Returns the same object if the size does not change.
    """
    height, width = pixels.shape[:2]
    if (height, width) == size:
        return pixels
    everything = Span(0, height), Span(0, width)
    want = Span(0, size[0]), Span(0, size[1])
    return resize_window(pixels, everything, (height, width), size, want, wrap)


def resize_window(
    pixels: Pixels, have: Region, n_in: Size, n_out: Size, want: Region, wrap: Wrap = (False, False)
) -> Pixels:
    """Compute a region of what resize makes of a whole picture of n_in, byte for byte.

    pixels (h, w, C) is the region have of that picture, which holds at least sources of want.
    """
    both = []
    for axis in (0, 1):
        indices, weights = compute_taps(n_in[axis], n_out[axis], wrap[axis], *want[axis])
        local = indices - have[axis].start
        both.append(Taps(local % n_in[axis] if wrap[axis] else local, weights))

    rows, columns = both
    if n_in == n_out:
        return np.ascontiguousarray(pixels[rows.indices[:, 0]][:, columns.indices[:, 0]])
    return _apply(pixels, rows, columns)


def _apply(pixels: Pixels, rows: Taps, columns: Taps) -> Pixels:
    """Sum along columns of the picture, then along rows, strip by strip.

    Between the two passes values are rounded to eighths of a grey level. A strip has its channels
    one below the other, so that one matrix serves them all.
    """
    _, width, channels = pixels.shape
    n_out = len(rows.indices), len(columns.indices)
    made = np.empty((n_out[0], channels, n_out[1]), np.uint8)
    blocks = _cut_into_blocks(columns)

    for top in range(0, n_out[0], _STRIP):
        bottom = min(top + _STRIP, n_out[0])
        low, weights = _to_matrix(rows, top, bottom, 1 / (UNIT // KEPT))
        read = pixels[low : low + weights.shape[1]].transpose(0, 2, 1).astype(np.float32, "C")
        strip = weights @ read.reshape(len(read), channels * width)
        strip += np.float32(0.5)
        np.floor(strip, out=strip)
        strip = strip.reshape((bottom - top) * channels, width)

        for block in blocks:
            part = strip[:, block.first : block.first + len(block.matrix)] @ block.matrix
            part += np.float32(0.5)
            np.clip(part, 0, 255, out=part)
            # Truncated, so rounded half up.
            made[top:bottom, :, block.left : block.right] = part.reshape(
                bottom - top, channels, block.right - block.left
            )

    return np.ascontiguousarray(made.transpose(0, 2, 1))


class _Block(NamedTuple):
    """One matrix product along x: outputs left to right - 1 of the sources from first on."""

    left: int
    right: int
    first: int
    matrix: Matrix  # (sources, outputs)


def _cut_into_blocks(columns: Taps) -> list[_Block]:
    """Cut the outputs along x into blocks whose matrices are small."""
    blocks = []
    for left in range(0, len(columns.indices), _BLOCK):
        right = min(left + _BLOCK, len(columns.indices))
        first, weights = _to_matrix(columns, left, right, 1 / (KEPT * UNIT))
        blocks.append(_Block(left, right, first, np.ascontiguousarray(weights.T)))
    return blocks


def _to_matrix(axis: Taps, start: int, stop: int, scale: float) -> tuple[int, Matrix]:
    """Turn the taps of outputs start to stop - 1 into a matrix (outputs, sources), times scale.

    A scale that is a power of two changes no digit. Returns the first source position as well.
    """
    indices = axis.indices[start:stop]
    low, high = int(indices.min()), int(indices.max()) + 1
    matrix = np.zeros((stop - start, high - low), np.float32)
    outputs = np.broadcast_to(np.arange(stop - start)[:, None], indices.shape)
    np.add.at(matrix, (outputs, indices - low), axis.weights[start:stop])
    matrix *= np.float32(scale)
    return low, matrix
