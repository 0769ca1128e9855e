"""Turn words of the command line into values.

A word that cannot be understood is a usage error (exit 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from singan_core.errors import RequestError
from singan_runtime import parsing
from singan_runtime.screens import SCREENS

if TYPE_CHECKING:
    from singan_core.pyramid import Size
    from singan_core.zooms import Zoom
    from singan_runtime.markup import Shape
    from singan_runtime.parsing import Place, Window
    from singan_runtime.serve.allowed_sizes import AllowedSizes

Value = TypeVar("Value")


def read_size(word: str) -> Size:
    """Read '1920x1080' (width x height) or a name such as 'fullhd' as (height, width)."""
    return _read(parsing.parse_size, word)


def read_sizes(words: str) -> list[Size]:
    """Read '320x240,1920x1080' as sizes in that order."""
    return [read_size(word) for word in words.split(",")]


def read_screens(words: str | None) -> dict[Size, str]:
    """Find the names among sizes such as '320x240,phone', by the sizes that they stand for."""
    named = (word.strip() for word in (words or "").lower().split(","))
    return {read_size(word): word for word in named if word in SCREENS}


def read_window(word: str) -> Window:
    """Read 'X,Y,W,H' as (y, x, height, width)."""
    return _read(parsing.parse_window, word)


def read_zoom(word: str) -> Zoom:
    """Read 'auto', 'area' or a number."""
    return _read(parsing.parse_zoom, word)


def read_place(word: str) -> Place:
    """Read 'left', 'centre', 'right' or 'X,Y' as the centre (x, y) of an object."""
    return _read(parsing.parse_place, word)


def read_shapes(size: Size, words: str) -> tuple[Shape, ...]:
    """Read '600:1080x1350', shapes for narrow windows, beside the size for all others."""
    from singan_runtime.markup import read_shapes

    return _read(lambda word: read_shapes(size, word), words)


def read_allowed_sizes(words: str) -> AllowedSizes:
    """Read '1920x1080,phone', the sizes that are made, or '64', of which sides are multiples."""
    from singan_runtime.serve.allowed_sizes import AllowedSizes

    return _read(AllowedSizes.parse, words)


def read_root_path(word: str) -> str:
    """Read a path such as /pictures, without the slash at its end."""
    if not re.fullmatch(r"(/[\w.~-]+)*/?", word, re.ASCII):
        raise typer.BadParameter(f"{word!r} is not a path; write it as /pictures")
    return word.rstrip("/")


def _read(read: Callable[[str], Value], word: str) -> Value:
    """Read a word as the library does.

    One that it refuses is a usage error.
    """
    try:
        return read(word)
    except RequestError as error:
        raise typer.BadParameter(str(error)) from None


def read_background(word: str) -> tuple[int, int, int]:
    """Read 'white' or '#rrggbb' as (r, g, b), 0 to 255 each."""
    return _read(parsing.parse_colour, word)


def read_numbers(words: str) -> list[int]:
    """Read '0,1,2' as whole numbers in that order."""
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", words.strip()):
        raise typer.BadParameter(
            f"{words!r} is not a list of whole numbers; write for example 0,1,2"
        )
    return [int(word) for word in words.split(",")]


def read_shares(words: str, count: int) -> list[float]:
    """Read '0.2,0.5' as so many numbers in that order."""
    try:
        found = [float(word) for word in words.split(",")]
    except ValueError:
        found = []

    if len(found) != count:
        raise typer.BadParameter(
            f"{words!r} is not {count} numbers; write them with commas, as in 0.5,1.5"
        )
    return found
