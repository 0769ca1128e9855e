"""The photo of a pyramid at the sizes of its detail levels, with what each level needs to be searched and copied."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import resize
from singan_core.detail.patches import REACH, Basis, all_features, find_basis, pad
from singan_core.pyramid import Size, count_searched

Pixels = NDArray[np.uint8]

SEARCH_FEATURES, FEATURES = 24, 12
FULL = 64
"""Smoothness of a pixel that has no detail of its own: there the picture keeps its colours and gets the detail only."""
FIELD, WIDE_FIELD, VOTE_BIT = (
    18,
    26,
    54,
)  # bits of a weighted sum of channels, of colours times alpha; the count's place
_FAINT = 2.55  # grey levels of detail, mean of the channels, at which smoothness is half


def premultiplied(pixels: Pixels) -> Pixels:
    """RGBA with its colours times alpha, rounded; other pictures as they are."""
    if pixels.shape[2] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    colours = (pixels[..., :3] * alpha + 127) // 255
    return np.concatenate([colours.astype(np.uint8), pixels[..., 3:]], axis=2)


def straight(pixels: Pixels) -> Pixels:
    """RGBA with its colours divided by alpha, rounded; other pictures as they are."""
    if pixels.shape[2] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint32)
    colours = (510 * pixels[..., :3].astype(np.uint32) + alpha) // np.maximum(2 * alpha, 1)
    return np.concatenate(
        [np.minimum(colours, 255).astype(np.uint8) * (alpha > 0), pixels[..., 3:]], axis=2
    )


@dataclass(frozen=True, eq=False)
class Level:
    """The photo at one size, with its tables: flat arrays in which the photo has 3 empty positions on every side."""

    pixels: Pixels  # (h, w, C), colours straight
    basis: Basis
    centre: NDArray[np.int64]  # mean colour (C,), premultiplied
    matched: Pixels  # the photo as patches are compared, (h, w, C), premultiplied
    blurred: Pixels  # the next coarser photo enlarged to this size: what a picture is before it gets its detail
    padded: Pixels  # the blurred photo with its edges repeated, for patches
    words: NDArray[
        np.unsignedinteger
    ]  # channels and, but for RGBA, smoothness, so that one look-up brings all
    ballots: tuple[
        NDArray[np.uint64], ...
    ]  # channels packed so that one multiplication weighs a vote: pack_ballots
    blurred_ballots: NDArray[np.uint64]  # the same of the blurred photo, without the count

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @functools.cached_property
    def features(self) -> NDArray[np.float32]:
        """Features of every patch of the photo, (h w, count), for a search."""
        return all_features(self.matched, self.basis, self.centre)

    @functools.cached_property
    def blurred_features(self) -> NDArray[np.float32]:
        """The same of the blurred photo."""
        return all_features(self.blurred, self.basis, self.centre)

    @property
    def stride(self) -> int:
        """Positions in a row of the tables."""
        return self.size[1] + 2 * REACH

    @property
    def nowhere(self) -> int:
        """A position of the tables that is empty 3 px around: what lies beyond a canvas shows it."""
        return (self.size[0] + 3 * REACH) * self.stride + REACH


def make_level(
    pixels: Pixels, basis: Basis, below: Pixels | None, centre: NDArray[np.int64]
) -> Level:
    """Make a level of the photo's pixels (h, w, C) there; below is the next coarser photo, premultiplied, if any."""
    matched = premultiplied(pixels)
    blurred = matched if below is None else resize.resize(below, (pixels.shape[0], pixels.shape[1]))
    parts = (
        [pixels] if pixels.shape[2] == 4 else [pixels, find_smoothness(matched, blurred)[..., None]]
    )
    together = np.ascontiguousarray(np.concatenate(parts, axis=2))
    words = _table(together.view(f"u{together.shape[2]}")[..., 0])
    votes = (
        pack_ballots(pixels),
        _table(_fields(blurred)) if pixels.shape[2] != 4 else np.empty(0, np.uint64),
    )
    return Level(pixels, basis, centre, matched, blurred, pad(blurred), words, *votes)


def find_smoothness(matched: Pixels, blurred: Pixels) -> NDArray[np.uint8]:
    """How far a pixel is without detail of its own, 0 to 64, (h, w): 64 / (1 + (detail / 2.55)^4)."""
    channels = matched.shape[2]
    table = tabulate_smoothness(channels)
    band = np.maximum(matched, blurred) - np.minimum(matched, blurred)
    total = band[..., 0].astype(np.uint16)
    for channel in range(1, channels):
        total += band[..., channel]
    return table[total]


def tabulate_smoothness(channels: int) -> NDArray[np.uint8]:
    """Tabulate smoothness by the sum over the channels of what a pixel differs from the blurred photo."""
    half = round(20 * _FAINT * channels) ** 4
    detail = (20 * np.arange(255 * channels + 1, dtype=np.int64)) ** 4
    return ((FULL * half + (half + detail) // 2) // (half + detail)).astype(np.uint8)


def pack_ballots(pixels: Pixels) -> tuple[NDArray[np.uint64], ...]:
    """What every position says in a vote: three fields of 18 bits, and a 1 at bit 54 that counts the votes.

    RGBA has two words, of two fields of 26 bits: colours count as much as they are opaque.
    """
    one = np.uint64(1 << VOTE_BIT)
    if pixels.shape[2] == 4:
        red, green, blue, alpha = np.moveaxis(pixels.astype(np.uint64), 2, 0)
        wide = np.uint64(WIDE_FIELD)
        return _table(red * alpha | green * alpha << wide | one), _table(
            blue * alpha | alpha << wide
        )
    return (_table(_fields(pixels) | one),)


def _table(values: NDArray[Any]) -> NDArray[Any]:
    """Values (h, w) with empty positions around and, for nowhere, seven rows of them below, (n,)."""
    return np.pad(values, ((REACH, 3 * REACH + 1), (REACH, REACH))).reshape(-1)


def _fields(pixels: Pixels) -> NDArray[np.uint64]:
    """Channels side by side in one number a pixel."""
    total = pixels[..., 0].astype(np.uint64)
    for channel in range(1, pixels.shape[2]):
        total |= pixels[..., channel].astype(np.uint64) << np.uint64(FIELD * channel)
    return total


class Photo:
    """A photo (h, w, C), uint8, colours straight, at the sizes of the detail levels, coarsest first."""

    def __init__(
        self,
        pixels: Pixels,
        sizes: Sequence[Size],
        bases: Sequence[Basis] | None = None,
        searched: int | None = None,
    ) -> None:
        """Take the sizes of the levels, the bases if they are stored, and how many are searched, if not by size."""
        self.pixels = pixels
        self.sizes = tuple(sizes)
        self.searched = count_searched(self.sizes) if searched is None else searched
        self._given = None if bases is None else tuple(bases)
        self._levels: dict[int, Level] = {}
        self._locks = [
            threading.Lock() for _ in self.sizes
        ]  # of different levels, several threads make one each
        self._shown = premultiplied(pixels)
        area = pixels.shape[0] * pixels.shape[1]
        self.centre = self._shown.reshape(area, -1).sum(axis=0, dtype=np.int64) // area

    def resized(self, sizes: Sequence[Size]) -> Photo:
        """The same photo for other sizes, of which all but the last are the first of its own.

        A picture smaller than the photo ends at the scale that was asked for, with the finest level's basis.
        """
        if tuple(sizes) == self.sizes[: len(sizes)]:
            return self
        return _Resized(self, sizes)

    def repeat_around(self, down: int, across: int) -> Photo:
        """Repeat the photo around itself, by so many px above and below, left and right; only its last level stays."""
        pixels = np.pad(self.pixels, ((down, down), (across, across), (0, 0)), mode="wrap")
        basis = self._basis(len(self.sizes) - 1, self._shown)
        return Photo(pixels, [(pixels.shape[0], pixels.shape[1])], [basis], searched=0)

    def at(self, level: int) -> Pixels:
        """The photo at a level's size, premultiplied."""
        return resize.resize(self._shown, self.sizes[level])

    def level(self, number: int) -> Level:
        """A level, made when first asked for."""
        with self._locks[number]:
            if number not in self._levels:
                shown = self.at(number)
                pixels = (
                    self.pixels if self.sizes[number] == self.pixels.shape[:2] else straight(shown)
                )
                below = self.at(number - 1) if number else None
                self._levels[number] = make_level(
                    pixels, self._basis(number, shown), below, self.centre
                )
            return self._levels[number]

    def is_searched(self, number: int) -> bool:
        """Whether every patch of a level looks for its nearest in the whole photo."""
        return number < self.searched

    def _basis(self, number: int, shown: Pixels) -> Basis:
        if self._given is not None:
            return self._given[number]
        return find_basis(shown, SEARCH_FEATURES if self.is_searched(number) else FEATURES)

    def basis(self, number: int) -> Basis:
        """The basis of a level."""
        return self.level(number).basis if self._given is None else self._given[number]

    def bases(self) -> list[Basis]:
        """The basis of every level, to be stored."""
        return [self.level(number).basis for number in range(len(self.sizes))]


class _Resized(Photo):
    """A photo whose last level alone is its own; the others are those of the whole photo, made when first needed."""

    def __init__(self, whole: Photo, sizes: Sequence[Size]) -> None:
        super().__init__(whole.pixels, sizes, None, min(whole.searched, len(sizes)))
        self.whole = whole

    def level(self, number: int) -> Level:
        """A level, made when first asked for."""
        return super().level(number) if number == len(self.sizes) - 1 else self.whole.level(number)

    def _basis(self, number: int, shown: Pixels) -> Basis:
        last = len(self.whole.sizes) - 1
        return self.whole._basis(last, self.whole._shown)
