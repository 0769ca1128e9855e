"""Request: which picture to draw. The same object in Python, on the command line and in files."""

from __future__ import annotations

import itertools
import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from singan_core import bounded_json, fitting, noise
from singan_core.arguments import read_object, read_switch, read_word
from singan_core.errors import RequestError
from singan_core.limits import read_real, read_whole, show
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap
from singan_core.zooms import NAMED_ZOOMS, ZOOM_WORDS, ZOOMS, Zoom
from singan_runtime.keep import Keep
from singan_runtime.parsing import (
    Window,
    format_size,
    parse_number,
    parse_place,
    parse_size,
    parse_window,
    parse_zoom,
)

TILEABLE = ("", "x", "y", "xy")
MOST_VARIATION = 10
MOST_REQUEST = 1 << 16  # bytes of a request as JSON, which may come from a picture's text


@dataclass(frozen=True)
class Request:
    """Which picture to draw, checked when it is made.

    What depends on the model is checked later.

    Two equal requests draw the same pixels from the same model. Numbers may be of any integer or
    real type, numpy's included. Raises RequestError.
    """

    size: Size | None = None  # (height, width) in px; None is the trained size
    seed: int = 0  # 0 to 2^64 - 1
    zoom: Zoom = "auto"  # how large the scene is drawn: 0.001 to 1000, or a word
    start_scale: int = 0  # the first scale with fresh noise; below it the photo's structure stays
    tileable: str = ""  # x, y or xy: the axes along which the picture repeats without a seam
    variation: float = 1.0  # how many times as strong the noise is as by default, 0 to 10
    keep: tuple[Keep, ...] = ()  # objects of the photo that stand in the picture as they are
    window: Window | None = None  # draw only this rectangle: (y, x, height, width)
    detail: bool = True  # False leaves out the detail levels: the generators draw everything

    def __post_init__(self) -> None:
        """Check every field and bring it to its one form."""
        checked = {
            "size": None if self.size is None else read_size(self.size),
            "seed": check_seed(self.seed),
            "zoom": _read_zoom(self.zoom),
            "start_scale": _read_start_scale(self.start_scale),
            "variation": read_variation(self.variation),
            "keep": read_keep(self.keep),
            "window": None if self.window is None else _read_window(self.window),
            "detail": read_switch(self.detail, "detail"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

        read_wrap(self.tileable)
        if self.tileable and self.start_scale:
            raise RequestError(
                f"a tileable picture needs start scale 0, not {self.start_scale}: "
                "the photo is not seamless"
            )
        if self.window is not None and self.size is not None:
            find_region(self.size, self.window)

    @property
    def wrap(self) -> Wrap:
        """Whether rows and columns repeat without a seam."""
        return read_wrap(self.tileable)

    def to_dict(self) -> dict[str, Any]:
        """Return the request as JSON's types: in a fixed order, without what has its default.

        Sizes are 'WxH' and windows [x, y, width, height]. The seed, the zoom and the start scale
        are always there.
        """
        described: dict[str, Any] = {} if self.size is None else {"size": format_size(self.size)}
        described |= {"seed": self.seed, "zoom": self.zoom, "start_scale": self.start_scale}

        if self.tileable:
            described["tileable"] = self.tileable
        if self.variation != 1:
            described["variation"] = self.variation
        if self.keep:
            described["keep"] = [one.to_dict() for one in self.keep]
        if self.window is not None:
            y, x, height, width = self.window
            described["window"] = [x, y, width, height]
        if not self.detail:
            described["detail"] = False
        return described

    def to_json(self) -> str:
        """Return the canonical JSON form: equal requests have equal texts."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Request:
        """Read what to_dict returns.

        A kept object is read by its name in the model, a label or 'alpha'. Raises RequestError for
        an unknown key, a value that is not possible, or an object of a mask file, which only that
        file can bring back.
        """
        _check_names(read_object(described, dict, "request"))
        values = dict(described)
        if isinstance(values.get("size"), str):
            values["size"] = parse_size(values["size"])
        if values.get("window") is not None:
            x, y, width, height = _read_numbers(values["window"], "window", 4, "[x, y, w, h]")
            values["window"] = (y, x, height, width)
        if isinstance(values.get("keep"), list):
            values["keep"] = [Keep.from_dict(one) for one in values["keep"]]
        return cls(**values)

    @classmethod
    def from_json(cls, text: str | bytes) -> Request:
        """Read the canonical JSON form. Raises RequestError."""
        try:
            described = bounded_json.decode(text, MOST_REQUEST)
        except (TypeError, ValueError) as error:
            raise RequestError(f"a request that is not JSON: {error}") from None
        if not isinstance(described, dict):
            raise RequestError("a request must be a JSON object, as in {'size': '640x360'}")
        return cls.from_dict(described)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> Request:
        """Read a request from words, as a URL's query has them.

        Words are those of the command line, as in size=1920x1080, size=fullhd, zoom=1.5 and
        window=X,Y,W,H. Kept objects are names in the model with commas between them, and their
        places have semicolons between them, as in keep=dog,hill and place=left;0.5,0.6. Raises
        RequestError.
        """
        for name, word in read_object(words, dict, "query").items():
            read_word(word, str(name))
        _check_names({name: word for name, word in words.items() if name != "place"})
        values: dict[str, Any] = {
            name: _READERS[name](word) for name, word in words.items() if name in _READERS
        }

        names = [name for name in words.get("keep", "").split(",") if name]
        places = [parse_place(word) for word in words.get("place", "").split(";") if word]
        if places and len(places) != len(names):
            raise RequestError(
                f"{len(names)} objects are kept, but {len(places)} places given: "
                "give each its place, or none"
            )
        where = places or [(None, None)] * len(names)
        values["keep"] = tuple(
            Keep(None, *place, name=name) for name, place in zip(names, where, strict=True)
        )
        return cls(**values)


def read_size(size: object) -> Size:
    """Read a size, two whole numbers (height, width) of possible lengths. Raises RequestError."""
    height, width = _read_numbers(size, "size", 2, "(height, width)")
    fitting.check_size((height, width))
    return height, width


def check_seed(seed: object, count: int = 1) -> int:
    """Return a seed as an int.

    Raises RequestError unless seed .. seed + count - 1 are whole numbers of 64 bits.
    """
    return read_whole(seed, "seed", 0, noise.SEED_LIMIT - count)


def read_variation(variation: object) -> float:
    """Read how many times as strong as by default noise is to be. Raises RequestError."""
    return read_real(variation, "variation", 0, MOST_VARIATION)


def read_wrap(tileable: object) -> Wrap:
    """Read which axes, down and across, repeat without a seam. Raises RequestError for others."""
    if not isinstance(tileable, str) or tileable not in TILEABLE:
        raise RequestError(f"tileable {show(tileable)} is not possible: choose x, y or xy")
    return "y" in tileable, "x" in tileable


def read_keep(value: Any) -> tuple[Keep, ...]:
    """Read objects to keep. Raises RequestError."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, Keep) for one in value):
        raise RequestError(f"keep {show(value)} is not possible: give objects of the class Keep")
    return tuple(value)


def find_region(size: Size, window: Window) -> Region:
    """Find the rows and columns of a window in a picture of a size.

    Raises RequestError if the window is not inside.
    """
    size = read_size(size)
    y, x, height, width = _read_window(window)
    if min(y, x) < 0 or min(height, width) < 1 or y + height > size[0] or x + width > size[1]:
        raise RequestError(
            f"window {width}x{height} at x {x}, y {y} is not inside the picture of "
            f"{format_size(size)}: it must begin at 0 or later, "
            f"end by x {size[1]} and y {size[0]}, and hold a pixel or more"
        )
    return Span(y, y + height), Span(x, x + width)


def _read_zoom(zoom: object) -> Zoom:
    if isinstance(zoom, str) and zoom in ZOOM_WORDS:
        return parse_zoom(zoom)
    return read_real(zoom, "zoom", *ZOOMS, besides=f", {NAMED_ZOOMS}")


def _read_start_scale(scale: object) -> int:
    return read_whole(scale, "start scale", 0)


def _read_window(window: object) -> Window:
    y, x, height, width = _read_numbers(window, "window", 4, "(y, x, height, width)")
    return y, x, height, width


def _read_numbers(value: Any, name: str, count: int, form: str) -> list[int]:
    """Read so many whole numbers."""
    try:
        numbers = [operator.index(one) for one in itertools.islice(value, count + 1)]
    except TypeError:
        numbers = []
    if len(numbers) != count:
        raise RequestError(f"{name} {show(value)} is not possible: give whole numbers, {form}")
    return numbers


def _read_word(name: str) -> Callable[[str], int]:
    """Return what reads a whole number of a name."""

    def read(word: str) -> int:
        if not re.fullmatch(r"-?\d{1,20}", word.strip()):
            raise RequestError(f"{name} {word!r} is not possible: it must be a whole number")
        return int(word)

    return read


def _read_switch(word: str) -> bool:
    if word not in ("0", "1", "false", "true"):
        raise RequestError(f"detail {word!r} is not possible: choose true or false")
    return word in ("1", "true")


_READERS: dict[str, Callable[[str], Any]] = {
    "size": parse_size,
    "seed": _read_word("seed"),
    "zoom": parse_zoom,
    "start_scale": _read_word("start scale"),
    "tileable": str,
    "variation": lambda word: parse_number(word, "variation", "a number, 0 to 10"),
    "window": parse_window,
    "detail": _read_switch,
}


def _check_names(described: Mapping[str, Any]) -> None:
    """Raise RequestError if a request has a field that is unknown."""
    known = [field.name for field in fields(Request)]
    for name in described:
        if name not in known:
            raise RequestError(f"a request has no field {name!r}; it may have {', '.join(known)}")
