"""Markup for web pages: one picture at every width and shape, from URLs or from files."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlencode

from singan_core import encoding
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime.parsing import format_size, parse_size
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

WIDTHS = (320, 480, 640, 960, 1280, 1920, 2560, 3840)
"""Widths in px, of which a page gets those up to the largest, and the largest itself."""

FORMATS = ("webp", "jpeg")
"""Formats that are offered: the last is for browsers that know no other."""

PLACEHOLDER = 32
"""Longer side, in px, of the picture that stands in until the real one has come."""


def list_sizes(size: Size) -> list[Size]:
    """List the sizes of one shape that a page offers, the narrowest first."""
    height, width = size
    widths = [*(one for one in WIDTHS if one < width), width]
    return [(max(1, round(height * one / width)), one) for one in widths]


SMALL_QUALITY = 60
"""Quality of that picture, which is seen blurred and for a moment."""


@dataclass(frozen=True)
class Shape:
    """A shape of the picture, for windows up to a width or up to an aspect ratio, or all others."""

    size: Size  # (height, width), the largest that is offered
    up_to: int | None = None  # CSS pixels, the widest window
    up_to_ratio: tuple[int, int] | None = None  # width and height of the widest window's shape

    @property
    def media(self) -> str:
        """The media condition of the windows that are not too wide; empty for all windows."""
        if self.up_to is not None:
            return f"(max-width: {self.up_to}px)"
        return f"(max-aspect-ratio: {self._ratio})" if self.up_to_ratio is not None else ""

    @property
    def media_beyond(self) -> str:
        """The media condition of wider windows."""
        if self.up_to is not None:
            return f"(min-width: {self.up_to}.02px)"
        return f"(min-aspect-ratio: {self._ratio})"

    @property
    def _ratio(self) -> str:
        return "/".join(map(str, self.up_to_ratio or ()))


Locate = Callable[[Size, str], str]
"""What gives the URL of the picture of a size (height, width) in a format."""


def locate_in_service(
    address: str,
    words: Mapping[str, str],
    sign: Callable[[str], str] = str,
    zoom: tuple[float, int] | None = None,
) -> Locate:
    """Return what gives the URLs of pictures that a service draws.

    address is that of the model, as in https://example.org/v1/aitzgorri@ccaf58aa. words are those
    of the query, the seed among them. sign turns a URL into the one that is written. zoom is a
    number, with the height (px) of the picture that it is meant for: others are zoomed in
    proportion to their heights, so that all show the same composition.
    """

    def locate(size: Size, format: str) -> str:
        said = dict(words)
        if zoom is not None:
            said["zoom"] = f"{zoom[0] * size[0] / zoom[1]:.6g}"
        path = f"{address}/{format_size(size)}.{format}"
        return sign(f"{path}?{urlencode(said, safe=',;')}")

    return locate


@dataclass(frozen=True)
class Markup:
    """A picture in a page: where it comes from, its shapes, and what the page says about it."""

    locate: Locate
    shapes: tuple[Shape, ...]  # those for narrow windows first, the one for all others last
    sizes: str = "100vw"  # how wide the picture stands in the page, as in HTML
    formats: tuple[str, ...] = FORMATS
    alt: str = ""
    choose_sizes: Callable[[Size], list[Size]] = list_sizes  # that are offered of a shape

    def write(self, placeholder: bytes = b"", colour: str = "") -> str:
        """Write the lines for the head and the body of a page.

        placeholder is a WebP file, which is put into the page itself, and colour one of CSS, which
        stands there before it.
        """
        head = [self._write_preload(n) for n in range(len(self.shapes))]
        last, sources = self.shapes[-1], []
        for shape in self.shapes:
            formats = self.formats if shape.media else self.formats[:-1]
            sources += [self._write_source(shape, format) for format in formats]

        lines = ["<!-- head -->", *head, "<!-- body -->", "<picture>", *sources]
        image = self._write_image(last, placeholder, colour)
        return "\n".join([*lines, image, "</picture>"]) + "\n"

    def _write_preload(self, number: int) -> str:
        """Write the line that lets a browser begin before it has read the page."""
        shape, bounds = self.shapes[number], []
        if number:
            bounds.append(self.shapes[number - 1].media_beyond)
        if shape.media:
            bounds.append(shape.media)

        found = {"rel": "preload", "as": "image", "type": f"image/{self.formats[0]}"}
        found |= {"media": " and ".join(bounds)} if bounds else {}
        found |= {"imagesrcset": self._write_set(shape, self.formats[0]), "imagesizes": self.sizes}
        return write_tag("link", found)

    def _write_source(self, shape: Shape, format: str) -> str:
        """Write a source of the picture element."""
        found = {"media": shape.media} if shape.media else {}
        height, width = shape.size
        found |= {"type": f"image/{format}", "srcset": self._write_set(shape, format)}
        found |= {"sizes": self.sizes, "width": str(width), "height": str(height)}
        return "  " + write_tag("source", found)

    def _write_image(self, shape: Shape, placeholder: bytes, colour: str) -> str:
        """Write the image element, whose size keeps the page from jumping."""
        height, width = shape.size
        found = {"src": self.locate(shape.size, self.formats[-1])}
        found |= {"srcset": self._write_set(shape, self.formats[-1]), "sizes": self.sizes}
        found |= {"width": str(width), "height": str(height), "alt": self.alt}
        background = [colour] if colour else []
        if placeholder:
            data = base64.b64encode(placeholder).decode()
            background.append(f"center / cover no-repeat url(data:image/webp;base64,{data})")
        if background:
            found["style"] = f"background: {' '.join(background)}"
        return "  " + write_tag("img", found)

    def _write_set(self, shape: Shape, format: str) -> str:
        sizes = self.choose_sizes(shape.size)
        return ", ".join(f"{self.locate(size, format)} {size[1]}w" for size in sizes)


def write_tag(name: str, attributes: Mapping[str, str]) -> str:
    """Write an element's tag with its attributes."""
    words = (f'{key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name} {' '.join(words)}>"


def read_shapes(size: Size, breakpoints: str) -> tuple[Shape, ...]:
    """Read the shapes for narrow windows, as in '600:1080x1350,1000:square', and that for others.

    Raises RequestError.
    """
    narrow = []
    for word in filter(None, breakpoints.split(",")):
        bound, _, shape = word.partition(":")
        if not re.fullmatch(r"[1-9]\d{0,5}", bound, re.ASCII):
            raise RequestError(
                f"{word[:80]!r} is not a breakpoint; write a width in CSS pixels and a size, "
                "as in 600:1080x1350"
            )
        narrow.append(Shape(parse_size(shape), int(bound)))
    return *sorted(narrow, key=lambda one: one.up_to or 0), Shape(size)


def read_formats(word: str) -> tuple[str, ...]:
    """Read 'webp,jpeg', the formats that are offered, the preferred first. Raises RequestError."""
    formats = tuple(word.split(","))
    for one in formats:
        encoding.check_format_name(one, encoding.FORMATS)
    return formats


def draw_placeholder(sampler: Sampler, request: Request) -> bytes:
    """Draw the small picture that stands in for the picture of a request, as a WebP file.

    A shape too narrow to be drawn so small has none: b"".
    """
    assert request.size is not None
    factor = PLACEHOLDER / max(request.size)
    height, width = (max(1, round(side * factor)) for side in request.size)
    zoom = request.zoom if isinstance(request.zoom, str) else request.zoom * factor
    small = replace(request, size=(height, width), zoom=zoom, window=None)
    try:
        return encoding.encode(sampler.draw(small), "webp", quality=SMALL_QUALITY)
    except RequestError:
        return b""
