"""Deep Zoom (DZI) folders: a picture of any size as tiles of every halving, with a page that shows them offline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_core.atomic import atomic_folder
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Pixels = NDArray[np.uint8]
Render = Callable[[Region], Pixels]

TILE = 512  # px
NAME = "picture"
SUFFIXES = {"png": "png", "jpeg": "jpg"}  # the two formats that Deep Zoom knows


def levels(size: Size) -> list[Size]:
    """The size of every level: from one pixel, each twice the one before, to the whole picture."""
    found = [size]
    while max(found[-1]) > 1:
        found.append((math.ceil(found[-1][0] / 2), math.ceil(found[-1][1] / 2)))
    return found[::-1]


def tile_count(size: Size) -> int:
    """How many tiles of the finest level are drawn."""
    return math.ceil(size[0] / TILE) * math.ceil(size[1] / TILE)


def save(
    folder: Path,
    size: Size,
    render: Render,
    format: str = "jpeg",
    background: tuple[int, int, int] = (255, 255, 255),
    title: str = "",
) -> None:
    """Write picture.dzi, picture_files/ and index.html, whole or not at all; render draws a region, uint8 (h, w, C).

    Raises RequestError for another format than png or jpeg, or if the folder is not empty; OutputError.
    """
    if format not in SUFFIXES:
        raise RequestError(
            f"a Deep Zoom folder cannot hold {format}: choose {' or '.join(SUFFIXES)}"
        )
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RequestError(f"{folder}: already there and not empty; choose another folder")
    with atomic_folder(folder) as temporary:
        sizes = levels(size)
        files = temporary / f"{NAME}_files"
        for level in range(len(sizes)):
            (files / str(level)).mkdir(parents=True)
        _Tiles(files, sizes, render, format, background).make(0, 0, 0)
        height, width = size
        dzi = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
            f'Format="{SUFFIXES[format]}" Overlap="0" TileSize="{TILE}">'
            f'<Size Width="{width}" Height="{height}"/></Image>\n'
        )
        (temporary / f"{NAME}.dzi").write_text(dzi, encoding="utf-8")
        page = (
            resources.files("singan_runtime").joinpath("deepzoom.html").read_text(encoding="utf-8")
        )
        facts = {
            "TITLE": title,
            "WIDTH": width,
            "HEIGHT": height,
            "TILE": TILE,
            "SUFFIX": SUFFIXES[format],
        }
        for key, value in facts.items():
            page = page.replace(f"%{key}%", str(value))
        (temporary / "index.html").write_text(page, encoding="utf-8")


@dataclass(frozen=True)
class _Tiles:
    """What the tiles of all levels have in common."""

    folder: Path
    sizes: list[Size]
    render: Render
    format: str
    background: tuple[int, int, int]

    def make(self, level: int, row: int, column: int) -> Image.Image:
        """Write a tile and all that it is made from; depth first, so that memory holds a few tiles per level."""
        rows, columns = (
            Span(place * TILE, min((place + 1) * TILE, side))
            for place, side in zip((row, column), self.sizes[level], strict=True)
        )
        if level == len(self.sizes) - 1:
            tile = images.to_pillow(self.render((rows, columns)))
        else:
            tile = self._four(level + 1, row, column).reduce(2)
        path = self.folder / str(level) / f"{column}_{row}.{SUFFIXES[self.format]}"
        pixels = np.asarray(tile).reshape(rows.length, columns.length, -1)
        images.save(path, pixels, self.format, self.background)
        return tile

    def _four(self, level: int, row: int, column: int) -> Image.Image:
        """The up to four tiles that one tile of the level above is made from, together."""
        height, width = self.sizes[level]
        across = range(2 * column, min(2 * column + 2, math.ceil(width / TILE)))
        rows = [
            [self.make(level, y, x) for x in across]
            for y in range(2 * row, min(2 * row + 2, math.ceil(height / TILE)))
        ]
        whole = Image.new(
            rows[0][0].mode,
            (sum(tile.width for tile in rows[0]), sum(line[0].height for line in rows)),
        )
        for y, line in enumerate(rows):
            for x, tile in enumerate(line):
                whole.paste(tile, (x * TILE, y * TILE))
        return whole
