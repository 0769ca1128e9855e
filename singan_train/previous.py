"""Previous-scale samples: what the fakes of a scale are made from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from singan_core import HALO, resample
from singan_core.cascade import with_halo
from singan_core.windows import Step
from singan_train.frozen import FrozenPyramid
from singan_train.run import Start, TrainedScale
from singan_train.scale import DrawPrev
from singan_train.views import Draw, Views, noise_mask, random, unit_noise

POOL_PIXELS = 16_000_000  # of all images of a pool together: bounds its memory on large canvases
LEAST = 8  # images of a pool, however large: the many windows in each make up for the few


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
            return self._fresh(FrozenPyramid.of(self.start.pyramid, done), self.start.pyramid.shapes[scale])
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
        start, facts, size = self.start, trained.facts, self.start.pyramid.shapes[self.scale + 1]
        values = random(start.config, self.scale + 1, -1, self.pool.device)
        mask = noise_mask(self.pool[:1], start.config.border)
        count = min(start.config.pool, max(LEAST, POOL_PIXELS // (size[0] * size[1])))
        made = []
        for n in range(count):
            prev = with_halo(self.pool[n % len(self.pool)][None])
            noise = unit_noise(mask, start.channels, facts.noise_channels, values) * facts.noise_amplitude
            with torch.no_grad():
                made.append(resample.resize(trained.generator(noise, prev), size))
        return torch.cat(made)

    def _fresh(self, below: FrozenPyramid, size: tuple[int, int]) -> DrawPrev:
        """A new sample of the whole cascade every time, as the paper has it."""
        start = self.start

        def draw(views: Views, draw: Draw) -> Tensor:
            def unit(step: Step) -> Tensor:
                like = self.pool.new_empty((1, start.channels, *step.canvas))
                mask = noise_mask(like, start.config.border)
                return unit_noise(mask, start.channels, below.noise_channels[step.index], draw.values)

            return views.of(with_halo(resample.resize(below.sample(unit), size)), HALO)

        return draw
