"""Write singan_core.detail.resize: the same taps in whole numbers, computed when the graph runs."""

from __future__ import annotations

import numpy as np

from singan_core.detail.resize import KEPT, PHASES, UNIT
from singan_export.graphs.control_flow import loop
from singan_export.graphs.values import Value, choose, count_up

_ABOVE = 64  # grey levels added before a division, so that it need not round negative numbers


def resize(pixels: Value, height: Value, width: Value) -> Value:
    """Resize a picture (h, w, C), int32 of 0 to 255, to a height and width, int64."""
    pixels = _sum_taps(pixels, 0, height) * KEPT + (UNIT // 2 + _ABOVE * KEPT * UNIT)
    pixels = pixels.divide(UNIT) - _ABOVE * KEPT
    pixels = _sum_taps(pixels, 1, width) + (UNIT * KEPT // 2 + _ABOVE * UNIT * KEPT)
    return (pixels.divide(UNIT * KEPT) - _ABOVE).clip(0, 255)


def _sum_taps(pixels: Value, axis: int, length: Value) -> Value:
    """Sum along an axis, which gets another length, by the weights of its taps, in 4096ths."""
    indices, weights = find_taps(pixels.get_length(axis), length)
    weights = weights.expand_dims(*((2, 3) if axis == 0 else (1, 3)))
    first = pixels.gather(indices.gather(0), axis) * weights.gather(0)

    def step(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        tap = turn + 1
        return [state[0] + pixels.gather(indices.gather(tap), axis) * weights.gather(tap)], []

    return loop(indices.get_length(0) - 1, [first], step)[0][0]


def find_taps(n_in: Value, n_out: Value) -> tuple[Value, Value]:
    """Find the taps of all outputs along an axis, (taps, n_out) each.

    They are indices, int64, and whole weights, int32, whose sum over the taps is UNIT.
    """
    longer = n_in.maximum(n_out)
    middles = count_up(n_out) * 2 + 1
    start = (middles * n_in - (longer * 4 - n_out)) // (n_out * 2)
    count = (longer * 4 + n_out - 1).divide(n_out)
    places = count_up(count).expand_dims(1) + start.expand_dims(0)

    # The weight of each tap by its distance; beyond the edge it is 0.
    distances = ((places * 2 + 1) * n_out - (middles * n_in).expand_dims(0)).apply("Abs")
    phase = (distances * PHASES + longer).divide(longer * 2)
    indices = places.clip(0, n_in - 1)
    weights = choose(indices.equals(places), weigh(phase), 0)

    # Whole weights: what rounding leaves over goes to the largest.
    total = weights.reduce("ReduceSum", 0, keep=True)
    whole = ((weights * (2 * UNIT) + total) // (total * 2)).cast(np.int32)
    largest = whole.find("ArgMax", 0, keep=True)
    rest = UNIT - whole.reduce("ReduceSum", 0, keep=True)
    return indices, whole + choose(count_up(count).expand_dims(1).equals(largest), rest, 0)


def weigh(phase: Value) -> Value:
    """Weigh a tap at a distance of phase / 1024 pixels by Keys' cubic (a = -0.5), times 2^31."""
    square = phase * phase
    cube = square * phase
    near = cube * 3 - square * (5 * PHASES) + 2 * PHASES**3
    far = square * (5 * PHASES) - cube - phase * (8 * PHASES**2) + 4 * PHASES**3
    return choose(phase < PHASES, near, choose(phase < 2 * PHASES, far, 0))
