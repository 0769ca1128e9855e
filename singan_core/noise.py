"""The one noise field: Gaussian noise as a pure function of its place and seed.

Its arguments are (seed, scale, frame, channel, y, x). It is Philox4x32-10 (Salmon et al., SC 2011)
followed by Box-Muller. docs/noise.md specifies the word layout, the map to (0, 1) and the order of
the pair, with test vectors. Change nothing here without a new SPEC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO
from singan_core.arrays import Reals

SPEC = "philox4x32-10/box-muller/1"
RECONSTRUCTION_FRAME = 0xFFFFFFFF
"""The frame that z* is drawn from; animations never reach it."""
SEED_LIMIT = 2**64

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_ROWS_AT_ONCE = 1 << 15  # counters per block: the working set stays in cache

U64 = NDArray[np.uint64]
Precision = type[np.floating[Any]]


def philox(counter: tuple[U64, U64, U64, U64], key: tuple[int, int]) -> tuple[U64, U64, U64, U64]:
    """Compute four pseudo-random 32-bit words per counter, in ten rounds.

    Words are held in uint64 and broadcast together.
    Source: Random123's Philox4x32-10. The first test in tests/test_noise.py has its known answers.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key

    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (p1 >> _HIGH) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _HIGH) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF

    return c0, c1, c2, c3


def _box_muller(a: U64, b: U64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn two 32-bit words into two independent standard normal values.

    Cosine and sine come from the tangent of half the angle, which numpy vectorises. This takes a
    third of their time and differs from them by at most 2e-16.
    """
    radius = np.sqrt(-2.0 * np.log((a + 0.5) * 2.0**-32))
    tangent = np.tan((b + 0.5) * (np.pi * 2.0**-32))
    square = tangent * tangent
    radius /= 1.0 + square
    return radius * (1.0 - square), radius * (2.0 * tangent)


def draw_field(
    seed: int,
    scale: int,
    frame: int,
    channels: int,
    y: int,
    x: int,
    height: int,
    width: int,
    dtype: Precision = np.float32,
) -> Reals:
    """Compute unit Gaussian noise (channels, height, width) of a window of the field.

    (y, x) is the place of the first value, both signed 32-bit. seed is 0..2^64-1, frame 0..2^32-1,
    scale and channel 0..65535. A window equals the slice of a larger one, value for value. With
    float64 the values are those before they are rounded to float32.
    """
    key = (seed & 0xFFFFFFFF, seed >> 32)

    # Four neighbours along x share a counter, one word each.
    first, last = x >> 2, (x + width - 1) >> 2
    groups = (np.arange(first, last + 1, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint64)
    rows = (np.arange(y, y + height, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint64)

    out = np.empty((channels, height, width), dtype)
    skip = x - 4 * first
    step = max(1, _ROWS_AT_ONCE // len(groups))
    quad = np.empty((step, len(groups), 4), dtype)

    for channel in range(channels):
        stream = np.uint64(scale << 16 | channel)
        for top in range(0, height, step):
            part = rows[top : top + step, None]
            words = philox((groups[None, :], part, np.uint64(frame), stream), key)  # type: ignore[arg-type]
            block = quad[: len(part)]
            block[..., 0], block[..., 1] = _box_muller(words[0], words[1])
            block[..., 2], block[..., 3] = _box_muller(words[2], words[3])
            out[channel, top : top + step] = block.reshape(len(part), -1)[:, skip : skip + width]
    return out


def draw_for_canvas(
    seed: int,
    scale: int,
    frame: int,
    channels: int,
    size: tuple[int, int],
    border: str,
    dtype: Precision = np.float32,
) -> Reals:
    """Compute unit noise (channels, H+10, W+10) of a canvas (H, W) and its halo.

    The border mode fills the halo, as in of_region.
    """
    height, width = size
    return draw_for_region(
        seed, scale, frame, channels, size, ((0, height), (0, width)), border, dtype=dtype
    )


def draw_for_region(
    seed: int,
    scale: int,
    frame: int,
    channels: int,
    size: tuple[int, int],
    region: tuple[tuple[int, int], tuple[int, int]],
    border: str,
    wrap: tuple[bool, bool] = (False, False),
    dtype: Precision = np.float32,
) -> Reals:
    """Compute unit noise (channels, h+10, w+10) of a region of a canvas and its halo.

    The region is the (start, stop) of its rows and of its columns. Beyond the canvas, the field
    goes on with border mode noise, and there is no noise with border mode zero. Along an axis that
    wraps, the canvas repeats.
    """
    spans = [(start - HALO, stop + HALO) for start, stop in region]
    made = np.zeros((channels, *(stop - start for start, stop in spans)), dtype)
    rows, columns = (
        list(_find_pieces(*span, length, periodic, border))
        for span, length, periodic in zip(spans, size, wrap, strict=True)
    )

    for top, y, height in rows:
        for left, x, width in columns:
            piece = draw_field(seed, scale, frame, channels, y, x, height, width, dtype)
            made[:, top : top + height, left : left + width] = piece
    return made


def _find_pieces(
    start: int, stop: int, length: int, periodic: bool, border: str
) -> Iterator[tuple[int, int, int]]:
    """Find the pieces of the field that positions start .. stop-1 of an axis show.

    Each piece is (offset from start, its position in the field, its length).
    """
    if periodic:
        at = start
        while at < stop:
            count = min(length - at % length, stop - at)
            yield at - start, at % length, count
            at += count
    elif border == "noise":
        yield 0, start, stop - start
    else:
        first, last = max(start, 0), min(stop, length)
        yield first - start, first, last - first
