"""The pages of a site: lines that show its picture anywhere, and a page that shows all of it."""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from singan_cli.site.record import Picture
from singan_cli.site.sheet import NAME as SHEET
from singan_core.atomic import atomic_file
from singan_core.encoding import FORMATS as ENDINGS
from singan_core.pyramid import Size
from singan_runtime.markup import Markup, Shape, write_tag

SNIPPET, PAGE = "picture.html", "index.html"

ALIKE = 0.01
"""How much the aspect ratios of screens may differ that are offered as one shape."""

_STYLE = (
    "body{margin:0;font:16px sans-serif}picture img{display:block;width:100vw;height:100vh;"
    "object-fit:cover}main{padding:1em}main img{max-width:100%}td{padding:0 1em 0 0}"
)


def write_pages(
    folder: Path, pictures: Sequence[Picture], formats: tuple[str, ...], alt: str = ""
) -> None:
    """Write the lines for other pages, and the page of the site. Raises OutputError."""
    lines = write_snippet(pictures, formats, alt)
    for name, text in ((SNIPPET, lines), (PAGE, _write_page(lines, pictures))):
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def write_snippet(pictures: Sequence[Picture], formats: tuple[str, ...], alt: str) -> str:
    """Write lines that show, in a window of any shape, the picture whose shape is nearest."""
    groups = group_by_shape(pictures)
    sizes = {one.size: [(other.height, other.width) for other in some] for one, some in groups}
    names = {(one.height, one.width): one.screen for one in pictures}

    def locate(size: Size, format: str) -> str:
        return quote(f"{names[size]}{ENDINGS[format]}")

    written = Markup(
        locate,
        tuple(shape for shape, _ in groups),
        formats=formats,
        alt=alt,
        choose_sizes=lambda size: sizes[size],
    )
    last = groups[-1][1][-1]
    return written.write(base64.b64decode(last.placeholder), last.colour)


def group_by_shape(pictures: Sequence[Picture]) -> list[tuple[Shape, list[Picture]]]:
    """Group pictures by their shape, the narrowest first; in a group the smallest comes first.

    Between two shapes a window changes from one to the other at the mean of both ratios.
    """
    groups: list[list[Picture]] = []
    for one in sorted(pictures, key=lambda one: (_find_ratio(one), one.width)):
        if groups and _find_ratio(one) <= _find_ratio(groups[-1][0]) * (1 + ALIKE):
            groups[-1].append(one)
        else:
            groups.append([one])

    found = []
    for some, wider in itertools.zip_longest(groups, groups[1:]):
        by_width = {one.width: one for one in sorted(some, key=lambda one: one.width)}
        kept = list(by_width.values())
        bound = None
        if wider is not None:
            mean = math.sqrt(_find_ratio(some[0]) * _find_ratio(wider[0]))
            bound = round(1000 * mean), 1000
        found.append((Shape((kept[-1].height, kept[-1].width), up_to_ratio=bound), kept))
    return found


def _find_ratio(picture: Picture) -> float:
    return picture.width / picture.height


def _write_page(lines: str, pictures: Sequence[Picture]) -> str:
    """Write a page that fills the window with the picture and lists all files below it."""
    head, _, body = lines.partition("<!-- body -->\n")
    rows = []
    for one in pictures:
        links = (f'<a href="{quote(file.name)}">{file.format}</a>' for file in one.files)
        size = f"{one.width}x{one.height}"
        rows.append(f"<tr><td>{escape(one.screen)}<td>{size}<td>{' '.join(links)}")

    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{len(pictures)} screens</title>",
            f"<style>{_STYLE}</style>",
            head.removeprefix("<!-- head -->\n").rstrip(),
            body.rstrip(),
            "<main>",
            write_tag("img", {"src": SHEET, "alt": "All screens"}),
            "<table>",
            *rows,
            "</table>",
            "</main>",
            "</html>",
            "",
        ]
    )
