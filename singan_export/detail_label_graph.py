"""singan_core.detail.labels in a graph: the masks of the photo, put where the map says, by the votes of its colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_export.detail_copy_graph import Drawn
from singan_export.detail_resize_graph import resize
from singan_export.detail_vote_graph import Tables, count_votes, tabulate
from singan_export.values import Value, constant, join

HALF = 128  # of 255: the share of a pixel from which it has a label


def vote(masks: NDArray[np.bool_], drawn: Drawn, sigma: float) -> Value:
    """How much of each pixel of a map has each label, 0 to 255, (h, w, labels), int32; masks are the photo's."""
    writer, count = drawn.rows.writer, masks.shape[2]
    whole = constant(writer, masks.astype(np.uint8) * np.uint8(255)).cast(np.int32)
    photo = resize(whole, drawn.photo.side(0), drawn.photo.side(1))
    height, width = (photo.side(axis).cast(np.int32) for axis in (0, 1))

    one = constant(writer, np.ones((1, 1, 1), np.int32)).expand(photo.side(0), photo.side(1), 1)
    nothing = constant(writer, np.zeros(1, np.int32))
    tables = Tables(height, width, tabulate(join([photo, one], 2)), nothing, count)
    total = count_votes(tables, tables.locate(drawn.rows, drawn.columns), sigma)
    said, votes = total.slice(2, 0, count), total.slice(2, count, count + 1)
    return (said * 2 + votes).divide(votes * 2)


def cut(shares: Value) -> Value:
    """Masks, uint8 of 0 or 255, of shares, int32."""
    return ((shares >= HALF).cast(np.int32) * 255).cast(np.uint8)
