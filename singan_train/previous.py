"""Previous-scale samples: what the fakes of a scale are made from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from singan_core import HALO, resample
from singan_core.cascade import with_halo
from singan_core.pyramid import Pyramid
from singan_core.windows import Step
from singan_train.frozen import FrozenPyramid, generated
from singan_train.run import Start, TrainedScale
from singan_train.scale import DrawPrev
from singan_train.views import Draw, Views, noise_mask, random, unit_noise

POOL_PIXELS = 16_000_000  # of all images of a pool together: bounds its memory on large canvases
LEAST = 8  # images of a pool, however large: the many windows in each make up for the few


def enlarged(image: Tensor, pyramid: Pyramid, scale: int) -> Tensor:
    """What a scale is given of an image of the scale below, (B, C, H, W): the same enlarged to its canvas.

    A continuation learns on the finest canvas: its images are shrunk first, by as much as it will enlarge.
    """
    size = pyramid.sizes[scale]
    if scale == len(pyramid.shapes):
        smaller = round(size[0] * pyramid.scale_factor), round(size[1] * pyramid.scale_factor)
        image = resample.resize(image, smaller)
    return resample.resize(image, size)


class Previous:
    """A pool of samples that climbs the pyramid with training.

    The samples of a scale are those of the scale below, passed through its generator once and enlarged: every scale
    costs one pass per sample where fresh ones would cost a whole cascade, and windows of a large canvas are slices.
    """

    def __init__(self, start: Start, device: torch.device) -> None:
        self.start = start
        self.scale = 0
        self.pool = torch.zeros((1, start.channels, *start.pyramid.shapes[0]), device=device)

    def at(self, scale: int, done: Sequence[TrainedScale]) -> DrawPrev:
        """What a scale draws its previous-scale samples with, given the finished scales below it."""
        if scale and not self.start.config.pool:
            return self._fresh(FrozenPyramid.of(self.start.pyramid, done), scale)
        while self.scale < scale:
            self.pool = self._climb(done[self.scale])
            self.scale += 1
        pool = [with_halo(self.pool[n : n + 1]) for n in range(len(self.pool))]

        def draw(views: Views, draw: Draw) -> Tensor:
            chosen = draw.positions.integers(len(pool), size=len(views.corners))
            return views.each([pool[n] for n in chosen], HALO)

        return draw

    def _climb(self, trained: TrainedScale) -> Tensor:
        """The pool (P, C, H, W) of the next scale, from that of this one and its trained generator."""
        start, facts, scale = self.start, trained.facts, self.scale + 1
        size = start.pyramid.sizes[scale]
        values = random(start.config, scale, -1, self.pool.device)
        mask = noise_mask(self.pool[:1], start.config.border)
        count = min(start.config.pool, max(LEAST, POOL_PIXELS // (size[0] * size[1])))
        made = []
        for n in range(count):
            prev = with_halo(self.pool[n % len(self.pool)][None])
            noise = (
                unit_noise(mask, start.channels, facts.noise_channels, values)
                * facts.noise_amplitude
            )
            made.append(enlarged(generated(trained.generator, noise, prev), start.pyramid, scale))
        return torch.cat(made)

    def _fresh(self, below: FrozenPyramid, scale: int) -> DrawPrev:
        """A new sample of the whole cascade every time, as the paper has it."""
        start = self.start

        def draw(views: Views, draw: Draw) -> Tensor:
            def unit(step: Step) -> Tensor:
                like = self.pool.new_empty((1, start.channels, *step.canvas))
                mask = noise_mask(like, start.config.border)
                return unit_noise(
                    mask, start.channels, below.noise_channels[step.index], draw.values
                )

            return views.of(with_halo(enlarged(below.sample(unit), start.pyramid, scale)), HALO)

        return draw
