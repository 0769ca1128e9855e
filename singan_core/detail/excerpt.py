"""The excerpt of a long canvas: places all over it, put together into a small picture.

Completeness weights are taken from a whole canvas. One that is drawn in blocks takes them from its
excerpt, which is the same for every block, so that blocks that meet show the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail.full_search import Each
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Guide = Callable[[Region], Pixels]
"""The hand-over: the picture of a region of the first level's canvas, (h, w, C), premultiplied."""

Cut = tuple[bool, bool]
"""Which axes of a canvas, rows and columns, are cut into blocks."""

ONE_AXIS, TWO_AXES = 512, 160
"""Length (px of the largest searched level) of an excerpt along an axis that is cut, if one axis is
or both are."""
PLACES = 3
"""Places along such an axis, the first at its beginning, the last at its end."""


def shorten(canvases: Sequence[Size], cut: Cut) -> tuple[Size, ...]:
    """Shorten the axes that are cut, at every searched level, to what an excerpt has."""
    rows, columns = zip(*canvases, strict=True)
    length = TWO_AXES if all(cut) else ONE_AXIS
    if cut[0]:
        rows = _shorten_axis(rows, length)
    if cut[1]:
        columns = _shorten_axis(columns, length)
    return tuple(zip(rows, columns, strict=True))


def _shorten_axis(lengths: Sequence[int], last: int) -> tuple[int, ...]:
    """Shorten an axis, so long at each level, in proportion to the most it is to have last."""
    longest = lengths[-1]
    last = min(last, longest)
    return tuple(max((2 * last * length + longest) // (2 * longest), 1) for length in lengths)


def make_guide(guide: Guide, canvas: Size, size: Size, each: Each) -> Guide:
    """Make the hand-over of an excerpt of a size from that of the canvas."""
    picture = put_together(guide, canvas, size, each)

    def cut(region: Region) -> Pixels:
        """Cut a region out of the excerpt."""
        return np.ascontiguousarray(picture[slice(*region[0]), slice(*region[1])])

    return cut


def put_together(guide: Guide, canvas: Size, size: Size, each: Each) -> Pixels:
    """Put an excerpt of a size together from places of the hand-over, (h, w, C), premultiplied."""
    rows, columns = (_list_places(*lengths) for lengths in zip(canvas, size, strict=True))
    pieces = list(each(guide, itertools.product(rows, columns)))
    across = len(columns)
    bands = [
        np.concatenate(pieces[at : at + across], axis=1) for at in range(0, len(pieces), across)
    ]
    return np.concatenate(bands)


def _list_places(canvas: int, length: int) -> list[Span]:
    """List the places along an axis of a canvas, of this length together."""
    if length == canvas:
        return [Span(0, canvas)]

    places = []
    edges = [length * number // PLACES for number in range(PLACES + 1)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        start = (canvas - (end - begin)) * number // (PLACES - 1)
        places.append(Span(start, start + end - begin))
    return [place for place in places if place.length]
