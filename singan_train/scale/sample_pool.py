"""Previous-scale samples: what the fakes of a scale are made from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from singan_core import HALO, resample
from singan_core.cascade import pad_halo
from singan_core.pyramid import Pyramid
from singan_core.windows import Step
from singan_train.run.folder import TrainedScale
from singan_train.run.header import RunHeader
from singan_train.scale.crops import (
    BEFORE_THE_FIRST,
    Crops,
    Randomness,
    draw_unit_noise,
    make_noise_mask,
    seed_generator,
)
from singan_train.scale.trained_pyramid import TrainedPyramid, generate_image
from singan_train.scale.training import DrawPrev

POOL_PIXELS = 16_000_000  # of all images of a pool together: bounds its memory on large canvases
LEAST = 8  # images of a pool, however large: the many crops of each make up for the few


def enlarge(image: Tensor, pyramid: Pyramid, scale: int) -> Tensor:
    """Enlarge an image (B, C, H, W) of the scale below to the canvas of a scale.

    A continuation learns on the finest canvas: its images are first shrunk by as much as it will
    enlarge.
    """
    size = pyramid.sizes[scale]
    if pyramid.is_continuation(scale):
        smaller = round(size[0] * pyramid.scale_factor), round(size[1] * pyramid.scale_factor)
        image = resample.resize(image, smaller)
    return resample.resize(image, size)


class SamplePool:
    """A pool of samples that climbs the pyramid with training.

    The samples of a scale are those of the scale below, passed through its generator once and
    enlarged. So every scale costs one pass per sample, where fresh samples would cost a whole
    cascade, and crops of a large canvas are slices.
    """

    def __init__(self, header: RunHeader, device: torch.device) -> None:
        self.header = header
        self.scale = 0
        self.images = torch.zeros((1, header.channels, *header.pyramid.shapes[0]), device=device)

    def climb_to(self, scale: int, done: Sequence[TrainedScale]) -> DrawPrev:
        """Climb to a scale and return what draws its previous-scale samples.

        done are the finished scales below it. Without a pool (config.pool 0) every sample is drawn
        by the whole cascade, as in the paper.
        """
        if scale and not self.header.config.pool:
            return self._draw_fresh(TrainedPyramid.from_scales(self.header.pyramid, done), scale)
        while self.scale < scale:
            self.images = self._climb(done[self.scale])
            self.scale += 1

        pool = [pad_halo(self.images[n : n + 1]) for n in range(len(self.images))]

        def draw_prev(crops: Crops, randomness: Randomness) -> Tensor:
            choice = randomness.positions.integers(len(pool), size=len(crops.corners))
            return crops.cut_each([pool[n] for n in choice], HALO)

        return draw_prev

    def _climb(self, trained: TrainedScale) -> Tensor:
        """Make the images (P, C, H, W) of the next scale from those of this one."""
        header, metadata, scale = self.header, trained.metadata, self.scale + 1
        size = header.pyramid.sizes[scale]
        values = seed_generator(header.config, scale, BEFORE_THE_FIRST, self.images.device)
        mask = make_noise_mask(self.images[:1], header.config.border)
        count = min(header.config.pool, max(LEAST, POOL_PIXELS // (size[0] * size[1])))

        images = []
        for n in range(count):
            prev = pad_halo(self.images[n % len(self.images)][None])
            unit = draw_unit_noise(mask, header.channels, metadata.noise_channels, values)
            image = generate_image(trained.generator, unit * metadata.noise_amplitude, prev)
            images.append(enlarge(image, header.pyramid, scale))
        return torch.cat(images)

    def _draw_fresh(self, below: TrainedPyramid, scale: int) -> DrawPrev:
        """Return what draws a new sample with the whole cascade at every call."""
        header = self.header

        def draw_prev(crops: Crops, randomness: Randomness) -> Tensor:
            def draw_unit(step: Step) -> Tensor:
                canvas = self.images.new_empty((1, header.channels, *step.canvas))
                mask = make_noise_mask(canvas, header.config.border)
                channels = below.noise_channels[step.index]
                return draw_unit_noise(mask, header.channels, channels, randomness.values)

            sample = enlarge(below.sample(draw_unit), header.pyramid, scale)
            return crops.cut(pad_halo(sample), HALO)

        return draw_prev
