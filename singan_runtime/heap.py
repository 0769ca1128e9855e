"""How the C library keeps freed memory: settings for programs that draw many pictures.

glibc gives every thread a heap of its own and keeps the holes between blocks of many sizes: after
200 pictures of random sizes a process held up to 40 % more than after the first. One heap, trimmed
after each picture, stays flat. Within a picture it gives little back: otherwise every block would
ask the system for fresh pages, which takes 6 % of an animation's time. Other C libraries are left
alone.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

_ARENA_MAX, _TRIM_THRESHOLD, _MMAP_THRESHOLD = -8, -1, -3  # mallopt's, from glibc's malloc.h
_LARGEST = 1 << 25  # bytes: what is larger than 32 MB can never come from the heap
_KEPT = 1 << 26  # bytes at the end of the heap: what two threads take and leave with every block


_shared = [False]


def share() -> None:
    """Let all threads that start from now on share one heap, which is kept until it is trimmed.

    This changes the whole process: programs call it when they start, libraries do not.
    """
    if mallopt := _find_function("mallopt"):
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)
        _shared[0] = True


def trim() -> None:
    """Give freed pages back to the system, if the program shares one heap."""
    if _shared[0] and (malloc_trim := _find_function("malloc_trim")):
        malloc_trim(0)


@functools.cache
def _find_function(name: str) -> Callable[..., Any] | None:
    """Find a function of glibc, or None in other C libraries."""
    try:
        program = ctypes.CDLL(None)
        return getattr(program, name) if hasattr(program, "gnu_get_libc_version") else None
    except (OSError, TypeError):  # on Windows
        return None
