"""What a finished scale looks like: the photo, its reconstruction, and a contact sheet of both with random samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from singan_core import images, noise, pyramid
from singan_core.pyramid import Pass
from singan_core.windows import Step
from singan_train.frozen import FrozenPyramid
from singan_train.run import Start

Pixels = NDArray[np.uint8]

TILE = 240  # px: smaller pictures are enlarged by a whole number to about this width
GAP = 4  # px between pictures of the sheet
FAKES = 4


def pictures(frozen: FrozenPyramid, start: Start, z: Tensor, real: Tensor) -> dict[str, Pixels]:
    """real, reconstruction and sheet of the newest scale; fake k is the picture of seed k."""
    height, width = frozen.pyramid.finest
    zoom = 2 if frozen.pyramid.continuation else 1  # a continuation shows at larger sizes only
    passes = pyramid.fit(frozen.pyramid, (zoom * height, zoom * width), zoom).passes
    wide = pyramid.fit(frozen.pyramid, (height, 2 * width), 1.0).passes
    shown, reconstruction = _pixels(real, start), _pixels(frozen.reconstruct(z), start)
    fakes = [_pixels(fake(frozen, start, seed, passes, real), start) for seed in range(FAKES)]
    rows = [
        [shown, reconstruction],
        fakes[:2],
        fakes[2:],
        [_pixels(fake(frozen, start, FAKES, wide, real), start)],
    ]
    return {"real": shown, "reconstruction": reconstruction, "sheet": sheet(rows)}


def fake(
    frozen: FrozenPyramid, start: Start, seed: int, passes: Sequence[Pass], like: Tensor
) -> Tensor:
    """The picture of a seed, (1, C, H, W), drawn from the noise field as the runtime draws it."""

    def unit_noise(step: Step) -> Tensor:
        channels = frozen.noise_channels[step.generator]
        values = noise.of_canvas(seed, step.index, 0, channels, step.canvas, start.config.border)
        return torch.from_numpy(values)[None].expand(-1, start.channels, -1, -1).to(like.device)

    return frozen.sample(unit_noise, passes)


def _pixels(image: Tensor, start: Start) -> Pixels:
    """uint8 (H, W, C) without the labels."""
    shown = image[:, : start.picture_channels]
    return images.to_pixels(np.ascontiguousarray(shown.cpu().numpy()))[0]


def sheet(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """The pictures, uint8 (h, w, C) each, in rows on white, enlarged by a whole number if they are small."""
    factor = max(1, TILE // rows[0][0].shape[1])
    tiles = [
        [images.to_pillow(images.flatten(tile, (255, 255, 255))) for tile in row] for row in rows
    ]
    tiles = [
        [
            tile.resize((tile.width * factor, tile.height * factor), Image.Resampling.NEAREST)
            for tile in row
        ]
        for row in tiles
    ]
    width = max(sum(tile.width + GAP for tile in row) for row in tiles) - GAP
    height = sum(row[0].height + GAP for row in tiles) - GAP
    whole = Image.new("RGB", (width, height), "white")
    top = 0
    for row in tiles:
        left = 0
        for tile in row:
            whole.paste(tile, (left, top))
            left += tile.width + GAP
        top += row[0].height + GAP
    return np.asarray(whole)
