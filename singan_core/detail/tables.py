"""Look-up tables with one entry for each position of the photo, and how votes are packed into them.

A table is a flat array in which the photo has 3 empty positions on every side and seven more empty
rows below. So a position that is shifted by up to 3 px needs no check of its bounds: beyond the
photo it finds an entry of 0, which has no vote.

A vote is one unsigned 64-bit number, of which one multiplication weighs all channels. Three fields
of 18 bits hold the channels, and the bits from 54 on count the votes. Weights add up to less than
2^10, so that a weighted sum of 8-bit values stays within 18 bits. RGBA takes two numbers with two
fields of 26 bits each, for products of a colour with alpha.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail.patches import REACH

FIELD = 18
"""Bits of a field that sums 8-bit values."""
WIDE_FIELD = 26
"""Bits of a field that sums products of two 8-bit values."""
VOTE_BIT = 54
"""The lowest bit of the count of votes."""
IN_FIELDS = 3
"""Channels in one number."""

Votes = NDArray[np.uint64]
"""Packed values, or their weighted sums."""


def lay_out(values: NDArray[Any]) -> NDArray[Any]:
    """Lay values (h, w) out as a table (n,), with empty positions around them."""
    return np.pad(values, ((REACH, 3 * REACH + 1), (REACH, REACH))).reshape(-1)


def pack_fields(values: NDArray[Any]) -> Votes:
    """Pack up to three channels (h, w, C), each below 2^18, into one number a pixel, (h, w)."""
    words = values[..., -1].astype(np.uint64)
    for channel in range(values.shape[2] - 2, -1, -1):  # in place: fresh memory is what costs here
        words <<= np.uint64(FIELD)
        words |= values[..., channel].astype(np.uint64)
    return words


def unpack_field(words: Votes, channel: int) -> Votes:
    """Unpack one channel, 0 to 2, of packed sums."""
    return words >> np.uint64(FIELD * channel) & np.uint64((1 << FIELD) - 1)


def count_votes(words: Votes) -> Votes:
    """Read the sum of the weights of all votes from packed sums."""
    return words >> np.uint64(VOTE_BIT)


def pack_ballots(pixels: Pixels) -> tuple[Votes, ...]:
    """Pack what each position of the photo says in a vote: tables (n,).

    pixels are the photo (h, w, C), colours straight. One table, or two of RGBA: red and green times
    alpha with the count, then blue times alpha with alpha itself, since a colour counts as much as
    it is opaque.
    """
    one_vote = np.uint64(1 << VOTE_BIT)
    if pixels.shape[2] == 4:
        red, green, blue, alpha = np.moveaxis(pixels.astype(np.uint64), 2, 0)
        wide = np.uint64(WIDE_FIELD)
        return (
            lay_out(red * alpha | green * alpha << wide | one_vote),
            lay_out(blue * alpha | alpha << wide),
        )
    words = pack_fields(pixels)
    words |= one_vote
    return (lay_out(words),)


def unpack_wide(totals: list[Votes]) -> tuple[Votes, Votes]:
    """Unpack sums of RGBA: colours times alpha, (n, 3), and alpha, (n,)."""
    mask, wide = np.uint64((1 << WIDE_FIELD) - 1), np.uint64(WIDE_FIELD)
    red, green = totals[0] & mask, (totals[0] >> wide) & mask
    blue, alpha = totals[1] & mask, totals[1] >> wide
    return np.stack([red, green, blue], axis=1), alpha
