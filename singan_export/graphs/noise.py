"""Write the noise field of singan_core.noise: Philox in whole numbers, then Box-Muller in float64.

Words of 32 bits are held in int64, whose products with 16 more bits cannot overflow. A cosine is
written as a sine a quarter turn further, since not every version of ONNX Runtime has a cosine in
double precision. Both are within 2e-15 of the field.
"""

from __future__ import annotations

import numpy as np

from singan_core import HALO
from singan_export.graphs.control_flow import loop
from singan_export.graphs.values import Value, add_constant, count_up, join

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_HALF, _WORD = 1 << 16, 1 << 32

Key = tuple[Value, Value]
"""Low and high 32 bits of a seed, int64 scalars."""


def split_seed(seed: Value) -> Key:
    """Split a seed, uint64, into the key of its noise."""
    low = seed.bits_and(np.uint64(_WORD - 1))
    count = seed.writer.add_constant(np.array(32, np.uint64))
    shifted = seed.writer.add_node("BitShift", seed.name, count, direction="RIGHT")
    high = Value(seed.writer, shifted, np.uint64)
    return low.cast(np.int64), high.cast(np.int64)


def write_noise(
    key: Key, scale: int, channels: int, canvas: tuple[Value, Value], border: str
) -> Value:
    """Write the unit noise (1, channels, h + 10, w + 10), float64, of a canvas and its halo.

    It is that of frame 0. Border and counters are those of docs/noise.md.
    """
    height, width = canvas

    # Counters: four neighbours along x share one. Coordinates below 0 count modulo 2^32.
    first = -HALO >> 2
    groups = (count_up((width + (HALO - 1 - 4 * first)).divide(4) + 1) + (first + _WORD)) % _WORD
    rows = (count_up(height + 2 * HALO) + (_WORD - HALO)) % _WORD
    streams = add_constant(
        height.writer, (scale << 16) + np.arange(channels, dtype=np.int64)[:, None, None]
    )
    frame = add_constant(height.writer, np.zeros((1, 1, 1), np.int64))
    shape = channels, rows.get_length(0), groups.get_length(0)
    counter = [part.expand(*shape) for part in (groups, rows.expand_dims(1), frame, streams)]

    # Four values for every counter, side by side along x.
    words = write_philox(counter, key)
    values = [*write_gauss(words[0], words[1]), *write_gauss(words[2], words[3])]
    together = join([one.expand_dims(3) for one in values], 3)
    start = -HALO - 4 * first
    field = together.reshape(channels, height + 2 * HALO, -1).slice(
        2, start, width + (start + 2 * HALO)
    )

    if border == "zero":
        field = field.slice(1, HALO, height + HALO).slice(2, HALO, width + HALO)
        field = field.pad((0, HALO, HALO), (0, HALO, HALO))
    return field.expand_dims(0)


def write_philox(counter: list[Value], key: Key) -> list[Value]:
    """Write Philox4x32-10: four words of 32 bits, int64, for every counter of four words.

    Source: Salmon et al. 2011; singan_core.noise.
    """

    def step(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        c0, c1, c2, c3, k0, k1 = state
        high_0, low_0 = multiply(c0, _MULTIPLIERS[0])
        high_1, low_1 = multiply(c2, _MULTIPLIERS[1])
        words = [high_1.bits_xor(c1).bits_xor(k0), low_1, high_0.bits_xor(c3).bits_xor(k1), low_0]
        return [*words, (k0 + _WEYL[0]) % _WORD, (k1 + _WEYL[1]) % _WORD], []

    rounds = add_constant(counter[0].writer, np.array(_ROUNDS))
    return loop(rounds, [*counter, *key], step)[0][:4]


def multiply(word: Value, by: int) -> tuple[Value, Value]:
    """Multiply two words of 32 bits, and return the high and the low 32 bits."""
    low = word * (by % _HALF)
    middle = word * (by // _HALF) + low.divide(_HALF)
    return middle.divide(_HALF), middle % _HALF * _HALF + low % _HALF


def write_gauss(a: Value, b: Value) -> tuple[Value, Value]:
    """Write two independent standard normal values from two words, by Box-Muller."""
    share_a = (a.cast(np.float64) + 0.5) * 2.0**-32
    share_b = (b.cast(np.float64) + 0.5) * 2.0**-32
    radius = (share_a.apply("Log") * -2.0).apply("Sqrt")
    angle = share_b * (2 * np.pi)
    return radius * (angle + np.pi / 2).apply("Sin"), radius * angle.apply("Sin")
