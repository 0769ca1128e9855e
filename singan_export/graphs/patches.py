"""Write singan_core.detail.patches: the features of every patch of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.patches import FEATURE, PATCH, REACH, Basis
from singan_export.graphs.values import Value, add_constant, join


def find_features(pixels: Value, basis: Basis, centre: NDArray[np.int64]) -> Value:
    """Find the features (h, w, n) of a premultiplied picture (h, w, C), int32.

    They are whole numbers in float32. A patch's product with the basis is the sum of seven
    products, one for each of its rows.
    """
    channels = len(centre)
    padded = pixels.cast(np.float32).pad_edges((REACH, REACH, 0), (REACH, REACH, 0))
    columns = join([padded.crop((0, at), (0, PATCH - 1 - at)) for at in range(PATCH)], 2)

    directions = basis.directions.reshape(basis.count, PATCH, PATCH * channels).astype(np.float32)
    total = -add_constant(pixels.writer, _find_origin(basis, centre))
    for row in range(PATCH):
        part = columns.crop((row,), (PATCH - 1 - row,))
        matrix = np.ascontiguousarray(directions[:, row].T)
        total = part.matmul(add_constant(pixels.writer, matrix)) + total

    rounded = (total * np.float32(2.0**-basis.shift) + 0.5).apply("Floor")
    return rounded.clip(-FEATURE, FEATURE)


def _find_origin(basis: Basis, centre: NDArray[np.int64]) -> NDArray[np.float32]:
    """Find the products (n,) of the basis with a patch of the mean colour."""
    patch = np.tile(centre, PATCH**2).astype(np.int64)
    return (patch @ basis.directions.T.astype(np.int64)).astype(np.float32)
