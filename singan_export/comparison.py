"""How far a format draws from its reference: per scale and end to end, at several sizes, against a budget."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, noise, windows
from singan_core.errors import ParityError, RequestError
from singan_core.pyramid import Pass, Size
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler

Floats = NDArray[np.float32]
Inputs = tuple[Floats, Floats]
"""Noise at its amplitude and prev of one generator, (B, C, H+10, W+10) each."""

SIZES: tuple[
    tuple[int, int, int], ...
] = (  # batch, height, width: tiny, odd, wide, tall, a batch, a block and a bit
    (1, 1, 1),
    (1, 11, 11),
    (1, 33, 47),
    (1, 17, 130),
    (1, 141, 19),
    (3, 40, 56),
    (1, 270, 261),
)
SEED = 0
LEVELS = 1  # grey levels of 255 that a format of fp32 may differ
_MOST_PSNR = 200.0  # dB, reported for equal pictures


@dataclass(frozen=True)
class Budget:
    """What a format may differ by: largest differences for one that computes in fp32, else a PSNR that it keeps."""

    scale: float = 1e-5  # absolute, images in [-1, 1]
    pyramid: float = 2e-3
    share: float = 0.01  # of the values may differ, by one grey level
    psnr: float | None = None  # dB, at least, per scale and over the pyramid; replaces the above


NOTHING = Budget(scale=0, pyramid=0, share=0)
"""Of the fused graph of a model with detail, whose pixels are Sampler's."""
BUDGETS = {
    "torchscript": Budget(),
    "pt2": Budget(),
    "fused": Budget(),
    "fp16": Budget(psnr=50.0),
    "int8": Budget(psnr=25.0),
}


@dataclass(frozen=True)
class Opened:
    """A format that is ready to draw: one generator (None if it has only the whole), and a whole picture."""

    format: str
    generate: cascade.Generate | None
    draw: Callable[[Picture, cascade.Draw], Floats]
    smallest: int = 1  # px, the least side of an image that generate can make


@dataclass(frozen=True)
class FormatCheck:
    """One comparison on identical noise."""

    format: str
    scale: int | None  # None is the whole pyramid
    size: tuple[int, int, int]  # batch, height, width
    maximum: float
    rms: float
    psnr: float  # dB, of a range of 2
    levels: int  # largest difference of pixel values
    share: float  # of pixel values that differ
    budget: Budget

    @property
    def allowed(self) -> float:
        """The largest difference of a format that computes in fp32."""
        return self.budget.pyramid if self.scale is None else self.budget.scale

    @property
    def passed(self) -> bool:
        """Within the budget."""
        if self.budget.psnr is not None:
            return self.psnr >= self.budget.psnr
        return (
            self.maximum <= self.allowed
            and self.levels <= LEVELS
            and self.share <= self.budget.share
        )

    def __str__(self) -> str:
        batch, height, width = self.size
        where = "pyramid" if self.scale is None else f"scale {self.scale}"
        return (
            f"{self.format} {where} {batch}x{width}x{height}: max {self.maximum:.1e}, rms {self.rms:.1e}, "
            f"{self.psnr:.1f} dB, {self.levels} grey levels in {self.share:.3%} of values (allowed {self.limit})"
        )

    @property
    def limit(self) -> str:
        """The budget in words."""
        if self.budget is NOTHING:
            return "nothing"
        return f"{self.allowed:.0e}" if self.budget.psnr is None else f"{self.budget.psnr:g} dB"

    def as_json(self) -> dict[str, object]:
        """The comparison as plain values."""
        return {"passed": self.passed, **dataclasses.asdict(self)}


def require(checks: Sequence[FormatCheck]) -> None:
    """Raise ParityError naming the first comparison that is over its budget."""
    for check in checks:
        if not check.passed:
            raise ParityError(f"{check}: over its budget; do not use this format of this model")


def graphs(sampler: Sampler) -> Opened:
    """The sampler's fp32 graphs: what a format is compared with where the trained networks are not at hand."""
    return Opened("onnx", sampler.graphs.generate, sampler.run_generators)


def compare(opened: Opened, sampler: Sampler, reference: Opened) -> list[FormatCheck]:
    """Compare a format with a reference that has every generator, at every size of SIZES and on three canvases."""
    assert reference.generate is not None
    checks: list[FormatCheck] = []
    if opened.generate is not None:
        # A format of few digits is made for the inputs that a pyramid really has.
        few_digits = BUDGETS[opened.format].psnr is not None
        for scale in range(len(sampler.manifest.pyramid.sizes)):
            given = (
                inputs_of_pictures
                if few_digits and scale < len(sampler.manifest.shapes)
                else inputs
            )
            for noise_in, prev in given(sampler, scale):
                image = reference.generate(scale, noise_in, prev)
                if min(image.shape[2:]) >= opened.smallest:
                    made = opened.generate(scale, noise_in, prev)
                    checks.append(_check(sampler, opened.format, scale, made, image))
    for picture in pictures(sampler):
        pair = (
            opened.draw(picture, sampler.fresh(SEED)),
            reference.draw(picture, sampler.fresh(SEED)),
        )
        checks.append(_check(sampler, opened.format, None, *pair))
    return checks


def inputs(sampler: Sampler, scale: int) -> Iterator[Inputs]:
    """Inputs at every size of SIZES: noise at its amplitude, and noise in [-1, 1] as prev."""
    channels = sampler.manifest.channels
    for batch, height, width in SIZES:
        fields = [
            noise.field(
                picture, scale, 0, 2 * channels, -HALO, -HALO, height + 2 * HALO, width + 2 * HALO
            )
            for picture in range(batch)
        ]
        stacked = np.stack(fields)
        scaled = stacked[:, :channels] * np.float32(sampler.manifest.noise_amplitude[scale])
        yield np.ascontiguousarray(scaled), np.ascontiguousarray(np.tanh(stacked[:, channels:]))


def inputs_of_pictures(sampler: Sampler, scale: int) -> Iterator[Inputs]:
    """What a generator gets while the pictures of a comparison are drawn."""
    for picture in pictures(sampler):
        yield recorded(sampler, picture.passes, SEED)[scale]


def recorded(sampler: Sampler, passes: Sequence[Pass], seed: int) -> list[Inputs]:
    """What every generator gets while one picture is drawn, coarsest first."""
    kept: list[Inputs] = []

    def generate(scale: int, scaled: Floats, prev: Floats) -> Floats:
        kept.append((np.ascontiguousarray(scaled), np.ascontiguousarray(prev)))
        return sampler.graphs.generate(scale, scaled, prev)

    sampler.run_generators(Picture(tuple(passes), None, (False, False)), sampler.fresh(seed), generate=generate)
    return kept


def canvases(sampler: Sampler) -> Sequence[Size]:
    """Three canvases: the trained size, an odd wider one, a taller one."""
    height, width = sampler.trained_size
    return (height, width), (height, 2 * width + 1), (2 * height + 3, width)


def pictures(sampler: Sampler) -> Iterator[Picture]:
    """Pictures at zoom 1 through every scale: on the trained canvases, and on the others if they are large enough."""
    yield Picture(sampler.manifest.pyramid.passes, None, (False, False))
    for size in canvases(sampler)[1:]:
        with suppress(RequestError):  # rounding may leave the coarsest canvas a pixel too small
            yield sampler.picture(size, 1.0)


def unit_noises(sampler: Sampler, picture: Picture, unit_noise: cascade.Draw) -> list[Floats]:
    """Unit noise of every pass with its halo, (1, 1 or C, H+10, W+10): what formats of the whole pyramid take."""
    channels = sampler.manifest.noise_channels
    return [
        np.array(
            unit_noise(step)[:, : channels[step.generator]]
        )  # a copy: torch wants to be able to write
        for step in windows.whole_steps(picture.passes)
    ]


def _check(
    sampler: Sampler, format: str, scale: int | None, ours: Floats, theirs: Floats
) -> FormatCheck:
    batch, _, height, width = theirs.shape
    maximum, rms = difference(ours, theirs)
    levels = np.abs(sampler.shown(ours).astype(int) - sampler.shown(theirs).astype(int))
    psnr = find_psnr(rms)
    share, most = float((levels > 0).mean()), int(levels.max())
    return FormatCheck(
        format, scale, (batch, height, width), maximum, rms, psnr, most, share, BUDGETS[format]
    )


def find_psnr(rms: float) -> float:
    """Find the PSNR, dB, of images in [-1, 1] from their root mean square difference."""
    return min(20 * math.log10(2 / rms), _MOST_PSNR) if rms else _MOST_PSNR


def difference(a: Floats, b: Floats) -> tuple[float, float]:
    """Largest and root mean square difference."""
    apart = np.abs(a.astype(np.float64) - b)
    return float(apart.max()), float(np.sqrt((apart**2).mean()))
