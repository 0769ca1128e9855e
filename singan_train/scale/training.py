"""Training of one scale: the batches of every iteration, and its course from first to last."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from singan_core import HALO
from singan_core.errors import TrainingError
from singan_train.config import TrainingConfig
from singan_train.scale import steps
from singan_train.scale.crops import Crops, Randomness, draw_unit_noise, open_sides
from singan_train.scale.networks import Generator
from singan_train.scale.replay import GraphReplay
from singan_train.scale.steps import DiscriminatorBatch, GeneratorBatch, TrainingState

LOG_EVERY = 10  # iterations between reports, each of which waits for the device
STATISTICS_PIXELS = 1_000_000  # of fakes that BatchNorm statistics are gathered over

DrawPrev = Callable[[Crops, Randomness], Tensor]
"""Draws previous-scale samples, enlarged to this canvas, in the crops: (B, C, h+10, w+10)."""


@dataclass(frozen=True)
class ScaleData:
    """What one scale is trained on: tensors (1, C, H, W) on the training device."""

    scale: int
    real: Tensor
    draw_prev: DrawPrev
    reconstruction_noise: Tensor  # times its amplitude, with halo
    reconstruction_prev: Tensor  # with halo
    noise_mask: Tensor  # (1, 1, H+10, W+10): 1 where there is noise, which the border mode says
    noise_amplitude: float
    noise_channels: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the canvas."""
        return self.real.shape[2], self.real.shape[3]

    def make_randomness(self, config: TrainingConfig, iteration: int) -> Randomness:
        """Make the random generators of an iteration."""
        return Randomness.for_iteration(config, self.scale, iteration, self.real.device)


@dataclass(frozen=True)
class Losses:
    """The terms of one iteration. rmse is that of the reconstruction, in [-1, 1] units."""

    real: float
    fake: float
    gradient_penalty: float
    adversarial: float
    rmse: float


Report = Callable[[TrainingState, Losses], None]
"""Called every LOG_EVERY iterations, with losses that are all finite."""


class DivergenceError(TrainingError):
    """The loss became NaN or infinite."""


def train_scale(
    data: ScaleData, config: TrainingConfig, state: TrainingState, report: Report
) -> None:
    """Train the state's networks in place, from its iteration on.

    When the learning rate drops, BatchNorm changes to statistics gathered over whole canvases and
    keeps them, so that the generator ends as it will be used. The weights that remain are the
    average of those since the drop.

    Raises DivergenceError if the loss becomes NaN or infinite.
    """
    iterations = config.iterations_for(data.size)
    drop = find_learning_rate_drop(config, iterations)

    # at the full learning rate
    state.discriminator.train()
    state.generator.train()
    state.set_learning_rate(config.learning_rate)
    train_until(drop, data, config, state, report)

    # at the reduced one
    if config.fixed_statistics and state.iteration == drop:
        gather_statistics(data, config, state.generator)
    state.generator.train(not config.fixed_statistics)
    state.set_learning_rate(config.learning_rate * config.decay)
    train_until(iterations, data, config, state, report)

    # what remains
    with torch.no_grad():
        for parameter, average in zip(state.generator.parameters(), state.average, strict=True):
            parameter.copy_(average)
    if config.generator_norm and not config.fixed_statistics:
        gather_statistics(data, config, state.generator)
    state.generator.eval()
    state.discriminator.eval()


def find_learning_rate_drop(config: TrainingConfig, iterations: int) -> int:
    """Return the iteration from which on the learning rate is reduced."""
    return int(config.decay_at * iterations)


def train_until(
    end: int, data: ScaleData, config: TrainingConfig, state: TrainingState, report: Report
) -> None:
    """Run the iterations before the end, which all share one learning rate and one network mode.

    Raises DivergenceError if the loss becomes NaN or infinite.
    """
    iterations = config.iterations_for(data.size)
    drop = find_learning_rate_drop(config, iterations)
    run_iteration = functools.partial(steps.run_iteration, config, state)
    iterate = GraphReplay(run_iteration, data.real.device)

    while state.iteration < end:
        values = iterate(*make_batches(data, config, state.iteration))
        state.iteration += 1
        update_average(config, state, state.iteration - drop)

        if state.iteration % LOG_EVERY == 0 or state.iteration == iterations:
            losses = Losses(*values.tolist())
            if not np.isfinite(losses.real + losses.fake + losses.adversarial + losses.rmse):
                raise DivergenceError(
                    f"scale {data.scale}: the loss became NaN or infinite at iteration "
                    f"{state.iteration}"
                )
            report(state, losses)


@torch.no_grad()
def update_average(config: TrainingConfig, state: TrainingState, count: int) -> None:
    """Take the newest weights into the average, count iterations after the learning rate's drop.

    The average reaches back over a share (config.averaging) of these iterations; before the drop,
    where count is 0 or less, it is the newest weights themselves.
    """
    newest = 1 / max(config.averaging * count, 1.0)
    torch._foreach_lerp_(state.average, list(state.generator.parameters()), newest)


def make_batches(
    data: ScaleData, config: TrainingConfig, iteration: int
) -> tuple[list[DiscriminatorBatch], list[GeneratorBatch]]:
    """Make what the discriminator and generator steps of an iteration see, all from its own seed.

    Every step gets the inputs of a fresh fake.
    """
    randomness = data.make_randomness(config, iteration)
    discriminator_batches = [
        make_discriminator_batch(data, config, randomness)
        for _ in range(config.discriminator_steps)
    ]
    generator_batches = [
        make_generator_batch(data, config, randomness) for _ in range(config.generator_steps)
    ]
    return discriminator_batches, generator_batches


def make_discriminator_batch(
    data: ScaleData, config: TrainingConfig, randomness: Randomness
) -> DiscriminatorBatch:
    """Draw crops, and the inputs of a fake in the same crops."""
    crops = Crops(data.size, config, randomness.positions)
    noise, prev = draw_fake_inputs(data, config, crops, randomness)
    share = torch.rand((len(prev), 1, 1, 1), generator=randomness.values, device=prev.device)
    return DiscriminatorBatch(crops.cut(data.real), noise, prev, share)


def make_generator_batch(
    data: ScaleData, config: TrainingConfig, randomness: Randomness
) -> GeneratorBatch:
    """Draw crops, and the inputs of a fake and of the reconstruction in the same crops."""
    crops = Crops(data.size, config, randomness.positions)
    noise, prev = draw_fake_inputs(data, config, crops, randomness)
    return GeneratorBatch(
        crops.cut(data.real),
        noise,
        prev,
        crops.cut(data.reconstruction_noise, HALO),
        crops.cut(data.reconstruction_prev, HALO),
    )


def draw_fake_inputs(
    data: ScaleData, config: TrainingConfig, crops: Crops, randomness: Randomness
) -> tuple[Tensor, Tensor]:
    """Draw noise times its amplitude and previous-scale samples, each (B, C, h+10, w+10).

    In a share of the draws (config.open_sides) the noise of the coarsest canvas goes on to its
    sides, as it does in the middle of a wider one.
    """
    mask = crops.cut(data.noise_mask, HALO)
    if data.scale == 0 and randomness.positions.random() < config.open_sides:
        mask = open_sides(mask, randomness.positions)

    channels = data.real.shape[1]
    noise = draw_unit_noise(mask, channels, data.noise_channels, randomness.values)
    return noise * data.noise_amplitude, data.draw_prev(crops, randomness)


@torch.no_grad()
def gather_statistics(data: ScaleData, config: TrainingConfig, generator: Generator) -> None:
    """Replace the BatchNorm statistics by averages over whole fakes and reconstructions.

    Whole canvases, because crops would miss what differs between them. The larger a canvas, the
    fewer are enough.
    """
    generator.train()
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative average

    randomness = data.make_randomness(config, config.iterations_for(data.size))
    whole = Crops(data.size, replace(config, windows=0), randomness.positions)
    count = min(max(STATISTICS_PIXELS // (data.size[0] * data.size[1]), 2), 16)
    for _ in range(count):
        generator(*draw_fake_inputs(data, config, whole, randomness))
        generator(data.reconstruction_noise, data.reconstruction_prev)
