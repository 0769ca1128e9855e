"""How the work of drawing is shared among threads: pictures side by side, or the tiles of one."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from singan_core import windows
from singan_core.arrays import Pixels
from singan_core.pyramid import Size
from singan_core.windows import Region

Paint = Callable[[Region, Pixels], None]
"""What draws a tile of a picture into an array, uint8 (h, w, channels)."""

TILE = 960  # px: a larger picture is drawn in parts, so that memory stays bounded
SMALLEST_TILE = 96  # px: smaller parts would be mostly halo


def draw_in_order(draw: Callable[[int], Pixels], count: int, threads: int) -> Iterator[Pixels]:
    """Draw picture 0, 1, ... side by side and yield them in order.

    At most one more than there are threads waits to be taken. A thread with a picture of its own
    has no halo to share with its neighbour, as the tiles of one picture would have.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Pixels]] = deque()
        try:
            for number in range(count):
                waiting.append(pool.submit(draw, number))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def draw_tiles(paint: Paint, region: Region, channels: int, threads: int) -> Pixels:
    """Draw a region of a picture, uint8 (h, w, channels), tile by tile, each thread at one."""
    (top, bottom), (left, right) = region
    pixels = np.empty((bottom - top, right - left, channels), np.uint8)

    def draw_tile(tile: Region) -> None:
        rows, columns = (
            slice(span.start - start, span.stop - start)
            for span, start in zip(tile, (top, left), strict=True)
        )
        paint(tile, pixels[rows, columns])

    tiles = list(windows.cut_tiles(region, *choose_grid((bottom - top, right - left), threads)))
    if threads == 1 or len(tiles) == 1:
        for tile in tiles:
            draw_tile(tile)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw_tile, tiles))
    return pixels


def choose_grid(size: Size, threads: int) -> tuple[int, int]:
    """Choose how many tiles (down, across) a picture is drawn in.

    There is one for each thread, unless tiles would be mostly halo or too large. Of the grids with
    so many tiles, the one with the shortest cuts is chosen: what lies along them is drawn twice.
    """
    height, width = size
    most_down, most_across = (max(1, min(threads, side // SMALLEST_TILE)) for side in size)
    grids = itertools.product(range(1, most_down + 1), range(1, most_across + 1))
    fair = [(down, across) for down, across in grids if down * across <= threads]

    down, across = max(
        fair, key=lambda grid: (grid[0] * grid[1], -(grid[0] * width + grid[1] * height))
    )
    return max(down, math.ceil(height / TILE)), max(across, math.ceil(width / TILE))


def run_together(chores: list[Callable[[], object]], threads: int) -> None:
    """Run chores, as many at once as there are threads."""
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(chore) for chore in chores]:
            future.result()
