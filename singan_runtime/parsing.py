"""Words of a command line, a query or a file's text, turned into values."""

from __future__ import annotations

import difflib
import re

from PIL import ImageColor

from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_core.zooms import NAMED_ZOOMS, ZOOM_WORDS, Zoom
from singan_runtime.screens import SCREENS

Place = tuple[float | None, float | None]
"""(x, y) of an object's centre in shares of the picture; None leaves it where the photo has it."""

Window = tuple[int, int, int, int]
"""A rectangle of a picture: (y, x, height, width) in pixels."""

PLACES = {"left": 0.25, "centre": 0.5, "center": 0.5, "right": 0.75}
"""Places of an object's centre along x, in shares of the picture."""


def parse_size(word: str) -> Size:
    """Read '1920x1080' (width x height) or 'fullhd' as (height, width). Raises RequestError."""
    word = word.strip().lower()
    if word in SCREENS:
        width, height = SCREENS[word]
        return height, width

    match = re.fullmatch(r"(\d{1,9})x(\d{1,9})", word)
    if not match:
        near = difflib.get_close_matches(word, SCREENS, 1)
        hint = f"did you mean {near[0]}?" if near else "write WxH in pixels, for example 1920x1080"
        raise RequestError(f"{word!r} is not a size; {hint} (--list-sizes shows the names)")
    return int(match[2]), int(match[1])


def format_size(size: Size) -> str:
    """Write (height, width) as 'WxH'."""
    return f"{size[1]}x{size[0]}"


def parse_window(word: str) -> Window:
    """Read 'X,Y,W,H' as (y, x, height, width). Raises RequestError."""
    match = re.fullmatch(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", word.strip())
    if not match:
        raise RequestError(
            f"{word!r} is not a window; write X,Y,W,H in pixels, for example 100,50,640,480"
        )
    x, y, width, height = (int(part) for part in match.groups())
    return y, x, height, width


def parse_zoom(word: str) -> Zoom:
    """Read a number or a word of Zoom. Raises RequestError."""
    for known in ZOOM_WORDS:
        if word == known:
            return known
    return parse_number(word, "zoom", f"0.001 to 1000, {NAMED_ZOOMS}")


def parse_number(word: str, name: str, allowed: str) -> float:
    """Read a number of a name, of which the error says what is allowed. Raises RequestError."""
    try:
        return float(word)
    except ValueError:
        raise RequestError(f"{word!r} is not a {name}; write {allowed}") from None


def parse_place(word: str) -> Place:
    """Read 'left', 'centre', 'right' or 'X,Y' as the place of an object. Raises RequestError."""
    if word in PLACES:
        return PLACES[word], None
    try:
        x, y = (float(part) for part in word.split(","))
    except ValueError:
        raise RequestError(
            f"{word!r} is not a place; write left, centre, right or X,Y, as in 0.25,0.6"
        ) from None
    return x, y


def parse_colour(word: str) -> tuple[int, int, int]:
    """Read 'white' or '#rrggbb' as (r, g, b), 0 to 255 each. Raises RequestError."""
    try:
        red, green, blue = ImageColor.getrgb(word)[:3]
    except ValueError:
        red = green = blue = -1
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise RequestError(f"{word[:80]!r} is not a colour; write a name or #rrggbb")
    return red, green, blue
