"""Training of one scale: what it sees in every iteration, and its course from the first to the last."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from singan_core import HALO
from singan_core.errors import TrainingError
from singan_train import steps
from singan_train.config import TrainingConfig
from singan_train.networks import Generator
from singan_train.replay import Replay
from singan_train.steps import DiscriminatorBatch, GeneratorBatch, State
from singan_train.views import Draw, Views, opened, unit_noise

LOG_EVERY = 10  # iterations between reports: each one waits for the device
STATISTICS_PIXELS = 1_000_000  # of fakes that BatchNorm statistics are gathered over

DrawPrev = Callable[[Views, Draw], Tensor]
"""Previous-scale samples, enlarged to this canvas, in the views: (B, C, h+10, w+10)."""


@dataclass(frozen=True)
class Task:
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

    def draw(self, config: TrainingConfig, iteration: int) -> Draw:
        """The randomness of an iteration."""
        return Draw.of(config, self.scale, iteration, self.real.device)


@dataclass(frozen=True)
class Losses:
    """The terms of one iteration; rmse is of the reconstruction, in [-1, 1] units."""

    real: float
    fake: float
    gradient_penalty: float
    adversarial: float
    rmse: float


Report = Callable[[State, Losses], None]
"""Called every LOG_EVERY iterations, all numbers being finite."""


class NotANumberError(TrainingError):
    """A loss has become infinite or NaN."""


def train_scale(task: Task, config: TrainingConfig, state: State, report: Report) -> None:
    """Train the state's networks in place, from its iteration on. Raises NotANumberError if a loss stops being one.

    When the learning rate drops, BatchNorm goes over to statistics of whole canvases, fixed from then on, so that the
    generator ends as it will be used. What remains is the average of its weights since then.
    """
    iterations = config.iterations_for(task.size)
    drop = int(config.decay_at * iterations)
    state.discriminator.train()
    state.generator.train()
    state.set_learning_rate(config.learning_rate)
    train_until(drop, task, config, state, report)
    if config.fixed_statistics and state.iteration == drop:
        gather_statistics(task, config, state.generator)
    state.generator.train(not config.fixed_statistics)
    state.set_learning_rate(config.learning_rate * config.decay)
    train_until(iterations, task, config, state, report)
    with torch.no_grad():
        for parameter, averaged in zip(state.generator.parameters(), state.average, strict=True):
            parameter.copy_(averaged)
    if config.generator_norm and not config.fixed_statistics:
        gather_statistics(task, config, state.generator)
    state.generator.eval()
    state.discriminator.eval()


def train_until(end: int, task: Task, config: TrainingConfig, state: State, report: Report) -> None:
    """Iterations up to the end, all with the same learning rate and modes."""
    iterations = config.iterations_for(task.size)
    iterate = Replay(functools.partial(steps.iteration, config, state), task.real.device)
    while state.iteration < end:
        losses = iterate(*batches(task, config, state.iteration))
        state.iteration += 1
        average(config, state, state.iteration - int(config.decay_at * iterations))
        if state.iteration % LOG_EVERY == 0 or state.iteration == iterations:
            told = Losses(*losses.tolist())
            if not np.isfinite(told.real + told.fake + told.adversarial + told.rmse):
                raise NotANumberError(
                    f"scale {task.scale}: the loss is no number at iteration {state.iteration}"
                )
            report(state, told)


@torch.no_grad()
def average(config: TrainingConfig, state: State, count: int) -> None:
    """Take the newest weights into the average, which reaches back over a share of the last count iterations."""
    newest = 1 / max(config.averaging * count, 1.0)
    torch._foreach_lerp_(state.average, list(state.generator.parameters()), newest)


def batches(
    task: Task, config: TrainingConfig, iteration: int
) -> tuple[list[DiscriminatorBatch], list[GeneratorBatch]]:
    """What the discriminator and generator steps of an iteration see, a fresh fake's inputs for each."""
    draw = task.draw(config, iteration)
    critics = [discriminator_batch(task, config, draw) for _ in range(config.discriminator_steps)]
    return critics, [generator_batch(task, config, draw) for _ in range(config.generator_steps)]


def discriminator_batch(task: Task, config: TrainingConfig, draw: Draw) -> DiscriminatorBatch:
    """Real and fake in the same views."""
    views = Views(task.size, config, draw.positions)
    noise, prev = fake_inputs(task, config, views, draw)
    share = torch.rand((len(prev), 1, 1, 1), generator=draw.values, device=prev.device)
    return DiscriminatorBatch(views.of(task.real), noise, prev, share)


def generator_batch(task: Task, config: TrainingConfig, draw: Draw) -> GeneratorBatch:
    """A fake and the reconstruction in the same views."""
    views = Views(task.size, config, draw.positions)
    reconstruction = (
        views.of(image, HALO) for image in (task.reconstruction_noise, task.reconstruction_prev)
    )
    return GeneratorBatch(
        views.of(task.real), *fake_inputs(task, config, views, draw), *reconstruction
    )


def fake_inputs(
    task: Task, config: TrainingConfig, views: Views, draw: Draw
) -> tuple[Tensor, Tensor]:
    """Noise times its amplitude and previous-scale samples in the views, each (B, C, h+10, w+10).

    On the coarsest canvas noise goes on to the sides in a share of the draws, as it does in the middle of a wider one.
    """
    mask = views.of(task.noise_mask, HALO)
    if task.scale == 0 and draw.positions.random() < config.open_sides:
        mask = opened(mask, draw.positions)
    noise = unit_noise(mask, task.real.shape[1], task.noise_channels, draw.values)
    return noise * task.noise_amplitude, task.draw_prev(views, draw)


@torch.no_grad()
def gather_statistics(task: Task, config: TrainingConfig, generator: Generator) -> None:
    """Replace the BatchNorm statistics by averages over whole fakes and reconstructions of the present weights.

    Whole canvases, since windows would miss what differs between them; the larger a canvas, the fewer are enough.
    """
    generator.train()
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative average
    draw = task.draw(config, config.iterations_for(task.size))
    whole = Views(task.size, replace(config, windows=0), draw.positions)
    for _ in range(min(max(STATISTICS_PIXELS // (task.size[0] * task.size[1]), 2), 16)):
        generator(*fake_inputs(task, config, whole, draw))
        generator(task.reconstruction_noise, task.reconstruction_prev)
