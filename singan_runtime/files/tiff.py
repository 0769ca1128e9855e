"""Tiled TIFF files, for pictures larger than memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import windows
from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError
from singan_core.metadata import Metadata
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

TILE = 1024  # px, side of a tile of the file: each is drawn on its own, so memory holds one
XMP_TAG, BYTES = 700, 1  # the tag and its type
BIG = 2**32 - 2**25  # bytes of pixels from which on a file has to be a BigTIFF


def list_tiles(size: Size, region: Region | None = None) -> Iterator[Region]:
    """Yield the tiles of a picture, or of a region of it, in the order of the file.

    Those at the far edges are smaller.
    """
    rows, columns = region or windows.cover_canvas(size)
    for y, x in itertools.product(range(*rows, TILE), range(*columns, TILE)):
        yield Span(y, min(y + TILE, rows.stop)), Span(x, min(x + TILE, columns.stop))


def write_tiles(
    path: Path,
    size: Size,
    channels: int,
    tiles: Iterable[Pixels],
    metadata: Metadata | None = None,
) -> None:
    """Write the tiles of regions(size), uint8 (h, w, C) each, as they come.

    The file is there as a whole or not at all. It is compressed by Deflate, without loss. Raises
    InstallError without tifffile, OutputError if the file cannot be written.
    """
    tifffile = import_tifffile()
    height, width = size
    xmp = metadata.to_xmp() if metadata else b""
    with atomic_file(path) as temporary:
        tifffile.imwrite(
            temporary,
            (_pad_tile(tile) for tile in tiles),
            shape=(height, width, channels) if channels > 1 else (height, width),
            dtype=np.uint8,
            tile=(TILE, TILE),
            bigtiff=height * width * channels > BIG,
            photometric="rgb" if channels > 1 else "minisblack",
            extrasamples=("unassalpha",) if channels == 4 else None,
            compression="zlib",
            predictor=True,
            description=metadata.record if metadata else None,
            extratags=[(XMP_TAG, BYTES, len(xmp), xmp, True)] if xmp else [],
            metadata=None,
            software="singan" if metadata else False,
        )


def import_tifffile() -> Any:
    """Import tifffile. Raises InstallError."""
    try:
        import tifffile
    except ImportError as error:
        raise InstallError(
            "TIFF files need tifffile; run: pip install tifffile (singan's extra media)"
        ) from error
    return tifffile


def _pad_tile(tile: Pixels) -> Pixels:
    """Repeat a tile's edges up to the full size that the format wants.

    A grey tile loses its channel axis.
    """
    height, width = tile.shape[:2]
    whole = np.pad(tile, ((0, TILE - height), (0, TILE - width), (0, 0)), mode="edge")
    return whole[..., 0] if whole.shape[2] == 1 else whole
