"""Decode JSON of bounded size and depth, which may come from a stranger."""

from __future__ import annotations

from typing import Any

import msgspec

from singan_core.file_limits import MOST_JSON, MOST_NESTING

_MOST_DIGITS = 40  # of a whole number: Python refuses to print those of thousands


def decode(text: bytes | str, most: int = MOST_JSON) -> Any:
    """Decode JSON of at most so many bytes, at most MOST_NESTING values inside each other.

    Raises ValueError that says in a few words what is wrong.
    """
    content = text.encode() if isinstance(text, str) else text
    if len(content) > most:
        raise ValueError(f"{len(content)} bytes, at most {most} are allowed")
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError as error:  # no ValueError before msgspec 0.20
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError(f"nested deeper than {MOST_NESTING}") from None
    _check_values(found)
    return found


def _check_values(found: Any) -> None:
    """Raise ValueError for values inside too many others, and for absurdly long numbers."""
    waiting = [found]
    for _ in range(MOST_NESTING + 1):
        inside: list[Any] = []
        for value in waiting:
            if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
                raise ValueError(f"a number of more than {_MOST_DIGITS} digits")
            if isinstance(value, dict):
                inside += value.values()
            elif isinstance(value, list):
                inside += value
        if not inside:
            return
        waiting = inside
    raise ValueError(f"nested deeper than {MOST_NESTING}")
