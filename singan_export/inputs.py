"""Make what graphs are compared on: inputs of single generators, and whole pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from singan_core import HALO, cascade, noise, windows
from singan_core.arrays import Floats
from singan_core.errors import RequestError
from singan_core.pyramid import Pass, Size
from singan_core.zooms import Zoom
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler

Inputs = tuple[Floats, Floats]
"""Noise at its amplitude and prev of one generator, (B, C, H+10, W+10) each."""

SIZES: tuple[tuple[int, int, int], ...] = (  # batch, height, width
    (1, 1, 1),
    (1, 11, 11),
    (1, 33, 47),
    (1, 17, 130),
    (1, 141, 19),
    (3, 40, 56),
    (1, 270, 261),  # larger than one block of singan_runtime.graphs
)
PICTURE_SIDE = 320  # px, longer side of the pictures that a graph with detail is compared on
SEED = 0


def make_inputs(sampler: Sampler, scale: int) -> Iterator[Inputs]:
    """Make inputs at every size of SIZES: noise at its amplitude, and noise in [-1, 1] as prev."""
    channels = sampler.manifest.channels
    amplitude = np.float32(sampler.manifest.noise_amplitude[scale])
    for batch, height, width in SIZES:
        sides = height + 2 * HALO, width + 2 * HALO
        fields = [
            noise.draw_field(picture, scale, 0, 2 * channels, -HALO, -HALO, *sides)
            for picture in range(batch)
        ]

        stacked = np.stack(fields)
        prev = np.tanh(stacked[:, channels:])
        yield (
            np.ascontiguousarray(stacked[:, :channels] * amplitude),
            np.ascontiguousarray(prev),
        )


def record_pictures(sampler: Sampler, scale: int) -> Iterator[Inputs]:
    """Record what a generator gets while each picture of a comparison is drawn."""
    for picture in list_pictures(sampler):
        yield record_inputs(sampler, picture.passes, SEED)[scale]


def record_inputs(sampler: Sampler, passes: Sequence[Pass], seed: int) -> list[Inputs]:
    """Record what every generator gets while one picture is drawn, the coarsest first."""
    record: list[Inputs] = []

    def generate(scale: int, scaled: Floats, prev: Floats) -> Floats:
        record.append((np.ascontiguousarray(scaled), np.ascontiguousarray(prev)))
        return sampler.graphs.generate(scale, scaled, prev)

    sampler.run_generators(
        Plan(tuple(passes), None, (False, False)), sampler.create_noise(seed), generate=generate
    )
    return record


def make_unit_noises(sampler: Sampler, picture: Plan, unit_noise: cascade.Draw) -> list[Floats]:
    """Make the unit noise of every pass with its halo, (1, 1 or C, H+10, W+10).

    Formats of the whole pyramid take them as inputs. All are copies, since torch wants to be able
    to write into its inputs.
    """
    channels = sampler.manifest.noise_channels
    return [
        np.array(unit_noise(step)[:, : channels[step.generator]])
        for step in windows.plan_whole_picture(picture.passes)
    ]


def list_canvases(sampler: Sampler) -> Sequence[Size]:
    """List three canvases: the trained size, an odd wider one, a taller one."""
    height, width = sampler.trained_size
    return (height, width), (height, 2 * width + 1), (2 * height + 3, width)


def list_pictures(sampler: Sampler) -> Iterator[Plan]:
    """List pictures at zoom 1 through every scale, on each of the canvases that is large enough."""
    yield Plan(sampler.manifest.pyramid.passes, None, (False, False))
    for size in list_canvases(sampler)[1:]:
        with suppress(RequestError):  # rounding may leave the coarsest canvas a pixel too small
            yield sampler.plan(size, 1.0)


def list_requests(sampler: Sampler) -> Sequence[tuple[Size, Zoom]]:
    """List sizes and zooms of pictures.

    They are a small picture, a wide and a tall one, one as small as the hand-over (without detail:
    as the coarsest canvas), and one of a smaller part of the scene.
    """
    height, width = sampler.limit_size(PICTURE_SIDE)
    pyramid = sampler.manifest.pyramid
    coarse = pyramid.levels[pyramid.entry] if pyramid.levels else pyramid.sizes[0]
    return (
        ((height, width), "auto"),
        ((height // 2, width - 1), "auto"),
        ((height, max(width // 3, 1)), "auto"),
        ((coarse[0] + 2, coarse[1] - 1), "auto"),
        ((height, width - 1), 0.7),
    )
