"""The main colours of a picture, and pictures in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.errors import RequestError

Floats = NDArray[np.float32]

_ITERATIONS = 20  # of k-means: a few thousand pixels settle in fewer


def palette_of(image: Floats, colours: int) -> Floats:
    """The image's main colours (colours, C) by k-means, begun at the colours farthest from each other.

    Raises RequestError unless there are 2 or more, and no more than pixels.
    """
    values = image[0].reshape(image.shape[1], -1).T
    if not 2 <= colours <= len(values):
        raise RequestError(f"{colours} colours are not possible: ask for 2 to {len(values)}")
    centres = values.mean(axis=0, keepdims=True)
    for _ in range(colours):  # the mean only begins the search
        distances = ((values[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
        centres = np.concatenate([centres, values[distances.argmax()][None]])
    centres = centres[1:]
    for _ in range(_ITERATIONS):
        owner = ((values[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        groups = (values[owner == n] for n in range(colours))
        centres = np.stack(
            [
                group.mean(axis=0) if len(group) else centre
                for group, centre in zip(groups, centres, strict=True)
            ]
        )
    return centres


def nearest(image: Floats, palette: Floats) -> Floats:
    """The image with every pixel's colour replaced by the nearest of a palette (colours, C)."""
    owner = ((image[0, None] - palette[..., None, None]) ** 2).sum(axis=1).argmin(axis=0)
    return np.ascontiguousarray(palette[owner].transpose(2, 0, 1)[None])
