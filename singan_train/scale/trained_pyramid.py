"""The finished scales as one cascade in PyTorch.

It draws previous-scale samples and reconstructions, and is what exported graphs are compared with.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from singan_core import HALO, cascade
from singan_core.pyramid import Pass, Pyramid
from singan_core.windows import Step
from singan_train.run.folder import TrainedScale
from singan_train.scale.networks import Generator

BLOCK = 1024  # px: larger canvases are drawn in parts, since activations are what takes memory


@torch.no_grad()
def generate_image(generator: Generator, noise: Tensor, prev: Tensor) -> Tensor:
    """Draw the image (B, C, H, W) of a trained generator from noise and prev (B, C, H+10, W+10)."""
    return cascade.generate_in_blocks(generator, noise, prev, BLOCK)


class TrainedPyramid:
    """Trained generators of scales 0 to n with their noise amplitudes.

    They draw with PyTorch on the device that they lie on, without gradients.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        generators: Sequence[Generator],
        amplitudes: Sequence[float],
        noise_channels: Sequence[int],
    ) -> None:
        continuation = len(generators) > len(pyramid.shapes)
        shapes = pyramid.shapes[: len(generators)]
        self.pyramid = Pyramid(shapes, pyramid.scale_factor, continuation)
        self.passes = self.pyramid.passes
        self.generators = generators
        self.amplitudes = amplitudes
        self.noise_channels = noise_channels

    @classmethod
    def from_scales(cls, pyramid: Pyramid, done: Sequence[TrainedScale]) -> TrainedPyramid:
        """Make a trained pyramid of the finished scales."""
        return cls(
            pyramid,
            [trained.generator for trained in done],
            [trained.metadata.noise_amplitude for trained in done],
            [trained.metadata.noise_channels for trained in done],
        )

    def to_double(self) -> TrainedPyramid:
        """Copy the pyramid with its generators in double precision."""
        generators = [copy.deepcopy(generator).double() for generator in self.generators]
        return TrainedPyramid(self.pyramid, generators, self.amplitudes, self.noise_channels)

    def generate(self, scale: int, noise: Tensor, prev: Tensor) -> Tensor:
        """Draw one generator's image (B, C, H, W)."""
        return generate_image(self.generators[scale], noise, prev)

    def reconstruct(self, reconstruction_noise: Tensor) -> Tensor:
        """Draw the photo as the generators know it, (1, C, H, W).

        Scale 0 gets z* (1, C, H0+10, W0+10) times its amplitude; the scales above get no noise.
        """

        def draw_noise(step: Step) -> Tensor:
            if step.index == 0:
                return reconstruction_noise * self.amplitudes[0]
            channels, (height, width) = reconstruction_noise.shape[1], step.canvas
            shape = (1, channels, height + 2 * HALO, width + 2 * HALO)
            return reconstruction_noise.new_zeros(shape)

        return cascade.run(self.passes, self.generate, draw_noise)

    def sample(self, draw_unit: cascade.Draw, passes: Sequence[Pass] | None = None) -> Tensor:
        """Draw a picture (B, C, H, W), draw_unit giving the unit noise of every pass.

        Without passes it has the trained canvases.
        """

        def draw_noise(step: Step) -> Tensor:
            return draw_unit(step) * self.amplitudes[step.generator]

        return cascade.run(self.passes if passes is None else passes, self.generate, draw_noise)
