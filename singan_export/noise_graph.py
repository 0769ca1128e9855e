"""The noise field of singan_core.noise in a graph, in double precision: Philox in whole numbers, then Box-Muller.

Words of 32 bits are held in int64, whose products with 16 bits more cannot overflow. A cosine is a sine a quarter turn
on, since not every version of ONNX Runtime has a cosine in double precision; both are within 2e-15 of the field.
"""

from __future__ import annotations

import numpy as np

from singan_core import HALO
from singan_export.values import Value, constant, count_up, join, loop

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_HALF, _WORD = 1 << 16, 1 << 32


def split_seed(seed: Value) -> tuple[Value, Value]:
    """Split a uint64 into its low and its high 32 bits, int64."""
    low = seed.bits_and(np.uint64(_WORD - 1))
    high = Value(
        seed.writer,
        seed.writer.node(
            "BitShift", seed.name, seed.writer.constant(np.array(32, np.uint64)), direction="RIGHT"
        ),
        np.uint64,
    )
    return low.cast(np.int64), high.cast(np.int64)


def write_noise(
    key: tuple[Value, Value], scale: int, channels: int, canvas: tuple[Value, Value], border: str
) -> Value:
    """Write the unit noise (1, channels, h + 10, w + 10), float64, of a canvas and its halo, frame 0."""
    height, width = canvas
    first = -HALO >> 2  # four neighbours along x share a counter
    groups = (count_up((width + (HALO - 1 - 4 * first)).divide(4) + 1) + (first + _WORD)) % _WORD
    rows = (count_up(height + 2 * HALO) + (_WORD - HALO)) % _WORD
    streams = constant(
        height.writer, (scale << 16) + np.arange(channels, dtype=np.int64)[:, None, None]
    )
    frame = constant(height.writer, np.zeros((1, 1, 1), np.int64))

    shape = channels, rows.side(0), groups.side(0)
    counter = [part.expand(*shape) for part in (groups, rows.expand_dims(1), frame, streams)]
    words = philox(counter, key)
    four = [*gauss(words[0], words[1]), *gauss(words[2], words[3])]
    together = join([one.expand_dims(3) for one in four], 3)

    start = -HALO - 4 * first
    field = together.reshape(channels, height + 2 * HALO, -1).slice(
        2, start, width + (start + 2 * HALO)
    )
    if border == "zero":
        field = field.slice(1, HALO, height + HALO).slice(2, HALO, width + HALO)
        field = field.pad((0, HALO, HALO), (0, HALO, HALO))
    return field.expand_dims(0)


def philox(counter: list[Value], key: tuple[Value, Value]) -> list[Value]:
    """Philox4x32-10: four words of 32 bits, int64, for every counter."""

    def step(turn: Value, carried: list[Value]) -> tuple[list[Value], list[Value]]:
        c0, c1, c2, c3, k0, k1 = carried
        (high_0, low_0), (high_1, low_1) = (
            multiply(c, by) for c, by in zip((c0, c2), _MULTIPLIERS, strict=True)
        )
        words = [high_1.bits_xor(c1).bits_xor(k0), low_1, high_0.bits_xor(c3).bits_xor(k1), low_0]
        return [*words, (k0 + _WEYL[0]) % _WORD, (k1 + _WEYL[1]) % _WORD], []

    rounds = constant(counter[0].writer, np.array(_ROUNDS))
    return loop(rounds, [*counter, *key], step)[0][:4]


def multiply(word: Value, by: int) -> tuple[Value, Value]:
    """The high and the low 32 bits of a product of two words."""
    low = word * (by % _HALF)
    middle = word * (by // _HALF) + low.divide(_HALF)
    return middle.divide(_HALF), middle % _HALF * _HALF + low % _HALF


def gauss(a: Value, b: Value) -> tuple[Value, Value]:
    """Two independent standard normal values from two words each."""
    shares = ((one.cast(np.float64) + 0.5) * 2.0**-32 for one in (a, b))
    radius, turn = next(shares), next(shares)
    radius = (radius.apply("Log") * -2.0).apply("Sqrt")
    angle = turn * (2 * np.pi)
    return radius * (angle + np.pi / 2).apply("Sin"), radius * angle.apply("Sin")
