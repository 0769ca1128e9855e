"""How long some work takes, by a clock of one's choice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Clock = Callable[[], float]
"""Seconds since a moment of its own choice."""

Result = TypeVar("Result")


def time_call(work: Callable[[], Result], clock: Clock = time.perf_counter) -> tuple[Result, float]:
    """Do some work; return its result and the seconds that it took, of wall time by default."""
    began = clock()
    result = work()
    return result, clock() - began


def find_fastest(
    work: Callable[[], object], repeats: int, clock: Clock = time.perf_counter
) -> float:
    """Do the work several times and return the seconds of the fastest."""
    return min(time_call(work, clock)[1] for _ in range(repeats))
