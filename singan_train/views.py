"""Where training looks and what randomness it uses: windows of a canvas, noise, and the seed of every iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from singan_core import HALO
from singan_core.cascade import with_halo
from singan_train.config import TrainingConfig


def random(
    config: TrainingConfig, scale: int, iteration: int, device: torch.device
) -> torch.Generator:
    """The randomness of one iteration, a function of (seed, scale, iteration) alone; -1 is what precedes the first."""
    words = np.random.SeedSequence((config.seed, scale, iteration + 1)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(words[0] >> np.uint64(1)))


def noise_mask(canvas: Tensor, border: str) -> Tensor:
    """(1, 1, H+10, W+10): 1 where an image like the canvas gets noise, which beyond it the border mode says."""
    inside = with_halo(torch.ones_like(canvas[:, :1]))
    return torch.ones_like(inside) if border == "noise" else inside


def opened(mask: Tensor, positions: np.random.Generator) -> Tensor:
    """The mask (B, 1, h+10, w+10) of a canvas that goes on to the left, to the right or to both sides, at random."""
    sides, mask = int(positions.integers(1, 4)), mask.clone()
    if sides & 1:
        mask[..., :HALO] = mask[..., HALO : HALO + 1]
    if sides & 2:
        mask[..., -HALO:] = mask[..., -HALO - 1 : -HALO]
    return mask


def unit_noise(
    mask: Tensor, channels: int, noise_channels: int, generator: torch.Generator
) -> Tensor:
    """Gaussian noise (B, channels, h+10, w+10) where the mask (B, 1, h+10, w+10) is 1; one channel is repeated."""
    shape = (len(mask), noise_channels, *mask.shape[2:])
    noise = torch.randn(shape, generator=generator, device=mask.device) * mask
    return noise.expand(-1, channels, -1, -1)


@dataclass(frozen=True)
class Draw:
    """The randomness of one iteration: generators of values (device) and of positions (host, so nothing waits)."""

    values: torch.Generator
    positions: np.random.Generator

    @classmethod
    def of(cls, config: TrainingConfig, scale: int, iteration: int, device: torch.device) -> Draw:
        """A function of (seed, scale, iteration) alone."""
        positions = np.random.default_rng((config.seed, scale, iteration + 1))
        return cls(random(config, scale, iteration, device), positions)


class Views:
    """Where one step looks: a few square windows of a large canvas, or the whole of a small one.

    The receptive field is 11 px, so a step needs no whole picture; with windows its cost stops growing with the
    canvas. Positions beyond the edge are drawn too and moved onto it, which gives the edges their share.
    """

    def __init__(
        self, size: tuple[int, int], config: TrainingConfig, positions: np.random.Generator
    ) -> None:
        side = config.window
        self.size: tuple[int, int] = size
        self.corners = [(0, 0)]
        if config.uses_windows(size):
            reach = [(-side // 2, length - side // 2 + 1) for length in size]
            drawn = [
                [int(positions.integers(*reach[axis])) for axis in (0, 1)]
                for _ in range(config.windows)
            ]
            self.corners = [
                (min(max(y, 0), size[0] - side), min(max(x, 0), size[1] - side)) for y, x in drawn
            ]
            self.size = (side, side)

    def of(self, image: Tensor, halo: int = 0) -> Tensor:
        """The windows (B, C, h, w) of an image (1, C, H, W), or with halo of one that has it on every side."""
        return self.each([image] * len(self.corners), halo)

    def each(self, images: Sequence[Tensor], halo: int = 0) -> Tensor:
        """The same of an image of its own for every window."""
        height, width = self.size[0] + 2 * halo, self.size[1] + 2 * halo
        parts = [
            image[..., y : y + height, x : x + width]
            for image, (y, x) in zip(images, self.corners, strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)
