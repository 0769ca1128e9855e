"""Write singan_core.detail.labels: the photo's masks, put together by the votes of its patches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_export.graphs.coherence import LevelOutput
from singan_export.graphs.resize import resize
from singan_export.graphs.values import Value, add_constant, join
from singan_export.graphs.votes import Tables, count_votes, tabulate

HALF = 128  # of 255: the share of a pixel from which it has a label


def vote(masks: NDArray[np.bool_], drawn: LevelOutput, sigma: float) -> Value:
    """Vote how much of each pixel has each label, 0 to 255, (h, w, labels), int32.

    masks are the photo's, (H, W, labels). sigma is that of the votes for colours.
    """
    writer, count = drawn.rows.writer, masks.shape[2]
    whole = add_constant(writer, masks.astype(np.uint8) * np.uint8(255)).cast(np.int32)
    photo = resize(whole, drawn.photo.get_length(0), drawn.photo.get_length(1))
    height, width = (photo.get_length(axis).cast(np.int32) for axis in (0, 1))

    one = add_constant(writer, np.ones((1, 1, 1), np.int32)).expand(
        photo.get_length(0), photo.get_length(1), 1
    )
    nothing = add_constant(writer, np.zeros(1, np.int32))
    tables = Tables(height, width, tabulate(join([photo, one], 2)), nothing, count)

    total = count_votes(tables, tables.locate(drawn.rows, drawn.columns), sigma)
    sums, votes = total.slice(2, 0, count), total.slice(2, count, count + 1)
    return (sums * 2 + votes).divide(votes * 2)


def cut(shares: Value) -> Value:
    """Cut shares, int32, at one half: masks, uint8 of 0 or 255."""
    return ((shares >= HALF).cast(np.int32) * 255).cast(np.uint8)
