"""Patches, small squares of a picture, and the halved pictures that they are taken from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_core.arrays import Floats, Pixels

Values = TypeVar("Values", np.uint8, np.float32)

PATCH = 7  # px, side of a patch, where no other is named
SMALLEST = 24  # px: a picture is halved as long as both sides stay at least this long
BLOCK = 1_000  # patches that are compared at once: memory stays small


def view_patches(values: NDArray[Values], side: int) -> NDArray[Values]:
    """View every side x side patch of (h, w, C) at its place: (rows, columns, C, side, side)."""
    return np.lib.stride_tricks.sliding_window_view(values, (side, side), axis=(0, 1))


def list_patches(values: NDArray[Values], side: int = PATCH) -> NDArray[Values]:
    """Copy every side x side patch of (h, w, C) into a row of its own, in reading order."""
    patches = view_patches(values, side)
    return patches.reshape(patches.shape[0] * patches.shape[1], -1)


def draw_patches(
    values: NDArray[Values], side: int, rng: np.random.Generator, most: int
) -> NDArray[Values]:
    """Copy every patch of (h, w, C) into a row, or most of them at random if there are more.

    Only the chosen ones are copied.
    """
    patches = view_patches(values, side)
    rows, columns = patches.shape[:2]
    if rows * columns <= most:
        return list_patches(values, side)

    chosen = rng.choice(rows * columns, most, replace=False)
    return patches[chosen // columns, chosen % columns].reshape(most, -1)


def measure_nearest(asked: Pixels, stored: Pixels) -> float:
    """Measure the RMS distance from each asked patch to its nearest stored one: 0 to 1 per value.

    Both are uint8 (patches, values), as list_patches gives them.
    """
    queries = _centre(asked)

    # |q - p|^2 = |q|^2 - 2 (q.p - |p|^2 / 2): the nearest patch p of a query q has the highest
    # score in brackets.
    best = np.full(len(queries), -np.inf, np.float32)
    for part in np.array_split(stored, math.ceil(len(stored) / BLOCK)):
        block = _centre(part)
        scores = queries @ block.T - _sum_squares(block) / 2
        np.maximum(best, scores.max(axis=1), out=best)

    squares = _sum_squares(queries).astype(np.float64) - 2 * best.astype(np.float64)
    return float(np.sqrt(squares.mean() / queries.shape[1])) / 255


def _centre(values: Pixels) -> Floats:
    """Move pixels to -128 .. 127.

    There sums of 1,000 products are below 2^24, so that float32 keeps equal patches exactly 0
    apart.
    """
    return values.astype(np.float32) - np.float32(128)


def _sum_squares(rows: Floats) -> Floats:
    """Sum up the squares of each row."""
    total: Floats = np.einsum("ij,ij->i", rows, rows)
    return total


def to_unit(picture: Pixels) -> Floats:
    """Convert pixels, 0 to 255, to floats from 0 to 1."""
    return picture.astype(np.float32) / np.float32(255)


def halve(picture: Pixels) -> Pixels:
    """Halve both sides of a picture (h, w, C) by a box filter, rounding them down."""
    height, width, channels = picture.shape
    size = width // 2, height // 2
    halved = images.to_pillow(picture).resize(size, Image.Resampling.BOX)
    return np.asarray(halved).reshape(size[1], size[0], channels)


def make_halvings(picture: Pixels) -> Iterator[Floats]:
    """Yield a picture in [0, 1], its half, its quarter and so on, down to sides of 24 px."""
    while min(picture.shape[:2]) >= SMALLEST:
        yield to_unit(picture)
        picture = halve(picture)
