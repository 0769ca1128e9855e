"""The finished scales as one torch cascade: previous-scale samples, reconstructions, and the reference of parity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from singan_core import cascade
from singan_core.pyramid import Pass, Pyramid
from singan_core.windows import Step
from singan_train.networks import Generator
from singan_train.run import TrainedScale

BLOCK = 1024  # px: larger canvases are drawn in parts, whose activations are what takes memory


@torch.no_grad()
def generated(generator: Generator, noise: Tensor, prev: Tensor) -> Tensor:
    """The image (B, C, H, W) of a trained generator from noise and prev (B, C, H+10, W+10)."""
    return cascade.in_blocks(generator, noise, prev, BLOCK)


class FrozenPyramid:
    """Generators of scales 0..n with their noise amplitudes; draws with torch on one device, never with gradients."""

    def __init__(
        self,
        pyramid: Pyramid,
        generators: Sequence[Generator],
        amplitudes: Sequence[float],
        noise_channels: Sequence[int],
    ) -> None:
        continuation = len(generators) > len(pyramid.shapes)
        self.pyramid = Pyramid(
            pyramid.shapes[: len(generators)], pyramid.scale_factor, continuation
        )
        self.passes = self.pyramid.passes
        self.generators = generators
        self.amplitudes = amplitudes
        self.noise_channels = noise_channels

    @classmethod
    def of(cls, pyramid: Pyramid, done: Sequence[TrainedScale]) -> FrozenPyramid:
        """The finished scales of a pyramid."""
        facts = [trained.facts for trained in done]
        amplitudes, channels = [f.noise_amplitude for f in facts], [f.noise_channels for f in facts]
        return cls(pyramid, [trained.generator for trained in done], amplitudes, channels)

    def generate(self, scale: int, noise: Tensor, prev: Tensor) -> Tensor:
        """One generator's image (B, C, H, W)."""
        return generated(self.generators[scale], noise, prev)

    def reconstruct(self, reconstruction_noise: Tensor) -> Tensor:
        """The photo as the pyramid knows it: z* (1, C, H0+10, W0+10) at scale 0 and no noise above."""

        def draw(step: Step) -> Tensor:
            if step.index == 0:
                return reconstruction_noise * self.amplitudes[0]
            height, width = step.canvas
            return reconstruction_noise.new_zeros(
                (1, reconstruction_noise.shape[1], height + 10, width + 10)
            )

        return cascade.run(self.passes, self.generate, draw)

    def sample(self, unit_noise: cascade.Draw, passes: Sequence[Pass] | None = None) -> Tensor:
        """A picture from unit noise per pass, on the trained canvases unless other passes are given."""

        def draw(step: Step) -> Tensor:
            return unit_noise(step) * self.amplitudes[step.generator]

        return cascade.run(self.passes if passes is None else passes, self.generate, draw)
