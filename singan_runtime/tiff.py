"""Pictures larger than memory, as tiled TIFF files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core import windows
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Pixels = NDArray[np.uint8]

TILE = 1024  # px, side of a tile of the file: each is drawn on its own, so memory holds one
BIG = 2**32 - 2**25  # bytes of pixels from which on a file has to be a BigTIFF


def regions(size: Size, region: Region | None = None) -> Iterator[Region]:
    """The tiles of a picture, or of a region of it, in the order of the file; those at the far edges are smaller."""
    rows, columns = region or windows.whole(size)
    for y, x in itertools.product(range(*rows, TILE), range(*columns, TILE)):
        yield Span(y, min(y + TILE, rows.stop)), Span(x, min(x + TILE, columns.stop))


def save(
    path: Path, size: Size, channels: int, tiles: Iterable[Pixels], description: str = ""
) -> None:
    """Write the tiles of regions(size), uint8 (h, w, C) each, as they come, whole or not at all.

    Deflate without loss. Raises InstallError without tifffile, OutputError if the file cannot be written.
    """
    tifffile = _tifffile()
    height, width = size
    with atomic_file(path) as temporary:
        tifffile.imwrite(
            temporary,
            (_padded(tile) for tile in tiles),
            shape=(height, width, channels) if channels > 1 else (height, width),
            dtype=np.uint8,
            tile=(TILE, TILE),
            bigtiff=height * width * channels > BIG,
            photometric="rgb" if channels > 1 else "minisblack",
            extrasamples=("unassalpha",) if channels == 4 else None,
            compression="zlib",
            predictor=True,
            description=description or None,
            metadata=None,
            software="singan",
        )


def _tifffile() -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise InstallError("TIFF files need tifffile; run: pip install 'singan[media]'") from error
    return tifffile


def _padded(tile: Pixels) -> Pixels:
    """A whole tile, as the format wants it, edge values repeated; grey without its channel axis."""
    height, width = tile.shape[:2]
    whole = np.pad(tile, ((0, TILE - height), (0, TILE - width), (0, 0)), mode="edge")
    return whole[..., 0] if whole.shape[2] == 1 else whole
