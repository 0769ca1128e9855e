"""How a finished scale looks: the photo, its reconstruction, and a sheet of both with samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from singan_core import fitting, images, noise
from singan_core.arrays import Pixels
from singan_core.pyramid import Pass
from singan_core.windows import Step
from singan_train.run.header import RunHeader
from singan_train.scale.trained_pyramid import TrainedPyramid

TILE = 240  # px: smaller pictures are enlarged by a whole number to about this width
GAP = 4  # px between pictures of the sheet
FAKES = 4


def draw_pictures(
    trained: TrainedPyramid, header: RunHeader, z: Tensor, real: Tensor
) -> dict[str, Pixels]:
    """Draw the real picture, the reconstruction and the sheet of the newest scale.

    The sheet has both, the samples of seeds 0 to 3, and a wide one of seed 4.
    """
    height, width = trained.pyramid.finest
    zoom = 2 if trained.pyramid.continuation else 1  # a continuation shows at larger sizes only
    passes = fitting.fit(trained.pyramid, (zoom * height, zoom * width), zoom).passes
    wide_passes = fitting.fit(trained.pyramid, (height, 2 * width), 1.0).passes

    photo = _to_pixels(real, header)
    reconstruction = _to_pixels(trained.reconstruct(z), header)
    fakes = []
    for seed in range(FAKES):
        fakes.append(_to_pixels(draw_fake(trained, header, seed, passes, real.device), header))
    wide = _to_pixels(draw_fake(trained, header, FAKES, wide_passes, real.device), header)

    rows = [[photo, reconstruction], fakes[:2], fakes[2:], [wide]]
    return {"real": photo, "reconstruction": reconstruction, "sheet": lay_out_sheet(rows)}


def draw_fake(
    trained: TrainedPyramid,
    header: RunHeader,
    seed: int,
    passes: Sequence[Pass],
    device: torch.device,
) -> Tensor:
    """Draw the picture of a seed, (1, C, H, W), from the noise that the runtime would use."""

    def draw_unit(step: Step) -> Tensor:
        channels = trained.noise_channels[step.generator]
        values = noise.draw_for_canvas(
            seed, step.index, 0, channels, step.canvas, header.config.border
        )
        return torch.from_numpy(values)[None].expand(-1, header.channels, -1, -1).to(device)

    return trained.sample(draw_unit, passes)


def _to_pixels(image: Tensor, header: RunHeader) -> Pixels:
    """Turn an image (1, C, H, W) into pixels (H, W, C) without the labels."""
    colours = image[:, : header.picture_channels]
    return images.to_pixels(np.ascontiguousarray(colours.cpu().numpy()))[0]


def lay_out_sheet(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Lay out pictures (h, w, C) in rows on white, small ones enlarged by a whole number."""
    factor = max(1, TILE // rows[0][0].shape[1])
    tiles = [[_make_tile(pixels, factor) for pixels in row] for row in rows]
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


def _make_tile(pixels: Pixels, factor: int) -> Image.Image:
    """Put a picture on white and enlarge it by a whole number."""
    tile = images.to_pillow(images.flatten(pixels, (255, 255, 255)))
    return tile.resize((tile.width * factor, tile.height * factor), Image.Resampling.NEAREST)
