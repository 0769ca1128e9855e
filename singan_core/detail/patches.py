"""What patches are compared by: a few whole-number features of each 7x7 patch.

A feature is the patch's product with a direction, a principal component of the photo's patches.
Source: the reduced neighbourhoods of Lefebvre and Hoppe 2006; ours are rounded to whole numbers, so
that every processor finds the same nearest neighbour.

Bit budget: a product of 49 C values below 2^8 with directions below 2^7 stays below 2^24 for C <=
4. A feature lies within -384..384, so that the sum of 24 squared differences is at most 24 x 768^2
< 2^24.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels

Features = NDArray[np.float32]
"""Features (n, count) of n patches: whole numbers from -384 to 384."""

PATCH = 7
"""Side of a patch (px)."""
REACH = PATCH // 2
"""How far a patch reaches from its centre (px)."""
FEATURE = 384
"""The largest feature; larger products are clipped."""
_USUAL = 340  # the largest feature of the photo's own patches: others go a little beyond
_SAMPLE = 20_000  # patches that the directions are computed from
_AT_ONCE = 1 << 13  # patches per product, so that what is in work stays in the cache


@dataclass(frozen=True)
class Basis:
    """The directions that patches are multiplied with.

    directions are int8 (count, 49 C), each a patch row by row; products are shifted down by shift
    bits.
    """

    directions: NDArray[np.int8]
    shift: int

    @property
    def count(self) -> int:
        """Number of features of a patch."""
        return len(self.directions)


def find_basis(pixels: Pixels, count: int) -> Basis:
    """Find the directions in which the patches of a picture (h, w, C) differ most.

    They are principal components, scaled to whole numbers. They are computed once, in double
    precision, and stored, so that their last digit need not be the same everywhere.
    """
    padded = pad(pixels)
    height, width, _ = pixels.shape
    chosen = np.arange(height * width)
    if len(chosen) > _SAMPLE:
        chosen = np.random.default_rng(0).choice(len(chosen), _SAMPLE, replace=False)

    rows, columns = np.divmod(chosen, width)
    values = gather(padded, rows, columns).astype(np.float64)
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :count].T  # the largest eigenvalue first

    # As large as int8 allows, unless a smaller scale already fills the range of a feature.
    widest = max(float(np.abs(centred @ vectors.T).max()), 1e-9)
    most = 127 / np.abs(vectors).max()
    shift = max(0, math.floor(math.log2(most * widest / _USUAL)))
    scale = min(most, _USUAL * 2**shift / widest)
    return Basis(np.rint(vectors * scale).astype(np.int8), shift)


def pad(pixels: Pixels, wrap: tuple[bool, bool] = (False, False)) -> Pixels:
    """Put 3 px around a picture (h, w, C).

    Its edges are repeated, or along an axis that wraps it goes on with its opposite side.
    """
    # numpy would keep a column-wise layout, which gather cannot read.
    pixels = np.ascontiguousarray(pixels)
    for axis, periodic in enumerate(wrap):
        width = [(0, 0)] * 3
        width[axis] = (REACH, REACH)
        pixels = np.pad(pixels, width, mode="wrap" if periodic else "edge")
    return pixels


def gather(
    padded: Pixels, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Gather the patches (n, 49 C) around n positions of a picture that has been padded."""
    height, width, channels = padded.shape
    strides = padded.strides
    patches = np.lib.stride_tricks.as_strided(
        padded,
        (height - PATCH + 1, width - PATCH + 1, PATCH, PATCH * channels),
        (strides[0], strides[1], strides[0], strides[2]),
    )
    return patches[rows, columns].reshape(len(rows), -1).astype(np.float32)


def compute_features(
    padded: Pixels,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    basis: Basis,
    centre: NDArray[np.int64],
) -> Features:
    """Compute the features (n, count) of the patches around n positions of a padded picture.

    centre is the photo's mean colour (C,), whose own features are 0. A feature is the product of
    direction and patch, less the product of direction and centre, shifted down with rounding.
    """
    directions = basis.directions.T.astype(np.float32)
    origin = np.tile(centre, PATCH**2).astype(np.int64) @ basis.directions.T.astype(np.int64)
    step = np.float32(2.0**-basis.shift)
    found = np.empty((len(rows), basis.count), np.float32)

    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        values = gather(padded, rows[part], columns[part]) @ directions
        values -= origin.astype(np.float32)
        values *= step
        values += np.float32(0.5)
        np.floor(values, out=values)
        found[part] = values.clip(-FEATURE, FEATURE)

    return found


def compute_all_features(
    pixels: Pixels,
    basis: Basis,
    centre: NDArray[np.int64],
    wrap: tuple[bool, bool] = (False, False),
) -> Features:
    """Compute the features (h w, count) of every patch of a picture (h, w, C), row by row."""
    height, width = pixels.shape[:2]
    rows, columns = np.divmod(np.arange(height * width), width)
    return compute_features(pad(pixels, wrap), rows, columns, basis, centre)
