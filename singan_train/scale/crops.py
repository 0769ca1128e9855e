"""What a training step sees and draws: crops of the canvas, and noise from the iteration's seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from singan_core import HALO
from singan_core.cascade import pad_halo
from singan_train.config import TrainingConfig

BEFORE_THE_FIRST = -1
"""The iteration whose randomness initialises a scale."""


def seed_generator(
    config: TrainingConfig, scale: int, iteration: int, device: torch.device
) -> torch.Generator:
    """Make the random generator of one iteration, a function of (seed, scale, iteration) alone."""
    words = np.random.SeedSequence((config.seed, scale, iteration + 1)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(words[0] >> np.uint64(1)))


def make_noise_mask(canvas: Tensor, border: str) -> Tensor:
    """Return a mask (1, 1, H+10, W+10) that is 1 where an image (B, C, H, W) gets noise.

    The canvas always does; its halo does with the border mode `noise` only.
    """
    inside = pad_halo(torch.ones_like(canvas[:, :1]))
    return torch.ones_like(inside) if border == "noise" else inside


def open_sides(mask: Tensor, positions: np.random.Generator) -> Tensor:
    """Extend a noise mask (B, 1, h+10, w+10) beyond its left side, its right side or both.

    This is what the network sees in the middle of a wider canvas. Which sides is drawn at random.
    """
    sides, mask = int(positions.integers(1, 4)), mask.clone()
    if sides & 1:
        mask[..., :HALO] = mask[..., HALO : HALO + 1]
    if sides & 2:
        mask[..., -HALO:] = mask[..., -HALO - 1 : -HALO]
    return mask


def draw_unit_noise(
    mask: Tensor, channels: int, noise_channels: int, generator: torch.Generator
) -> Tensor:
    """Draw Gaussian noise (B, channels, h+10, w+10) where the mask (B, 1, h+10, w+10) is 1.

    With one noise channel all channels get the same noise.
    """
    shape = (len(mask), noise_channels, *mask.shape[2:])
    noise = torch.randn(shape, generator=generator, device=mask.device) * mask
    return noise.expand(-1, channels, -1, -1)


@dataclass(frozen=True)
class Randomness:
    """The random generators of one iteration.

    Values are drawn on the training device. Positions are drawn on the host, because slicing by
    numbers that lie on a GPU would wait for it.
    """

    values: torch.Generator
    positions: np.random.Generator

    @classmethod
    def for_iteration(
        cls, config: TrainingConfig, scale: int, iteration: int, device: torch.device
    ) -> Randomness:
        """Seed both generators by (seed, scale, iteration) alone."""
        positions = np.random.default_rng((config.seed, scale, iteration + 1))
        return cls(seed_generator(config, scale, iteration, device), positions)


class Crops:
    """The places that one step sees: a few squares of a large canvas, or the whole of a small one.

    The receptive field is 11 px, so a step needs no whole picture, and with crops its cost stops
    growing with the canvas. Positions beyond the edge are drawn too and moved onto it, so that the
    edges get their share.
    """

    def __init__(
        self, size: tuple[int, int], config: TrainingConfig, positions: np.random.Generator
    ) -> None:
        side = config.window
        self.size: tuple[int, int] = size
        self.corners = [(0, 0)]

        if config.has_crops(size):
            self.size = (side, side)
            self.corners = []
            for _ in range(config.windows):
                y, x = (int(positions.integers(-side // 2, n - side // 2 + 1)) for n in size)
                corner = (min(max(y, 0), size[0] - side), min(max(x, 0), size[1] - side))
                self.corners.append(corner)

    def cut(self, image: Tensor, halo: int = 0) -> Tensor:
        """Cut the crops (B, C, h, w) out of one image (1, C, H, W).

        With a halo, the image has it on every side, and so has every crop.
        """
        return self.cut_each([image] * len(self.corners), halo)

    def cut_each(self, images: Sequence[Tensor], halo: int = 0) -> Tensor:
        """Cut every crop out of an image of its own, in the same way as `cut`."""
        height, width = self.size[0] + 2 * halo, self.size[1] + 2 * halo
        parts = [
            image[..., y : y + height, x : x + width]
            for image, (y, x) in zip(images, self.corners, strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)
