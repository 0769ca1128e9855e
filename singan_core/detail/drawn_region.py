"""A region of a canvas that has been drawn, and how regions lie in each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail.maps import Map
from singan_core.pyramid import Size
from singan_core.windows import Region, Wrap


@dataclass(frozen=True)
class DrawnRegion:
    """A region of a level's canvas: its picture and its map."""

    region: Region
    pixels: Pixels  # (h, w, C), colours straight
    map: Map

    def cut(self, region: Region) -> DrawnRegion:
        """Cut out a smaller region."""
        inside = locate(self.region, region)
        top, left = region[0].start, region[1].start
        found = Map(self.map.rows[inside], self.map.columns[inside], top, left)
        return DrawnRegion(region, np.ascontiguousarray(self.pixels[inside]), found)


def grow(region: Region, reach: int, canvas: Size, wrap: Wrap) -> Region:
    """Add so many pixels around a region, as far as the canvas goes.

    On a periodic axis the region may become longer than one turn.
    """
    rows, columns = (
        span.grow(reach) if periodic else span.grow(reach).clip(length, False)
        for span, length, periodic in zip(region, canvas, wrap, strict=True)
    )
    return rows, columns


def locate(have: Region, want: Region) -> tuple[slice, slice]:
    """Find the slices of a region that hold a smaller one."""
    rows, columns = (
        slice(inner.start - outer.start, inner.stop - outer.start)
        for outer, inner in zip(have, want, strict=True)
    )
    return rows, columns
