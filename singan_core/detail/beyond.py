"""Above the photo's own size: small steps, each of which adds to the enlarged picture what enlarging cannot give.

A patch of the enlarged picture looks like one near its own position in the photo blurred by a step, since edges and
textures look alike at sizes that differ so little. What the blur took from the photo there is what the picture lacks.
Of what is added only that stays which the smaller canvas cannot hold: shrunk again, the picture is the smaller one.
Sources: Freedman and Fattal 2011 for the search near the own position; Irani and Peleg 1991 for what stays.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import resize
from singan_core.detail.patches import REACH, Basis, features, pad
from singan_core.detail.photo import FIELD, FULL, VOTE_BIT, Level, find_smoothness
from singan_core.detail.votes import FINE, Map, indices, lowest, spread, weights
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NEAR = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
"""Where a patch looks, seen from its own position, in this order."""
HALO = REACH + max(dy for dy, _, _ in weights(FINE))
"""Pixels around a region that are enlarged as well: patches reach 3, and votes 2."""
_FEATURES = 8  # of the level's 12: four more change the pictures by less than the eye sees
_PLAIN = (
    FULL // 4
)  # smoothness from which a patch lacks nothing: a sky's noise, enlarged, would show as a grid
_NONE = 256  # what a ballot says of no difference, so that none is negative
_FAR = 1 << 14  # features of what lies beyond the photo: so far away that nothing else is farther
_AT_ONCE = 1 << 13  # patches, so that what is in work stays in the cache
_STRIP = 64  # rows, for the same reason
_KEPT = 2  # details of a level, for the next pictures


@dataclass(frozen=True, eq=False)
class Detail:
    """What a blur by one step takes from the photo, in tables of the level's positions."""

    basis: Basis
    features: NDArray[np.int16]  # (n, 8), of the blurred photo's patches, where they are asked for
    lacking: NDArray[np.bool_]  # (n,): where there is anything to add
    ballots: tuple[
        NDArray[np.uint64], ...
    ]  # (n,): three channels' difference + 256 a word, and in the first a count


_details: weakref.WeakKeyDictionary[Level, dict[Size, Detail]] = weakref.WeakKeyDictionary()
_making = threading.Lock()


@dataclass(frozen=True)
class Step:
    """One enlargement, of what a window needs."""

    smaller: Size
    canvas: Size
    wrap: Wrap
    want: Region  # of the canvas
    below: Region  # of the smaller canvas: what the picture is shrunk to again
    added: Region  # of the canvas: where detail is added, so that it can be shrunk
    drawn: Region  # of the canvas: with the halo

    @property
    def needs(self) -> Region:
        """What of the smaller canvas is read."""
        return resize.sources(self.drawn, self.smaller, self.canvas, self.wrap)


def choose_canvases(first: Size, whole: Size) -> list[Size]:
    """Choose the canvases from the first to the whole, or to twice the first if the whole is over 2.4 times as large.

    One step is up to 1.7 times, two are equal. A third would look painted: its patches are the second's inventions.
    """
    if first == whole:
        return [first]

    growth = whole[0] * whole[1] / (first[0] * first[1])
    last = whole if growth * growth < 2**5 else (2 * first[0], 2 * first[1])
    if growth * growth < 2**3:
        return [first, last]
    height, width = ((math.isqrt(4 * a * b) + 1) // 2 for a, b in zip(first, last, strict=True))
    return [first, (height, width), last]


def plan(sizes: Sequence[Size], want: Region, wrap: Wrap) -> list[Step]:
    """Plan the steps from canvas to canvas that draw a region of the last one; none if there is one canvas only."""
    steps: list[Step] = []
    for smaller, canvas in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        below = resize.sources(want, smaller, canvas, wrap)
        read = resize.sources(below, canvas, smaller, wrap)
        # On a periodic axis regions are not cut to one turn, so that each lies in one piece within the larger ones.
        rows, columns = (
            Span(min(a.start, b.start), max(a.stop, b.stop))
            for a, b in zip(want, read, strict=True)
        )
        down, across = (
            span.grown(HALO) if periodic else span.grown(HALO).within(length, False)
            for span, length, periodic in zip((rows, columns), canvas, wrap, strict=True)
        )
        steps.append(Step(smaller, canvas, wrap, want, below, (rows, columns), (down, across)))
        want = steps[-1].needs
    return steps[::-1]


def find_detail(level: Level, step: Step) -> Detail:
    """Find what a step of this size takes from the photo, kept as long as the level, since it serves every picture."""
    height, width = (
        (2 * side * a + b) // (2 * b)
        for side, a, b in zip(level.size, step.smaller, step.canvas, strict=True)
    )
    with _making:
        kept = _details.setdefault(level, {})
        if (height, width) not in kept:
            while len(kept) >= _KEPT:
                kept.pop(next(iter(kept)))
            kept[height, width] = make_detail(level, (max(height, 1), max(width, 1)))
        return kept[height, width]


def make_detail(level: Level, shrunk: Size) -> Detail:
    """Blur the photo by shrinking it and enlarging it again, and keep what that takes."""
    blurred = resize.resize(resize.resize(level.matched, shrunk), level.size)
    smooth = lowest(find_smoothness(level.matched, blurred), REACH)
    share = np.maximum(_PLAIN - smooth.astype(np.int16), 0)
    lost = level.matched.astype(np.int16) - blurred
    lost = (2 * share[..., None] * lost + _PLAIN) // (2 * _PLAIN)

    basis = Basis(level.basis.directions[:_FEATURES], level.basis.shift)
    lacking = _tabulate(share > 0)
    table = np.full((lacking.size, basis.count), _FAR, np.int16)
    asked = spread(share > 0, 1)
    padded = pad(blurred)

    for top in range(0, level.size[0], _STRIP):
        rows, columns = np.nonzero(asked[top : top + _STRIP])
        rows += top
        places = (rows + REACH) * level.stride + columns + REACH
        table[places] = features(padded, rows, columns, basis, level.centre)

    return Detail(basis, table, lacking, _pack(lost))


def _pack(lost: NDArray[np.int16]) -> tuple[NDArray[np.uint64], ...]:
    """Pack differences (h, w, C) as ballots: words of three fields, so that one multiplication weighs them."""
    words = []

    for first in range(0, lost.shape[2], 3):
        word = np.full(lost.shape[:2], 0 if first else 1 << VOTE_BIT, np.uint64)
        for place, channel in enumerate(range(first, min(first + 3, lost.shape[2]))):
            word |= (lost[..., channel] + _NONE).astype(np.uint64) << np.uint64(FIELD * place)
        words.append(_tabulate(word))

    return tuple(words)


def _tabulate(values: NDArray[Any]) -> NDArray[Any]:
    """Lay values (h, w) out as the level's own tables (n,), with nothing around them."""
    return np.pad(values, ((REACH, 3 * REACH + 1), (REACH, REACH))).reshape(-1)


def enlarge(
    level: Level, detail: Detail, step: Step, pixels: Pixels, found: Map
) -> tuple[Pixels, Map]:
    """Draw the wanted picture and map of a step from the pixels (h, w, C), premultiplied, and the map that it needs."""
    sizes = step.smaller, step.canvas
    plain = resize.window(pixels, step.needs, *sizes, step.drawn, step.wrap)
    found = look(level, detail, carry(found, *sizes, step.drawn), plain)
    sharp = vote(level, detail, found, plain)

    added = np.ascontiguousarray(sharp[_locate(step.drawn, step.added)])
    shrunk = resize.window(added, step.added, step.canvas, step.smaller, step.below, step.wrap)
    held = resize.window(shrunk, step.below, *sizes, step.want, step.wrap)

    inside = _locate(step.drawn, step.want)
    picture = plain[inside].astype(np.int16)
    picture += sharp[inside]
    picture -= held
    top, left = (span.start for span in step.want)
    return picture.clip(0, 255).astype(np.uint8), Map(
        found.rows[inside], found.columns[inside], top, left
    )


def _locate(have: Region, want: Region) -> tuple[slice, slice]:
    """Find where in a region another one is."""
    rows, columns = (
        slice(b.start - a.start, b.stop - a.start) for a, b in zip(have, want, strict=True)
    )
    return rows, columns


def carry(found: Map, smaller: Size, canvas: Size, region: Region) -> Map:
    """Carry a map to a region of a larger canvas: every pixel gets the position of the nearest smaller one."""
    at_rows, at_columns = (
        ((2 * (np.arange(*span) % new) + 1) * old // (2 * new) - begin) % old
        for span, old, new, begin in zip(
            region, smaller, canvas, (found.top, found.left), strict=True
        )
    )
    rows, columns = (
        values.take(at_rows, axis=0).take(at_columns, axis=1)
        for values in (found.rows, found.columns)
    )
    return Map(rows, columns, region[0].start, region[1].start)


def look(level: Level, detail: Detail, found: Map, plain: Pixels) -> Map:
    """Look for the nearest patch of the blurred photo at and around every position that lacks anything.

    In a tie a pixel keeps its own position, then the first of NEAR.
    """
    padded, stride = pad(plain), np.int32(level.stride)
    index = found.rows * stride + found.columns + np.int32(REACH * level.stride + REACH)
    rows, columns = found.rows.copy(), found.columns.copy()
    lacking = np.flatnonzero(detail.lacking.take(index))

    for start in range(0, len(lacking), _AT_ONCE):
        at = lacking[start : start + _AT_ONCE]
        own = index.reshape(-1)[at]
        y, x = np.divmod(at, found.size[1])
        wanted = features(padded, y, x, detail.basis, level.centre)
        best, chosen = _distance(detail, wanted, own), own.copy()
        for dy, dx in NEAR:
            other = own + np.int32(dy * level.stride + dx)
            apart = _distance(detail, wanted, other)
            better = apart < best
            np.copyto(best, apart, where=better)
            np.copyto(chosen, other, where=better)
        for values, new in zip((rows, columns), np.divmod(chosen, stride), strict=True):
            values.reshape(-1)[at] = new - REACH
    return Map(rows, columns, found.top, found.left)


def _distance(detail: Detail, wanted: Floats, positions: Ints) -> Floats:
    """Measure the squared distance of patches to the photo's at positions: exact, except beyond the photo."""
    apart = detail.features.take(positions, axis=0) - wanted
    apart *= apart
    found: Floats = apart @ np.ones(
        apart.shape[1], np.float32
    )  # a product is faster than a sum along short rows
    return found


def vote(level: Level, detail: Detail, found: Map, plain: Pixels) -> Pixels:
    """Add to the enlarged picture the weighted means of what the patches around every pixel lack there.

    What lies beyond the canvas or the photo has no vote.
    """
    height, width = found.size
    index = indices(level, found)
    picture = np.empty_like(plain)

    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        totals = [np.zeros((bottom - top, width), np.uint64) for _ in detail.ballots]
        for dy, dx, weight in weights(FINE):
            across = slice(REACH - dx, REACH - dx + width)
            at = index[top + REACH - dy : bottom + REACH - dy, across] + np.int32(
                dy * level.stride + dx
            )
            for total, ballots in zip(totals, detail.ballots, strict=True):
                total += ballots.take(at) * np.uint64(weight)
        _add_means(totals, plain[top:bottom], picture[top:bottom])
    return picture


def _add_means(totals: list[NDArray[np.uint64]], plain: Pixels, picture: Pixels) -> None:
    """Write the enlarged picture plus the rounded means of packed sums."""
    # Of whole numbers below 2^18, a quotient below 512 is on the right side of every whole number in float32 as well.
    count = (totals[0] >> np.uint64(VOTE_BIT)).astype(np.float32)
    mask = np.uint64((1 << FIELD) - 1)
    for channel in range(plain.shape[2]):
        field = totals[channel // 3] >> np.uint64(FIELD * (channel % 3)) & mask
        mean = (2 * field.astype(np.float32) + count) / (2 * count)
        values = np.floor(mean) - np.float32(_NONE) + plain[..., channel]
        picture[..., channel] = values.clip(0, 255)
