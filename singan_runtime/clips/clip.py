"""A clip whose frames can be drawn in any order: their noise is a function of their number."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from singan_core import HALO, cascade, windows
from singan_core.arrays import Floats, Pixels
from singan_core.noise import RECONSTRUCTION_FRAME
from singan_core.pyramid import Size
from singan_core.windows import Region, Step
from singan_core.zooms import Zoom
from singan_runtime.clips.motion import Motion
from singan_runtime.clips.walk import Walk, check, choose_harmonics, weigh_photo
from singan_runtime.objects import Keep
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler

LONGER_SIDE = 640  # px of a clip with detail, unless told otherwise
FIELD_MEMORY = 10**9
"""Bytes of noise fields kept from frame to frame; further ones are made anew for every frame."""


class Clip:
    """An animation whose noise mixes fixed noise fields by cosines and sines of the frame's number.

    Source: the spectrum of SinGAN's random walk (supplementary section 5); its sampling by
    harmonics is ours, docs/animation.md.
    """

    def __init__(
        self,
        sampler: Sampler,
        walk: Walk,
        size: Size | None = None,
        zoom: Zoom = "auto",
        keep: tuple[Keep, ...] = (),
    ) -> None:
        """Fit the picture and make the noise fields. Raises RequestError."""
        check(walk)
        self.sampler, self.walk = sampler, walk
        self.picture = make_picture(sampler, walk, size, zoom, keep)
        self.harmonics = choose_harmonics(walk)
        self._fields = self._make_fields()

        self._first = 0
        if walk.loop and walk.start_scale == 0:
            self._first = self._find_calmest()
        self._motion = (
            Motion(sampler, self.picture, self.mix_noise(0)) if self.picture.fit else None
        )

    def draw_frame(self, number: int) -> Pixels:
        """Draw frame 0 or a later one, uint8 (h, w, C), by the calling thread alone."""
        if self._motion is not None:
            return self._motion.draw_frame(self.mix_noise(number))
        return self.sampler.draw_from_noise(self.picture, self.mix_noise(number), threads=1)

    def mix_noise(self, number: int) -> cascade.Draw:
        """Return what draws the unit noise of a frame for a step of the cascade."""
        weights = self._weigh_fields(number)

        def draw(step: Step) -> Floats:
            # Only the coarsest scale has z*, whose weight comes first.
            wanted = weights if step.index == 0 else weights[1:]
            height, width = step.size
            shape = (1, self.sampler.manifest.channels, height + 2 * HALO, width + 2 * HALO)
            total = np.zeros(shape, np.float32)
            term = np.empty_like(total)
            for weight, field in zip(wanted, self._find_fields(step), strict=True):
                total += np.multiply(field, weight, out=term)
            return total

        return draw

    def _weigh_fields(self, number: int) -> list[np.float32]:
        """Compute the weights of all noise fields in a frame: of z*, then two of every harmonic."""
        weights = [np.float32(weigh_photo(self.walk))]
        for k, amplitude in self.harmonics:
            # The remainder of whole numbers is exact, however large the number.
            turned = k * (number + self._first) % self.walk.period
            angle = 2 * np.pi * turned / self.walk.period
            weights.append(np.float32(amplitude * np.cos(angle)))
            weights.append(np.float32(amplitude * np.sin(angle)))
        return weights

    def _make_fields(self) -> dict[int, list[Floats]]:
        """Make the noise fields of whole scales, coarse ones first, as far as the memory allows."""
        sampler, made = self.sampler, {}
        left = FIELD_MEMORY

        with ThreadPoolExecutor(sampler.graphs.threads) as pool:
            for step in windows.plan_whole_picture(self.picture.passes):
                draws = self._list_draws(step)
                height, width = step.size
                values = sampler.manifest.noise_channels[step.generator]
                values *= (height + 2 * HALO) * (width + 2 * HALO)
                left -= 4 * len(draws) * values
                if left < 0:
                    break
                made[step.index] = list(pool.map(lambda draw, step=step: draw(step), draws))
        return made

    def _find_fields(self, step: Step) -> Iterable[Floats]:
        """Find the noise fields of a step: cut out of kept ones, or made anew."""
        kept = self._fields.get(step.index)
        if kept is None:
            return (draw(step) for draw in self._list_draws(step))
        return (cut_region(field, step.drawn) for field in kept)

    def _list_draws(self, step: Step) -> list[cascade.Draw]:
        """List what draws the noise fields of a step: z* at the coarsest, two of every harmonic."""
        seed, sampler = self.walk.seed, self.sampler
        fields = [sampler.create_noise(seed, number) for number in range(2 * len(self.harmonics))]
        return fields if step.index else [lambda step: draw_rest(sampler, self.walk, step), *fields]

    def _find_calmest(self) -> int:
        """Find the frame that differs least from the one before it, at the coarsest scale.

        A loop that begins here has its seam where the eye looks for it least: the coarsest scale
        has few values, so that some steps of a whole scene's motion are twice as large as others.
        Finer scales move evenly.
        """
        coarsest = replace(self.picture, passes=self.picture.passes[:1])
        before = self.sampler.run_generators(coarsest, self.mix_noise(-1))
        steps = []
        for number in range(self.walk.period):
            image = self.sampler.run_generators(coarsest, self.mix_noise(number))
            steps.append(np.abs(image - before).mean())
            before = image
        return int(np.argmin(steps))


def choose_default_size(sampler: Sampler) -> Size:
    """Choose the size (height, width) of a clip that is told none."""
    return sampler.limit_size(LONGER_SIDE)


def make_picture(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Plan:
    """Fit the picture that moves. Raises RequestError.

    Where z* is part of the noise, the noise is as strong as in training.
    """
    canvas = choose_default_size(sampler) if size is None else size
    picture = sampler.plan(canvas, zoom, walk.start_scale, keep=keep)
    sampler.check_pixels(picture.size)
    return picture if walk.start_scale else replace(picture, amplitudes=())


def draw_rest(sampler: Sampler, walk: Walk, step: Step) -> Floats:
    """Draw z* of the first pass: the stored one on the trained canvas, else a fixed noise."""
    if step.canvas == sampler.manifest.shapes[0]:
        return cut_region(sampler.repeat_channels(sampler.reconstruction_noise), step.drawn)
    return sampler.create_noise(walk.seed, RECONSTRUCTION_FRAME)(step)


def cut_region(noise: Floats, region: Region) -> Floats:
    """Cut a region with its halo out of noise for the whole canvas with its halo."""
    (top, bottom), (left, right) = region
    return noise[..., top : bottom + 2 * HALO, left : right + 2 * HALO]
