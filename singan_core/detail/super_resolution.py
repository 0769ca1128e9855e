"""Above the photo's own size: small steps, each of which adds what enlarging cannot give.

Edges and textures look alike at sizes that differ little. So a patch of the enlarged picture finds
its like near its own position in the photo blurred by a step. What the blur took from the photo
there is what the picture lacks. Of what is added only that stays which the smaller canvas cannot
hold, so that the picture, shrunk again, is the smaller one.

Source: Freedman and Fattal 2011 for the search near a patch's own position, ours at the position
that the map shows; Irani and Peleg 1991 for what stays (one step of back-projection).
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask, Pixels
from singan_core.detail import resize
from singan_core.detail.drawn_region import grow, locate
from singan_core.detail.maps import Map, Positions, carry_map, index_map
from singan_core.detail.morphology import dilate, erode
from singan_core.detail.patches import REACH, Basis, Features, compute_features, pad
from singan_core.detail.photo import FULL, Level, find_smoothness
from singan_core.detail.tables import (
    IN_FIELDS,
    VOTE_BIT,
    Votes,
    count_votes,
    lay_out,
    pack_fields,
    unpack_field,
)
from singan_core.detail.votes import FINE, compute_weights
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap

NEAR = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
"""Where a patch searches, relative to its own position, in this order."""
HALO = REACH + max(dy for dy, _, _ in compute_weights(FINE))
"""Pixels around a region that are enlarged too: patches reach 3, and votes 2."""
_FEATURES = 8  # of the level's 12: four more change the pictures by less than the eye sees
_PLAIN = FULL // 4  # smoothness from which nothing is lacking: noise of a sky would show as a grid
_NO_DIFFERENCE = 256  # added to differences, so that packed ones are positive and below 2^9
_FAR = 1 << 14  # features of what lies beyond the photo, farther away than any patch of it
_AT_ONCE = 1 << 13  # patches, so that what is in work stays in the cache
_STRIP = 64  # rows, for the same reason
_KEPT_DETAILS = 2  # of a level, for the next pictures


@dataclass(frozen=True, eq=False)
class LostDetail:
    """What a blur by one step takes from the photo, in tables (n,) laid out as the level's."""

    basis: Basis
    features: NDArray[np.int16]  # (n, 8), of the blurred photo's patches that are compared
    lacking: Mask  # where there is detail to add
    ballots: tuple[Votes, ...]  # differences + 256, three channels in one; the first has the count


@dataclass(frozen=True)
class Step:
    """One enlargement from the smaller canvas to the canvas, as far as a region needs it."""

    smaller: Size
    canvas: Size
    wrap: Wrap
    want: Region  # of the canvas
    below: Region  # of the smaller canvas: what the picture is shrunk to again
    added: Region  # of the canvas: where detail is added, so that it can be shrunk
    drawn: Region  # of the canvas: with the halo

    @property
    def needs(self) -> Region:
        """The region of the smaller canvas that is read."""
        return resize.find_sources(self.drawn, self.smaller, self.canvas, self.wrap)


def choose_canvases(first: Size, whole: Size) -> list[Size]:
    """Choose the canvases from the first to the whole, or to twice the first if that is smaller.

    A growth up to 1.68 a side is one step, up to 2.38 two equal ones. Beyond that the second step
    ends at twice the first. A third would look painted: its patches are what the second invented.
    """
    if first == whole:
        return [first]

    # A side grows by 2^(3/4) or 2^(5/4) where the growth in area, squared, is 2^3 or 2^5.
    growth = whole[0] * whole[1] / (first[0] * first[1])
    last = whole if growth * growth < 2**5 else (2 * first[0], 2 * first[1])
    if growth * growth < 2**3:
        return [first, last]
    height, width = ((math.isqrt(4 * a * b) + 1) // 2 for a, b in zip(first, last, strict=True))
    return [first, (height, width), last]


def plan_steps(sizes: Sequence[Size], want: Region, wrap: Wrap) -> list[Step]:
    """Plan the steps, smallest first, that draw a region of the last of the canvases.

    A single canvas needs none.
    """
    steps: list[Step] = []

    for smaller, canvas in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        below = resize.find_sources(want, smaller, canvas, wrap)
        read = resize.find_sources(below, canvas, smaller, wrap)
        # Not cut to one turn of a periodic axis, so that each region lies in one piece in the next.
        rows, columns = (
            Span(min(a.start, b.start), max(a.stop, b.stop))
            for a, b in zip(want, read, strict=True)
        )
        added = rows, columns
        steps.append(
            Step(smaller, canvas, wrap, want, below, added, grow(added, HALO, canvas, wrap))
        )
        want = steps[-1].needs

    return steps[::-1]


_details: weakref.WeakKeyDictionary[Level, dict[Size, LostDetail]] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def find_lost_detail(level: Level, step: Step) -> LostDetail:
    """Find what a step takes from the photo, and keep it as long as the level."""
    height, width = (
        (2 * side * old + new) // (2 * new)
        for side, old, new in zip(level.size, step.smaller, step.canvas, strict=True)
    )
    with _making:
        kept = _details.setdefault(level, {})
        if (height, width) not in kept:
            while len(kept) >= _KEPT_DETAILS:
                kept.pop(next(iter(kept)))
            kept[height, width] = make_lost_detail(level, (max(height, 1), max(width, 1)))
        return kept[height, width]


def make_lost_detail(level: Level, shrunk: Size) -> LostDetail:
    """Blur the photo by shrinking it to a size and enlarging it again, and keep what that takes.

    What is taken from smooth pixels counts for less, down to nothing from a smoothness of 16 on.
    """
    blurred = resize.resize(resize.resize(level.matched, shrunk), level.size)
    smooth = erode(find_smoothness(level.matched, blurred), REACH)
    share = np.maximum(_PLAIN - smooth.astype(np.int16), 0)
    lost = level.matched.astype(np.int16) - blurred
    lost = (2 * share[..., None] * lost + _PLAIN) // (2 * _PLAIN)

    # Features are needed at positions that lack something and at those around them.
    basis = Basis(level.basis.directions[:_FEATURES], level.basis.shift)
    lacking = lay_out(share > 0)
    table = np.full((lacking.size, basis.count), _FAR, np.int16)
    compared = dilate(share > 0, 1)
    padded = pad(blurred)
    for top in range(0, level.size[0], _STRIP):
        rows, columns = np.nonzero(compared[top : top + _STRIP])
        rows += top
        entries = level.find_entries(rows, columns)
        table[entries] = compute_features(padded, rows, columns, basis, level.centre)

    return LostDetail(basis, table, lacking, _pack(lost))


def _pack(lost: NDArray[np.int16]) -> tuple[Votes, ...]:
    """Pack differences (h, w, C) as votes, with the count in the first table."""
    tables = []
    for first in range(0, lost.shape[2], IN_FIELDS):
        words = pack_fields(lost[..., first : first + IN_FIELDS] + _NO_DIFFERENCE)
        if not first:
            words |= np.uint64(1 << VOTE_BIT)
        tables.append(lay_out(words))
    return tuple(tables)


def enlarge(
    level: Level, detail: LostDetail, step: Step, pixels: Pixels, found: Map
) -> tuple[Pixels, Map]:
    """Draw the wanted region of a step: its picture (h, w, C), premultiplied, and its map.

    pixels, premultiplied, and found are the picture and the map of the region that the step needs.
    """
    sizes = step.smaller, step.canvas
    plain = resize.resize_window(pixels, step.needs, *sizes, step.drawn, step.wrap)
    found = search_near(level, detail, carry_map(found, *sizes, step.drawn), plain)
    sharp = add_detail(level, detail, found, plain)

    # What the smaller canvas can hold, it holds already: take it back.
    added = np.ascontiguousarray(sharp[locate(step.drawn, step.added)])
    shrunk = resize.resize_window(
        added, step.added, step.canvas, step.smaller, step.below, step.wrap
    )
    held = resize.resize_window(shrunk, step.below, *sizes, step.want, step.wrap)
    inside = locate(step.drawn, step.want)
    picture = plain[inside].astype(np.int16)
    picture += sharp[inside]
    picture -= held

    top, left = (span.start for span in step.want)
    found = Map(found.rows[inside], found.columns[inside], top, left)
    return picture.clip(0, 255).astype(np.uint8), found


def search_near(level: Level, detail: LostDetail, found: Map, plain: Pixels) -> Map:
    """Find the nearest patch of the blurred photo at and around each position that lacks detail.

    plain is the enlarged picture (h, w, C), premultiplied. A tie goes to the pixel's own position,
    then to the first of NEAR.
    """
    padded = pad(plain)
    entries = level.find_entries(found.rows, found.columns)
    rows, columns = found.rows.copy(), found.columns.copy()
    lacking = np.flatnonzero(detail.lacking.take(entries))

    for start in range(0, len(lacking), _AT_ONCE):
        at = lacking[start : start + _AT_ONCE]
        own = entries.reshape(-1)[at]
        y, x = np.divmod(at, found.size[1])
        queries = compute_features(padded, y, x, detail.basis, level.centre)

        best, chosen = _measure_distance(detail, queries, own), own.copy()
        for dy, dx in NEAR:
            other = own + np.int32(dy * level.stride + dx)
            distance = _measure_distance(detail, queries, other)
            better = distance < best
            np.copyto(best, distance, where=better)
            np.copyto(chosen, other, where=better)
        rows.reshape(-1)[at], columns.reshape(-1)[at] = level.find_positions(chosen)

    return Map(rows, columns, found.top, found.left)


def _measure_distance(
    detail: LostDetail, queries: Features, entries: Positions
) -> NDArray[np.float32]:
    """Measure the squared distances (n,) of queries to the blurred photo's patches at n entries.

    They are exact, except beyond the photo, where they are only large.
    """
    apart: Features = detail.features.take(entries, axis=0) - queries
    apart *= apart
    ones = np.ones(apart.shape[1], np.float32)  # a product is faster than a sum along short rows
    distance: NDArray[np.float32] = apart @ ones
    return distance


def add_detail(level: Level, detail: LostDetail, found: Map, plain: Pixels) -> Pixels:
    """Add to the enlarged picture (h, w, C) what the patches around each pixel lack there.

    What is added is their weighted mean, with the weights of votes. What lies beyond the canvas or
    the photo has no vote.
    """
    height, width = found.size
    entries = index_map(level, found)
    picture = np.empty_like(plain)

    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        totals = [np.zeros((bottom - top, width), np.uint64) for _ in detail.ballots]
        for dy, dx, weight in compute_weights(FINE):
            across = slice(REACH - dx, REACH - dx + width)
            shown = entries[top + REACH - dy : bottom + REACH - dy, across]
            shown = shown + np.int32(dy * level.stride + dx)
            for total, ballots in zip(totals, detail.ballots, strict=True):
                total += ballots.take(shown) * np.uint64(weight)
        _add_means(totals, plain[top:bottom], picture[top:bottom])

    return picture


def _add_means(totals: list[Votes], plain: Pixels, picture: Pixels) -> None:
    """Write the enlarged picture plus the rounded means of packed sums."""
    # The floor is exact. Quotients lie below 2^9, where float32 has steps of 2^-15. Those that are
    # not whole lie more than 2^-10 away from any whole number, since 2 count is below 2^10.
    count = count_votes(totals[0]).astype(np.float32)
    for channel in range(plain.shape[2]):
        words = totals[channel // IN_FIELDS]
        total = unpack_field(words, channel % IN_FIELDS).astype(np.float32)
        mean = np.floor((2 * total + count) / (2 * count))
        values = mean - np.float32(_NO_DIFFERENCE) + plain[..., channel]
        picture[..., channel] = values.clip(0, 255)
