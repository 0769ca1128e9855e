"""The photo of a pyramid at the size of every detail level, with what a level needs to be drawn."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.patches import (
    REACH,
    Basis,
    Features,
    compute_all_features,
    find_basis,
    pad,
)
from singan_core.detail.tables import Votes, lay_out, pack_ballots, pack_fields
from singan_core.pyramid import Size, count_searched

SEARCH_FEATURES, FEATURES = 24, 12
"""Features of a patch at searched and at copied levels."""
FULL = 64
"""Smoothness of a pixel without any detail: the picture keeps its colour there, plus the detail."""
_FAINT = 2.55  # detail (grey levels, mean of the channels) at which smoothness is half


def premultiply(pixels: Pixels) -> Pixels:
    """Multiply the colours of RGBA (h, w, 4) by alpha, rounded.

    Other pictures are returned unchanged.
    """
    if pixels.shape[2] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    colours = (pixels[..., :3] * alpha + 127) // 255
    return np.concatenate([colours.astype(np.uint8), pixels[..., 3:]], axis=2)


def straighten(pixels: Pixels) -> Pixels:
    """Divide the colours of RGBA (h, w, 4) by alpha, rounded.

    A pixel that is fully transparent becomes black. Other pictures are returned unchanged.
    """
    if pixels.shape[2] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint32)
    colours = (510 * pixels[..., :3].astype(np.uint32) + alpha) // np.maximum(2 * alpha, 1)
    colours = np.minimum(colours, 255).astype(np.uint8) * (alpha > 0)
    return np.concatenate([colours, pixels[..., 3:]], axis=2)


@dataclass(frozen=True, eq=False)
class Level:
    """The photo at the size of one level: pictures (h, w, C), and tables (n,) as in tables.py.

    A table holds all that is needed of a position in one number, so that one look-up reads it.
    """

    pixels: Pixels  # colours straight
    basis: Basis
    centre: NDArray[np.int64]  # mean colour of the photo (C,), premultiplied
    matched: Pixels  # the photo as patches are compared: premultiplied
    blurred: Pixels  # the next coarser photo enlarged: what a picture is before it gets its detail
    padded: Pixels  # the blurred photo with 3 px around it, for patches
    words: NDArray[
        np.unsignedinteger
    ]  # the channels of a pixel and, except for RGBA, its smoothness
    ballots: tuple[Votes, ...]  # packed by pack_ballots
    blurred_ballots: Votes  # the blurred photo packed in the same way, without the count

    @property
    def size(self) -> Size:
        """(height, width) of the photo."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @functools.cached_property
    def features(self) -> Features:
        """Features (h w, count) of every patch of the photo: the keys of a search."""
        return compute_all_features(self.matched, self.basis, self.centre)

    @functools.cached_property
    def blurred_features(self) -> Features:
        """Features (h w, count) of every patch of the blurred photo."""
        return compute_all_features(self.blurred, self.basis, self.centre)

    @property
    def stride(self) -> int:
        """Entries of a table from one row of the photo to the next."""
        return self.size[1] + 2 * REACH

    @property
    def nowhere(self) -> int:
        """An entry with nothing within 3 px: what pixels beyond a canvas show."""
        return (self.size[0] + 3 * REACH) * self.stride + REACH

    def find_entries(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        """Find the entries of the tables that belong to positions of the photo."""
        entries: NDArray[Any] = rows * np.int32(self.stride)
        entries += columns
        entries += np.int32(REACH * self.stride + REACH)
        return entries

    def find_positions(self, entries: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Find the rows and columns of entries of the tables, which may lie beyond the photo."""
        rows, columns = np.divmod(entries, np.int32(self.stride))
        return rows - REACH, columns - REACH


def make_level(
    pixels: Pixels, basis: Basis, below: Pixels | None, centre: NDArray[np.int64]
) -> Level:
    """Make a level of the photo's pixels (h, w, C), colours straight.

    below is the next coarser photo, premultiplied. The coarsest level has none and is not blurred.
    """
    matched = premultiply(pixels)
    blurred = matched
    if below is not None:
        blurred = resize.resize(below, (pixels.shape[0], pixels.shape[1]))

    # RGBA fills a word by itself, and has no smoothness.
    transparent = pixels.shape[2] == 4
    channels = pixels
    if not transparent:
        smoothness = find_smoothness(matched, blurred)
        channels = np.concatenate([pixels, smoothness[..., None]], axis=2)
    channels = np.ascontiguousarray(channels)
    words = lay_out(channels.view(f"u{channels.shape[2]}")[..., 0])

    no_table = np.empty(0, np.uint64)
    blurred_ballots = no_table if transparent else lay_out(pack_fields(blurred))
    return Level(
        pixels=pixels,
        basis=basis,
        centre=centre,
        matched=matched,
        blurred=blurred,
        padded=pad(blurred),
        words=words,
        ballots=pack_ballots(pixels),
        blurred_ballots=blurred_ballots,
    )


def find_smoothness(matched: Pixels, blurred: Pixels) -> NDArray[np.uint8]:
    """Find how little detail each pixel has, (h, w): 64 for none, near 0 from a few grey levels on.

    Detail is the mean difference of photo and blurred photo over the channels, in grey levels.
    Smoothness is 64 / (1 + (detail / 2.55)^4), rounded.
    """
    channels = matched.shape[2]
    difference = np.maximum(matched, blurred) - np.minimum(matched, blurred)
    total = difference[..., 0].astype(np.uint16)
    for channel in range(1, channels):
        total += difference[..., channel]
    return tabulate_smoothness(channels)[total]


def tabulate_smoothness(channels: int) -> NDArray[np.uint8]:
    """Tabulate smoothness by the sum over the channels of absolute differences, 0 to 255 C."""
    half = round(20 * _FAINT * channels) ** 4
    detail = (20 * np.arange(255 * channels + 1, dtype=np.int64)) ** 4
    return ((FULL * half + (half + detail) // 2) // (half + detail)).astype(np.uint8)


class Photo:
    """A photo (h, w, C), uint8, colours straight, at the sizes of its levels, coarsest first."""

    def __init__(
        self,
        pixels: Pixels,
        sizes: Sequence[Size],
        bases: Sequence[Basis] | None = None,
        searched: int | None = None,
    ) -> None:
        """Take the photo and the sizes of its levels.

        bases are those of a bundle; without them each is computed when first needed. searched is
        the number of levels that are searched, by default those with few enough positions.
        """
        self.pixels = pixels
        self.sizes = tuple(sizes)
        self.searched = count_searched(self.sizes) if searched is None else searched
        self._bases = None if bases is None else tuple(bases)
        self._levels: dict[int, Level] = {}
        self._resized: dict[int, Pixels] = {}
        # Threads may make one level each.
        self._locks = [threading.Lock() for _ in self.sizes]
        self._resizing = [threading.Lock() for _ in self.sizes]
        self._premultiplied = premultiply(pixels)
        area = pixels.shape[0] * pixels.shape[1]
        totals = self._premultiplied.reshape(area, -1).sum(axis=0, dtype=np.int64)
        self.centre = totals // area

    def resized(self, sizes: Sequence[Size]) -> Photo:
        """Return the same photo with other sizes, of which all but the last are its own first ones.

        A picture smaller than the photo ends with a level at its own scale, which no other picture
        needs. Its patches are compared by the finest level's basis.
        """
        if tuple(sizes) == self.sizes[: len(sizes)]:
            return self
        return _Shortened(self, sizes)

    def repeat_around(self, down: int, across: int) -> Photo:
        """Repeat the photo around itself by so many px above and below, and to the left and right.

        Only its last level stays.
        """
        pixels = np.pad(self.pixels, ((down, down), (across, across), (0, 0)), mode="wrap")
        basis = self._choose_basis(len(self.sizes) - 1, self._premultiplied)
        return Photo(pixels, [(pixels.shape[0], pixels.shape[1])], [basis], searched=0)

    def at(self, level: int) -> Pixels:
        """Return the photo resized to a level, premultiplied: an array that two levels share."""
        with self._resizing[level]:
            if level not in self._resized:
                self._resized[level] = resize.resize(self._premultiplied, self.sizes[level])
            return self._resized[level]

    def level(self, number: int) -> Level:
        """Return a level, made when first asked for."""
        with self._locks[number]:
            if number not in self._levels:
                self._levels[number] = self._make_level(number)
            return self._levels[number]

    def _make_level(self, number: int) -> Level:
        """Make a level from the photo at its size and at the size of the level below."""
        matched = self.at(number)
        # At the photo's own size transparent colours stay as they are.
        own_size = self.sizes[number] == self.pixels.shape[:2]
        pixels = self.pixels if own_size else straighten(matched)
        below = self.at(number - 1) if number else None
        return make_level(pixels, self._choose_basis(number, matched), below, self.centre)

    def is_searched(self, number: int) -> bool:
        """Whether every patch of a level searches the whole photo for its nearest neighbour."""
        return number < self.searched

    def _choose_basis(self, number: int, matched: Pixels) -> Basis:
        """Take the stored basis of a level, or find one for the photo at its size."""
        if self._bases is not None:
            return self._bases[number]
        return find_basis(matched, SEARCH_FEATURES if self.is_searched(number) else FEATURES)

    def basis(self, number: int) -> Basis:
        """Return the basis of a level."""
        return self.level(number).basis if self._bases is None else self._bases[number]

    def bases(self) -> list[Basis]:
        """List the bases of all levels, to be stored."""
        return [self.level(number).basis for number in range(len(self.sizes))]


class _Shortened(Photo):
    """A photo that shares all levels but its last with another photo of more levels."""

    def __init__(self, longer: Photo, sizes: Sequence[Size]) -> None:
        super().__init__(longer.pixels, sizes, None, min(longer.searched, len(sizes)))
        self._longer = longer

    def at(self, level: int) -> Pixels:
        """Return the photo resized to a level, premultiplied."""
        if level == len(self.sizes) - 1:
            return super().at(level)
        return self._longer.at(level)

    def level(self, number: int) -> Level:
        """Return a level, made when first asked for."""
        if number == len(self.sizes) - 1:
            return super().level(number)
        return self._longer.level(number)

    def _choose_basis(self, number: int, matched: Pixels) -> Basis:
        """Take the basis of the longer photo's finest level."""
        finest = len(self._longer.sizes) - 1
        return self._longer._choose_basis(finest, self._longer._premultiplied)
