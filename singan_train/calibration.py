"""How long a training run will take on this device, from a few steps of its smallest and its largest scale."""

from __future__ import annotations

import functools
import statistics
import time

import torch

from singan_core import HALO
from singan_core.cascade import with_halo
from singan_train import steps
from singan_train.networks import Discriminator, Generator
from singan_train.replay import WARM_UP, Replay
from singan_train.run import Start
from singan_train.scale import Task, batches
from singan_train.steps import State
from singan_train.views import noise_mask

STEPS = 5
"""Timed iterations per scale, after those that warm up."""


def expected_seconds(start: Start, device: torch.device) -> float:
    """Seconds that training would take: between the two scales a step's time is taken to grow with its work."""
    config, shapes = start.config, start.pyramid.sizes
    work = [config.viewed_pixels(size) * config.width_at(scale) ** 2 for scale, size in enumerate(shapes)]
    low, high = work.index(min(work)), work.index(max(work))
    quick = iteration_seconds(start, low, device)
    slow = iteration_seconds(start, high, device) if work[high] > work[low] else quick
    slope = (slow - quick) / max(work[high] - work[low], 1)
    times = [max(quick + slope * (one - work[low]), 0.0) for one in work]
    return sum(seconds * config.iterations_for(size) for seconds, size in zip(times, shapes, strict=True))


def iteration_seconds(start: Start, scale: int, device: torch.device) -> float:
    """Seconds of one iteration of a scale, networks and pictures being of no account."""
    config, size = start.config, start.pyramid.sizes[scale]
    width = config.width_at(scale)
    real = torch.rand((1, start.channels, *size), device=device).to(memory_format=torch.channels_last)
    prev = with_halo(real)
    mask = noise_mask(real, config.border)
    task = Task(
        scale, real, lambda views, _: views.of(prev, HALO), torch.zeros_like(prev), prev, mask, 0.1, start.channels
    )
    networks = (
        Generator(start.channels, width, config.generator_norm),
        Discriminator(start.channels, width, config.discriminator_norm),
    )
    for network in networks:
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = State.begin(*networks, config)
    iterate = Replay(functools.partial(steps.iteration, config, state), device)
    warm_up = WARM_UP + 1 if device.type == "cuda" else 1  # then the graph is captured, too
    seconds = []
    for iteration in range(warm_up + STEPS):
        began = _now(device)
        iterate(*batches(task, config, iteration))
        seconds.append(_now(device) - began)
    return statistics.median(seconds[warm_up:])  # other work on the machine slows a few


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
