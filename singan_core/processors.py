"""How many threads a program may have on this machine."""

from __future__ import annotations

import os

from singan_core.limits import read_whole

THREADS_A_PROCESSOR = 4
"""More threads than that only wait for each other."""


def count_processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: object) -> int:
    """Return a number of threads as an int. Raises RequestError for none, or too many."""
    return read_whole(threads, "threads", 1, THREADS_A_PROCESSOR * count_processors())
