"""What patches are compared by: whole-number features, the patch's share of a few directions that tell most apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

PATCH = 7  # px, side of a patch
REACH = PATCH // 2
FEATURE = 384
"""The most a feature can be: 24 squared differences and the terms of a search stay below 2^24."""
_USUAL = 340  # of the photo's own patches at most
_SAMPLE = 20_000  # patches that the directions are found from
_AT_ONCE = 1 << 13  # patches, so that what is in work stays in the cache


@dataclass(frozen=True)
class Basis:
    """Directions (n, 49 C), int8, and by how many bits a patch's product with one is shifted down."""

    directions: NDArray[np.int8]
    shift: int

    @property
    def count(self) -> int:
        """How many features a patch has."""
        return len(self.directions)


def find_basis(pixels: Pixels, count: int) -> Basis:
    """Find the directions in which the patches of a picture (h, w, C) differ most, in whole numbers.

    They are principal components, computed once and stored; nothing depends on their last digit.
    """
    padded = pad(pixels)
    height, width, _ = pixels.shape
    chosen = np.arange(height * width)
    if len(chosen) > _SAMPLE:
        chosen = np.random.default_rng(0).choice(len(chosen), _SAMPLE, replace=False)
    rows, columns = np.divmod(chosen, width)
    values = gather(padded, rows, columns).astype(np.float64)
    apart = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(apart.T @ apart)
    vectors = vectors[:, ::-1][:, :count].T

    widest = max(float(np.abs(apart @ vectors.T).max()), 1e-9)
    most = 127 / np.abs(vectors).max()  # what int8 can hold
    shift = max(0, math.floor(math.log2(most * widest / _USUAL)))
    scale = min(most, _USUAL * 2**shift / widest)
    return Basis(np.rint(vectors * scale).astype(np.int8), shift)


def pad(pixels: Pixels, wrap: tuple[bool, bool] = (False, False)) -> Pixels:
    """Put 3 px around a picture (h, w, C): its edges repeated, or along an axis that wraps its other side."""
    pixels = np.ascontiguousarray(
        pixels
    )  # numpy keeps a column-wise layout, in which gather would go astray
    for axis, periodic in enumerate(wrap):
        width = [(0, 0)] * 3
        width[axis] = (REACH, REACH)
        pixels = np.pad(pixels, width, mode="wrap" if periodic else "edge")
    return pixels


def gather(padded: Pixels, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Floats:
    """The patches (n, 49 C) around positions of a picture that has been padded."""
    height, width, channels = padded.shape
    strides = padded.strides
    view = np.lib.stride_tricks.as_strided(
        padded,
        (height - PATCH + 1, width - PATCH + 1, PATCH, PATCH * channels),
        (strides[0], strides[1], strides[0], strides[2]),
    )
    return view[rows, columns].reshape(len(rows), -1).astype(np.float32)


def features(
    padded: Pixels,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    basis: Basis,
    centre: NDArray[np.int64],
) -> Floats:
    """Features (n, count) of the patches around positions, whole numbers from -384 to 384 in float32.

    centre is the photo's mean colour (C,), whose own features are 0.
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


def all_features(
    pixels: Pixels,
    basis: Basis,
    centre: NDArray[np.int64],
    wrap: tuple[bool, bool] = (False, False),
) -> Floats:
    """Features (h w, count) of every patch of a picture (h, w, C), row by row."""
    height, width = pixels.shape[:2]
    rows, columns = np.divmod(np.arange(height * width), width)
    return features(pad(pixels, wrap), rows, columns, basis, centre)
