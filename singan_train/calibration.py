"""How long a training run will take on this device, from a few steps on two canvases."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable

import torch

from singan_core import HALO
from singan_core.cascade import pad_halo
from singan_core.pyramid import Size
from singan_train.config import TrainingConfig
from singan_train.run.header import RunHeader
from singan_train.scale import steps
from singan_train.scale.crops import make_noise_mask
from singan_train.scale.networks import make_networks
from singan_train.scale.replay import WARM_UP, GraphReplay
from singan_train.scale.steps import TrainingState
from singan_train.scale.training import ScaleData, make_batches
from singan_train.work import measure_work

BUDGET = 0.3
"""Wall seconds of all timed steps together; each of the two canvases may take one step longer."""

MOST_WORK = 3 * 48**2 * 32 * (32 + 16)
"""Work of the largest step that is timed: three crops of 48 px in networks 32 wide.

It takes one core 0.1 s in float32.
"""

Seconds = Callable[[], float]
"""A clock: seconds since a moment of its own choice."""


def estimate_seconds(header: RunHeader, device: torch.device) -> float:
    """Estimate the seconds that training takes on an idle machine.

    The estimate takes about BUDGET seconds. A step is timed at the scales of least and of most
    work; at all others it is taken to grow in line with its work. A canvas with more than MOST_WORK
    is timed smaller, so that the estimate never waits for a step of seconds.
    """
    config, sizes = header.config, header.pyramid.sizes
    works = [measure_work(config, scale, size) for scale, size in enumerate(sizes)]

    points = []
    for scale in (works.index(min(works)), works.index(max(works))):
        size = reduce_canvas(config, scale, sizes[scale])
        seconds = time_iteration(header, scale, size, device, BUDGET / 2)
        points.append((measure_work(config, scale, size), seconds))
    (least, quick), (most, slow) = points

    slope = max(slow - quick, 0) / (most - least) if most > least else quick / least
    total = 0.0
    for work, size in zip(works, sizes, strict=True):
        total += (quick + slope * (work - least)) * config.iterations_for(size)
    return total


def reduce_canvas(config: TrainingConfig, scale: int, size: Size) -> Size:
    """Return the canvas, or one of the same shape that takes MOST_WORK, whichever is smaller."""
    factor = min(1.0, math.sqrt(MOST_WORK / measure_work(config, scale, size)))
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def time_iteration(
    header: RunHeader, scale: int, size: Size, device: torch.device, budget: float
) -> float:
    """Time an iteration of a scale's networks on a canvas of noise, for about budget seconds.

    One discriminator and one generator step are timed, since every preset takes as many of the one
    as of the other.
    """
    config = dataclasses.replace(header.config, discriminator_steps=1, generator_steps=1)
    data = make_noise_data(header, scale, size, device)
    state = TrainingState.create(*make_networks(config, scale, header.channels, device), config)
    run_iteration = functools.partial(steps.run_iteration, config, state)
    iterate = GraphReplay(run_iteration, device)

    # on a GPU the warm-up includes the capture of the graph
    warm_up = WARM_UP + 1 if device.type == "cuda" else 1
    seconds = find_quickest(
        lambda: iterate(*make_batches(data, config, 0)), warm_up, budget, choose_clock(device)
    )
    return seconds * (header.config.discriminator_steps + header.config.generator_steps) / 2


def make_noise_data(header: RunHeader, scale: int, size: Size, device: torch.device) -> ScaleData:
    """Make training data of random pixels, which costs what a photo of this size costs."""
    real = torch.rand((1, header.channels, *size), device=device)
    real = real.to(memory_format=torch.channels_last)
    prev = pad_halo(real)
    return ScaleData(
        scale,
        real,
        draw_prev=lambda crops, _: crops.cut(prev, HALO),
        reconstruction_noise=torch.zeros_like(prev),
        reconstruction_prev=prev,
        noise_mask=make_noise_mask(real, header.config.border),
        noise_amplitude=0.1,
        noise_channels=header.channels,
    )


def choose_clock(device: torch.device) -> Seconds:
    """Return the clock that other work on the machine disturbs least.

    On a CPU that is this thread's processor time. The thread has its share of every operation, and
    unlike the wall's time its own does not grow while it, or a thread that it waits for, stands in
    line for a processor (but for spinning at the end of an operation).
    """
    if device.type == "cuda":

        def wait_and_read() -> float:
            torch.cuda.synchronize(device)
            return time.perf_counter()

        return wait_and_read
    return time.thread_time


def find_quickest(
    step: Callable[[], object],
    warm_up: int,
    budget: float,
    clock: Seconds,
    wall: Seconds = time.perf_counter,
) -> float:
    """Return the seconds of the quickest step, after some steps that warm up.

    At least one step is timed, and more as long as the wall seconds of the budget last.
    """
    end = wall() + budget
    for _ in range(warm_up):
        step()

    quickest = math.inf
    while True:
        began = clock()
        step()
        quickest = min(quickest, clock() - began)
        if wall() >= end:
            return quickest
