"""Turn words of the command line into values.

A word that cannot be understood is a usage error (exit 2).
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import typer

from singan_cli.screens import SCREENS

if TYPE_CHECKING:
    from singan_core.pyramid import Zoom


def size(word: str) -> tuple[int, int]:
    """Read '1920x1080' (width x height) or a name such as 'fullhd' as (height, width)."""
    word = word.strip().lower()
    if word in SCREENS:
        width, height = SCREENS[word]
        return height, width

    match = re.fullmatch(r"(\d{1,9})x(\d{1,9})", word)
    if not match:
        near = difflib.get_close_matches(word, SCREENS, 1)
        hint = f"did you mean {near[0]}?" if near else "write WxH in pixels, for example 1920x1080"
        raise typer.BadParameter(f"{word!r} is not a size; {hint} (--list-sizes shows the names)")

    return int(match[2]), int(match[1])


def sizes(words: str) -> list[tuple[int, int]]:
    """Read '320x240,1920x1080' as sizes in that order."""
    return [size(word) for word in words.split(",")]


def window(word: str) -> tuple[int, int, int, int]:
    """Read 'X,Y,W,H' as (y, x, height, width)."""
    match = re.fullmatch(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", word.strip())
    if not match:
        raise typer.BadParameter(
            f"{word!r} is not a window; write X,Y,W,H in pixels, for example 100,50,640,480"
        )

    x, y, width, height = (int(part) for part in match.groups())
    return y, x, height, width


def zoom(word: str) -> Zoom:
    """Read 'auto', 'area' or a number."""
    if word == "auto":
        return "auto"
    if word == "area":
        return "area"
    try:
        return float(word)
    except ValueError:
        raise typer.BadParameter(
            f"{word!r} is not a zoom; write a number above 0, auto or area"
        ) from None


def background(word: str) -> tuple[int, int, int]:
    """Read 'white' or '#rrggbb' as (r, g, b), 0 to 255 each."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(word)[:3]
    except ValueError:
        raise typer.BadParameter(f"{word!r} is not a colour; write a name or #rrggbb") from None
    return red, green, blue


def numbers(words: str) -> list[int]:
    """Read '0,1,2' as whole numbers in that order."""
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", words.strip()):
        raise typer.BadParameter(
            f"{words!r} is not a list of whole numbers; write for example 0,1,2"
        )
    return [int(word) for word in words.split(",")]


def place(word: str) -> tuple[float, float | None]:
    """Read 'left', 'centre', 'right' or 'X,Y' as the centre (x, y) of an object.

    Both are shares of the picture. A y of None leaves the object's height as it is.
    """
    from singan_runtime.objects import WORDS

    if word in WORDS:
        return WORDS[word], None

    try:
        x, y = (float(part) for part in word.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{word!r} is not a place; write left, centre, right or X,Y, as in 0.25,0.6"
        ) from None
    return x, y


def shares(words: str, count: int) -> list[float]:
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
