"""The main colours of a picture, and pictures in them."""

from __future__ import annotations

import numpy as np

from singan_core.arrays import Floats
from singan_core.limits import read_whole

MOST_COLOURS = 256
_ITERATIONS = 20  # of k-means: a few thousand pixels settle in fewer


def find_palette(image: Floats, colours: int) -> Floats:
    """Find the main colours (colours, C) of an image (1, C, H, W) by k-means.

    The search begins at the colours farthest from each other. Raises RequestError unless there are
    2 to 256, and no more than pixels.
    """
    values = image[0].reshape(image.shape[1], -1).T
    colours = read_whole(colours, "colours", 2, min(MOST_COLOURS, len(values)))

    # The mean begins the search for the farthest colours, but is none of them.
    centres = values.mean(axis=0, keepdims=True)
    for _ in range(colours):
        farthest = _measure_squares(values, centres).min(axis=1).argmax()
        centres = np.concatenate([centres, values[farthest][None]])
    centres = centres[1:]

    for _ in range(_ITERATIONS):
        owner = _measure_squares(values, centres).argmin(axis=1)
        groups = (values[owner == number] for number in range(colours))
        moved = [
            group.mean(axis=0) if len(group) else centre
            for group, centre in zip(groups, centres, strict=True)
        ]
        centres = np.stack(moved)
    return centres


def _measure_squares(values: Floats, centres: Floats) -> Floats:
    """Measure the squared distance from every value (n, C) to every centre (m, C): (n, m)."""
    return ((values[:, None] - centres) ** 2).sum(axis=2)


def recolour(image: Floats, palette: Floats) -> Floats:
    """Replace every colour in an image (1, C, H, W) by the nearest of a palette (colours, C)."""
    owner = ((image[0, None] - palette[..., None, None]) ** 2).sum(axis=1).argmin(axis=0)
    return np.ascontiguousarray(palette[owner].transpose(2, 0, 1)[None])
