"""A photograph-like texture without a photographer: a beach of pebbles, computed from a seed.

The picture is dedicated to the public domain (CC0 1.0), so that models of it may be passed on
without credits.

Usage: python examples/pebbles.py FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.float64]

HEIGHT, WIDTH = 900, 1350  # px
CELL = 56  # px, mean distance between two stones
REACH = 3  # cells around a pixel in which its stones are looked for
SEED = 7
COLOURS = np.array(
    [
        (0.56, 0.54, 0.51),
        (0.44, 0.45, 0.47),
        (0.68, 0.53, 0.38),
        (0.22, 0.23, 0.27),
        (0.82, 0.79, 0.73),
        (0.50, 0.31, 0.24),
        (0.45, 0.50, 0.49),
    ]
)
"""Of dry stones: granite, slate, sandstone, basalt, quartz, brick and schist; linear, 0 to 1."""
LIGHT = np.array((-0.45, -0.62, 0.64))  # right, down, towards the eye


def draw_noise(rng: np.random.Generator, cell: float) -> Values:
    """Draw smooth noise (H, W) from -1 to 1, whose bumps are about `cell` px across."""
    small = rng.uniform(-1, 1, (int(HEIGHT / cell) + 3, int(WIDTH / cell) + 3))
    image = Image.fromarray(small.astype(np.float32))
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float64)


def add_octaves(rng: np.random.Generator, *cells: float) -> Values:
    """Add noises of several sizes, each as strong as the square root of its share of the first."""
    noises = [draw_noise(rng, cell) * (cell / cells[0]) ** 0.5 for cell in cells]
    return np.sum(noises, axis=0)


def find_stones(rng: np.random.Generator) -> tuple[NDArray[np.intp], Values]:
    """Find the stone of every pixel, and how far inside it the pixel lies, 0 at its rim.

    Stones are ellipses around jittered points of a grid. A pixel belongs to the one whose own
    measure of distance is the least, and lies inside by how much the next one is farther.
    """
    rows, columns = HEIGHT // CELL + 2 * REACH + 1, WIDTH // CELL + 2 * REACH + 1
    jitter = rng.uniform(-0.42, 0.42, (rows, columns, 2))
    size = rng.uniform(0.8, 1.3, (rows, columns))
    angle = rng.normal(0.25, 0.4, (rows, columns))
    flatness = rng.uniform(1.0, 1.3, (rows, columns))

    bend = np.stack([draw_noise(rng, 40), draw_noise(rng, 40)]) * 5
    y, x = np.mgrid[:HEIGHT, :WIDTH] + bend
    row, column = (np.floor(at / CELL).astype(np.intp).clip(0) for at in (y, x))
    nearest, second = np.full((2, HEIGHT, WIDTH), np.inf)
    stone = np.zeros((HEIGHT, WIDTH), np.intp)

    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            r, c = (row + down).clip(max=rows - 1), (column + right).clip(max=columns - 1)
            dy = y - (r - REACH + 0.5 + jitter[r, c, 0]) * CELL
            dx = x - (c - REACH + 0.5 + jitter[r, c, 1]) * CELL
            turn, wide = angle[r, c], flatness[r, c]
            along = (np.cos(turn) * dx + np.sin(turn) * dy) / wide
            across = (np.cos(turn) * dy - np.sin(turn) * dx) * wide
            distance = np.hypot(along, across) / size[r, c]

            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            stone = np.where(closer, r * columns + c, stone)
            nearest = np.minimum(nearest, distance)
    return stone, second - nearest


def shade(height: Values, gap: Values) -> Values:
    """Shade a relief (H, W) by light from the upper left; gaps between stones get little of it."""
    down, right = np.gradient(height)
    normal = np.stack([-right, -down, np.ones_like(height)])
    normal /= np.linalg.norm(normal, axis=0)
    direct = np.tensordot(LIGHT / np.linalg.norm(LIGHT), normal, 1).clip(0)
    return (0.36 + 0.86 * direct) * gap


def draw_pebbles() -> NDArray[np.uint8]:
    """Draw the beach, uint8 (H, W, 3)."""
    rng = np.random.default_rng(SEED)
    stone, inside = find_stones(rng)
    rounded = 1 - (1 - (inside / 20).clip(0, 1)) ** 2.2
    grain = add_octaves(rng, 3, 1.5, 1)
    height = 15 * rounded + 0.28 * grain + 0.8 * draw_noise(rng, 14)

    count = int(stone.max()) + 1
    mix = rng.dirichlet(np.full(len(COLOURS), 0.14), count) @ COLOURS
    mix *= rng.uniform(0.72, 1.22, (count, 1))
    speckled = rng.uniform(0.02, 0.14, count)[stone]
    marbled = rng.uniform(0.0, 0.16, count)[stone]
    surface = 1 + speckled * grain + marbled * add_octaves(rng, 34, 17, 8)

    colour = (
        mix[stone] * (surface * shade(height, 0.16 + 0.84 * (inside / 8).clip(0, 1)))[..., None]
    )
    sand = np.array((0.20, 0.17, 0.14)) * (1 + 0.3 * grain)[..., None]
    cover = (inside / 2.5).clip(0, 1)[..., None]
    light = (cover * colour + (1 - cover) * sand).clip(0, 1)
    return np.rint(255 * light ** (1 / 1.9)).astype(np.uint8)


def main(path: Path) -> None:
    """Write the picture as a JPEG."""
    Image.fromarray(draw_pebbles()).save(path, quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
