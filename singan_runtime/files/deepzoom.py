"""Deep Zoom (DZI) folders: tiles of every halving of a picture, and a page that shows them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import encoding, images
from singan_core.arrays import Pixels
from singan_core.atomic import atomic_folder
from singan_core.errors import RequestError
from singan_core.metadata import Metadata
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Render = Callable[[Region], Pixels]
"""Draws a region of the picture, uint8 (h, w, C)."""

TILE = 512  # px
NAME = "picture"
SUFFIXES = {"png": "png", "jpeg": "jpg"}  # the two formats that Deep Zoom knows


def list_levels(size: Size) -> list[Size]:
    """List the size of every level: from one pixel, each twice the one before, to the whole."""
    found = [size]
    while max(found[-1]) > 1:
        height, width = found[-1]
        found.append((math.ceil(height / 2), math.ceil(width / 2)))
    return found[::-1]


def count_tiles(size: Size) -> int:
    """Count the tiles of the finest level, which are the ones that are drawn."""
    return math.ceil(size[0] / TILE) * math.ceil(size[1] / TILE)


def write_folder(
    folder: Path,
    size: Size,
    render: Render,
    format: str = "jpeg",
    background: tuple[int, int, int] = (255, 255, 255),
    title: str = "",
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write picture.dzi, picture_files/ and index.html, all of them or none.

    Metadata is written beside them, into picture.xmp.

    Raises RequestError for another format than png or jpeg, or if the folder is not empty, and
    OutputError.
    """
    if format not in SUFFIXES:
        raise RequestError(
            f"a Deep Zoom folder cannot hold {format}: choose {' or '.join(SUFFIXES)}"
        )
    encoding.check_quality(format, quality, ["jpeg"])
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RequestError(f"{folder}: already there and not empty; choose another folder")

    with atomic_folder(folder) as temporary:
        files = temporary / f"{NAME}_files"
        sizes = list_levels(size)
        for level in range(len(sizes)):
            (files / str(level)).mkdir(parents=True)
        _Tiles(files, sizes, render, format, background, quality).write(0, 0, 0)

        description = describe(size, SUFFIXES[format])
        (temporary / f"{NAME}.dzi").write_text(description, encoding="utf-8")
        page = _make_page(size, SUFFIXES[format], title)
        (temporary / "index.html").write_text(page, encoding="utf-8")
        if metadata is not None:
            (temporary / f"{NAME}.xmp").write_bytes(metadata.to_xmp())


def describe(size: Size, suffix: str) -> str:
    """Write the DZI file's text."""
    height, width = size
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
        f'Format="{suffix}" Overlap="0" TileSize="{TILE}">'
        f'<Size Width="{width}" Height="{height}"/></Image>\n'
    )


def _make_page(size: Size, suffix: str, title: str) -> str:
    """Fill the page that shows the tiles without a network."""
    page = resources.files("singan_runtime").joinpath("deepzoom.html").read_text(encoding="utf-8")
    height, width = size
    values = {"WIDTH": width, "HEIGHT": height, "TILE": TILE, "SUFFIX": suffix}
    values |= {"TITLE": html.escape(title)}  # names the model, as a bundle of a stranger's does
    return re.sub(r"%([A-Z]+)%", lambda found: str(values[found[1]]), page)


@dataclass(frozen=True)
class _Tiles:
    """The tiles of all levels: where they go and what draws them."""

    folder: Path
    sizes: list[Size]
    render: Render
    format: str
    background: tuple[int, int, int]
    quality: int | None

    def write(self, level: int, row: int, column: int) -> Image.Image:
        """Write a tile and all that it is made from, and return it.

        This goes depth first, so that memory holds a few tiles of each level.
        """
        rows, columns = (
            Span(place * TILE, min((place + 1) * TILE, side))
            for place, side in zip((row, column), self.sizes[level], strict=True)
        )
        if level == len(self.sizes) - 1:
            tile = images.to_pillow(self.render((rows, columns)))
        else:
            tile = self._join(level + 1, row, column).reduce(2)

        path = self.folder / str(level) / f"{column}_{row}.{SUFFIXES[self.format]}"
        pixels = np.asarray(tile).reshape(rows.length, columns.length, -1)
        encoding.save(path, pixels, self.format, self.background, self.quality)
        return tile

    def _join(self, level: int, row: int, column: int) -> Image.Image:
        """Write the up to four tiles that a tile of the level above is made from, and join them."""
        height, width = self.sizes[level]
        down = range(2 * row, min(2 * row + 2, math.ceil(height / TILE)))
        across = range(2 * column, min(2 * column + 2, math.ceil(width / TILE)))
        rows = []
        for y in down:
            rows.append([self.write(level, y, x) for x in across])

        size = sum(tile.width for tile in rows[0]), sum(line[0].height for line in rows)
        whole = Image.new(rows[0][0].mode, size)
        for y, line in enumerate(rows):
            for x, tile in enumerate(line):
                whole.paste(tile, (x * TILE, y * TILE))
        return whole
