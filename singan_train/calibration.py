"""How long a training run will take on this device, from a few steps on a small and on a large canvas."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable

import torch

from singan_core import HALO
from singan_core.cascade import with_halo
from singan_train import steps
from singan_train.config import TrainingConfig
from singan_train.networks import Discriminator, Generator
from singan_train.replay import WARM_UP, Replay
from singan_train.run import Start
from singan_train.scale import Task, batches
from singan_train.steps import State
from singan_train.views import noise_mask

BUDGET = 0.3
"""Wall seconds of all timed steps together; each of the two canvases may take one step longer."""

MOST_WORK = 3 * 48**2 * 32 * (32 + 16)
"""Work of the largest step that is timed: three windows of 48 px in networks 32 wide, 0.1 s of one core in float32."""

Size = tuple[int, int]
Seconds = Callable[[], float]
"""A clock: seconds since a moment of its own choice."""


def expected_seconds(start: Start, device: torch.device) -> float:
    """Estimate the seconds that training takes on a machine with nothing else to do, in about BUDGET seconds.

    A step is timed at the scale of least and at that of most work, and at all others taken to grow in line with its
    work. A canvas with more than MOST_WORK is timed smaller, so that the estimate never waits for a step of seconds.
    """
    config, sizes = start.config, start.pyramid.sizes
    works = [measure_work(config, scale, size) for scale, size in enumerate(sizes)]

    points = []
    for scale in (works.index(min(works)), works.index(max(works))):
        size = reduce_canvas(config, scale, sizes[scale])
        seconds = iteration_seconds(start, scale, size, device, BUDGET / 2)
        points.append((measure_work(config, scale, size), seconds))
    (least, quick), (most, slow) = points

    slope = max(slow - quick, 0) / (most - least) if most > least else quick / least
    times = [quick + slope * (work - least) for work in works]
    return sum(
        seconds * config.iterations_for(size) for seconds, size in zip(times, sizes, strict=True)
    )


def measure_work(config: TrainingConfig, scale: int, size: Size) -> int:
    """Return what a step's time grows in line with: pixels times width times width + 16, as measured for 32 to 128."""
    width = config.width_at(scale)
    return config.viewed_pixels(size) * width * (width + 16)


def reduce_canvas(config: TrainingConfig, scale: int, size: Size) -> Size:
    """Return the canvas (height, width), or one of the same shape that takes MOST_WORK, whichever is smaller."""
    factor = min(1.0, math.sqrt(MOST_WORK / measure_work(config, scale, size)))
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def iteration_seconds(
    start: Start, scale: int, size: Size, device: torch.device, budget: float
) -> float:
    """Time an iteration of a scale's networks on a canvas of this size for about budget seconds, pictures being noise.

    One discriminator and one generator step are timed: every preset takes as many of the one as of the other.
    """
    config = dataclasses.replace(start.config, discriminator_steps=1, generator_steps=1)
    task = make_task(start, scale, size, device)
    width = config.width_at(scale)
    networks = (
        Generator(start.channels, width, config.generator_norm),
        Discriminator(start.channels, width, config.discriminator_norm),
    )
    for network in networks:
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = State.begin(*networks, config)
    iterate = Replay(functools.partial(steps.iteration, config, state), device)
    warm_up = WARM_UP + 1 if device.type == "cuda" else 1  # then the graph is captured, too

    clock = choose_clock(device)
    seconds = find_quickest(lambda: iterate(*batches(task, config, 0)), warm_up, budget, clock)
    return seconds * (start.config.discriminator_steps + start.config.generator_steps) / 2


def make_task(start: Start, scale: int, size: Size, device: torch.device) -> Task:
    """Return a task on a canvas of this size that costs what a real one does."""
    real = torch.rand((1, start.channels, *size), device=device).to(
        memory_format=torch.channels_last
    )
    prev = with_halo(real)
    mask = noise_mask(real, start.config.border)
    return Task(
        scale,
        real,
        lambda views, _: views.of(prev, HALO),
        torch.zeros_like(prev),
        prev,
        mask,
        0.1,
        start.channels,
    )


def choose_clock(device: torch.device) -> Seconds:
    """Return the clock that other work on the machine disturbs least: on a CPU this thread's processor time.

    It has its share of every operation. Unlike the wall's time it does not grow while this thread or one that it waits
    for stands in line for a processor, but for spinning at the end of an operation.
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
    """Return the seconds of the quickest step after some that warm up: of one at least, of more within the budget."""
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
