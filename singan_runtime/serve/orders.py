"""Orders: what the URL of a picture asks for, read from its words, and its URL."""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from singan_core import encoding, fitting
from singan_core.errors import RequestError
from singan_core.noise import SEED_LIMIT
from singan_core.pyramid import Size
from singan_runtime.files.names import name_picture
from singan_runtime.parsing import format_size, parse_colour, parse_number, parse_size
from singan_runtime.request import Request
from singan_runtime.serve.settings import Settings

SUFFIXES = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp", "avif": "avif"}
"""Formats by the endings of URLs."""

MEDIA = {format: f"image/{format}" for format in encoding.FORMATS}
PARAMETERS = (
    "seed", "zoom", "start_scale", "variation", "tileable", "detail", "keep", "place", "window",
    "background", "quality", "w", "dpr", "download",
)  # fmt: skip
MOST_DPR = 8
"""Pixels of a screen for one CSS pixel, at most."""

_DRAWN = PARAMETERS[: PARAMETERS.index("background")]
_FRESH = 2**32  # seeds that are chosen for a client, short enough for every language
_SEED = re.compile(r"0|[1-9]\d{0,19}")


@dataclass(frozen=True)
class Order:
    """A picture that a URL asks for: what to draw, and how to write it."""

    request: Request  # with a size
    format: str
    background: tuple[int, int, int] = (255, 255, 255)
    is_download: bool = False
    quality: int | None = None  # 1 to 100, of a lossy format; None is its default
    has_metadata: bool = True  # whether the file says how it was made

    @property
    def size(self) -> Size:
        """(height, width) of what is sent: the picture, or its window."""
        assert self.request.size is not None
        return self.request.size if self.request.window is None else self.request.window[2:]

    @property
    def media(self) -> str:
        """The media type of the file."""
        return MEDIA[self.format]

    @property
    def pixels(self) -> int:
        """How many pixels are made."""
        return math.prod(self.size)

    @property
    def suffix(self) -> str:
        """The ending of a file name."""
        return encoding.FORMATS[self.format]

    def describe(self) -> str:
        """Return a text that is the same for equal orders."""
        how = self.format, self.background, self.quality, self.has_metadata
        return json.dumps([self.request.to_dict(), *how])


def read_order(
    name: str,
    words: Mapping[str, str],
    parameters: Sequence[str] = PARAMETERS,
    suffixes: Mapping[str, str] = SUFFIXES,
) -> Order:
    """Read the order of a file name, as in 1920x1080.jpeg or phone.webp, and a query's words.

    Raises RequestError, also for other words than the parameters.
    """
    stem, _, suffix = name.rpartition(".")
    if suffix not in suffixes:
        raise RequestError(f"unknown format {suffix[:80]!r}: end in .{', .'.join(suffixes)}")
    check_names(words, parameters)

    size = read_screen_size(parse_size(stem), words)
    drawn = {name: word for name, word in words.items() if name in _DRAWN}
    drawn["seed"] = str(read_seed(words.get("seed", "0")))
    request = replace(Request.from_words(drawn), size=size)
    background = parse_colour(words.get("background", "white"))
    format, is_download = suffixes[suffix], read_switch(words, "download")
    return Order(request, format, background, is_download, read_quality(words, format))


def check_names(words: Mapping[str, str], parameters: Sequence[str]) -> None:
    """Raise RequestError unless all words are parameters."""
    for word in words:
        if word not in parameters:
            raise RequestError(
                f"unknown parameter {word[:80]!r}; there are {', '.join(parameters)}"
            )


def read_quality(words: Mapping[str, str], format: str) -> int | None:
    """Read the quality of a lossy format, if a query has one. Raises RequestError."""
    if "quality" not in words:
        return None
    quality = read_whole(words, "quality", 0)
    encoding.check_quality(format, quality)
    return quality


def read_whole(words: Mapping[str, str], name: str, usual: int) -> int:
    """Read a whole number of a query. Raises RequestError."""
    word = words.get(name)
    if word is None:
        return usual
    if not re.fullmatch(r"\d{1,9}", word, re.ASCII):
        raise RequestError(f"{name} {word[:80]!r} is not possible: it must be a whole number")
    return int(word)


def read_switch(words: Mapping[str, str], name: str) -> bool:
    """Read whether a word of a query is 1 or true. Raises RequestError for other words."""
    word = words.get(name, "0")
    if word not in ("0", "1", "false", "true"):
        raise RequestError(f"{name} {word[:80]!r} is not possible: choose true or false")
    return word in ("1", "true")


def read_screen_size(size: Size, words: Mapping[str, str]) -> Size:
    """Return the pixels of a size whose width is w CSS pixels, on a screen of dpr pixels for each.

    Without w the size is in CSS pixels itself. Raises RequestError.
    """
    if "w" not in words and "dpr" not in words:
        return size
    dpr = parse_number(words.get("dpr", "1"), "dpr", f"a number above 0, up to {MOST_DPR}")
    if not 0 < dpr <= MOST_DPR:
        raise RequestError(f"dpr {dpr:g} is not possible: it must be above 0, up to {MOST_DPR}")

    allowed = f"a width above 0, up to {fitting.MAX_SIDE} px"
    width = parse_number(words.get("w", str(size[1])), "w", allowed)
    if not 0 < width <= fitting.MAX_SIDE:
        raise RequestError(f"w {width:g} is not possible: it must be {allowed}")
    factor = width * dpr / max(size[1], 1)
    return max(1, round(size[0] * factor)), max(1, round(width * dpr))


def read_seed(word: str) -> int:
    """Read a seed: a number of 64 bits as it is, any other text by its hash.

    The hash is the first 8 bytes of the text's sha256 (UTF-8), the highest first.
    """
    if _SEED.fullmatch(word) and int(word) < SEED_LIMIT:
        return int(word)
    digest = hashlib.sha256(word.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big")


def choose_seed() -> int:
    """Choose a seed for a client that names none."""
    return secrets.randbelow(_FRESH)


def write_path(place: str, order: Order, words: Mapping[str, str]) -> str:
    """Write the path of an order with its size in pixels and its seed as a number.

    place is what stands before the file's name; words are those of the query.
    """
    assert order.request.size is not None
    kept = {name: word for name, word in words.items() if name not in ("w", "dpr", "seed")}
    query = urlencode({"seed": order.request.seed, **kept}, safe=",;")
    return f"{place}/{format_size(order.request.size)}.{order.format}?{query}"


def describe_disposition(order: Order, model: str) -> str:
    """Write the Content-Disposition of a picture: what a browser calls it when it saves it."""
    kind = "attachment" if order.is_download else "inline"
    return f'{kind}; filename="{name_picture(model, order.request)}{order.suffix}"'


def check_limits(order: Order, settings: Settings) -> None:
    """Raise RequestError, before any work, if a picture is too large to be made."""
    encoding.check_format(order.format, order.size)
    check_pixels(order.size, settings.max_pixels)


def check_pixels(size: Size, most: int) -> None:
    """Raise RequestError if a picture of a size has more pixels than may be made."""
    height, width = size
    if height * width > most:
        raise RequestError(
            f"{width}x{height} is {height * width} pixels, over this service's limit of {most}; "
            "ask for less, or for a window of it"
        )
