"""Numbers that users give: of any integer or real type, numpy's included, within limits."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable
from typing import Any

from singan_core.errors import RequestError

MOST_PICTURES = 10**9
"""Pictures of one command or call: they are drawn one by one, so that memory does not grow."""

_SHOWN = 60  # characters of a wrong value that an error repeats


def read_whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Read a whole number from least to most. Raises RequestError with a name for what it is."""
    allowed = f"{least} or more" if most is None else f"{least} to {most}"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise RequestError(
            f"{name} {show(value)} is not possible: it must be a whole number, {allowed}"
        ) from None

    if number < least or (most is not None and number > most):
        raise RequestError(f"{name} {show(number)} is not possible: it must be {allowed}")
    return number


def read_real(value: Any, name: str, least: float, most: float, besides: str = "") -> float:
    """Read a number from least to most.

    besides names what else would be allowed, as in ', auto or area'. Raises RequestError.
    """
    refused = RequestError(
        f"{name} {show(value)} is not possible: it must be {least} to {most}{besides}"
    )
    try:
        # NumPy 2.0 still takes arrays of one number, with a warning.
        is_array = getattr(value, "ndim", 0) > 0
        if is_array or isinstance(value, bool | str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise refused from None

    if not least <= number <= most:  # neither holds for NaN
        raise refused
    return number


def read_share(value: Any, name: str) -> float | None:
    """Read a number that may be left out. Raises RequestError."""
    return None if value is None else read_real(value, name, -(10**6), 10**6)


def read_reals(value: Any, name: str, count: int) -> list[float]:
    """Read so many finite numbers. Raises RequestError."""
    refused = RequestError(f"{name} {show(value)} is not possible: give {count} numbers")
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise refused
    values = list(itertools.islice(value, count + 1))
    if len(values) != count:
        raise refused
    return [read_real(one, name, -(10**9), 10**9) for one in values]


def show(value: object) -> str:
    """Write a wrong value for a sentence, cut short."""
    try:
        words = f"{value:g}" if isinstance(value, float) else repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "of thousands of digits"
    words = " ".join(words.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."
