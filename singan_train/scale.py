"""Training of one scale: WGAN-GP plus reconstruction (SinGAN sections 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from singan_core import HALO
from singan_core.cascade import with_halo
from singan_core.errors import TrainingError
from singan_train.config import TrainingConfig
from singan_train.networks import Discriminator, Generator

LOG_EVERY = 10  # iterations between reports: each one waits for the device
STATISTICS_PIXELS = 1_000_000  # of fakes that BatchNorm statistics are gathered over


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


@dataclass(frozen=True)
class Losses:
    """The terms of one iteration; rmse is of the reconstruction, in [-1, 1] units."""

    real: float
    fake: float
    gradient_penalty: float
    adversarial: float
    rmse: float


@dataclass
class State:
    """Networks and optimizers of a scale in training, between two iterations."""

    generator: Generator
    discriminator: Discriminator
    generator_optimizer: torch.optim.Adam
    discriminator_optimizer: torch.optim.Adam
    average: list[Tensor]  # of the generator's parameters over the last iterations
    iteration: int = 0  # done so far

    @classmethod
    def begin(cls, generator: Generator, discriminator: Discriminator, config: TrainingConfig) -> State:
        """Fresh optimizers for two networks that lie on their device."""

        def adam(network: torch.nn.Module) -> torch.optim.Adam:
            return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)

        average = [parameter.detach().clone() for parameter in generator.parameters()]
        return cls(generator, discriminator, adam(generator), adam(discriminator), average)


DrawPrev = Callable[["Views", "Draw"], Tensor]
"""Previous-scale samples, enlarged to this canvas, in the views: (B, C, h+10, w+10)."""

Report = Callable[[State, Losses], None]
"""Called every LOG_EVERY iterations, all numbers being finite."""


class NotANumberError(TrainingError):
    """A loss has become infinite or NaN."""


def random(config: TrainingConfig, scale: int, iteration: int, device: torch.device) -> torch.Generator:
    """The randomness of one iteration, a function of (seed, scale, iteration) alone; -1 is what precedes the first."""
    words = np.random.SeedSequence((config.seed, scale, iteration + 1)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(words[0] >> np.uint64(1)))


def noise_mask(canvas: Tensor, border: str) -> Tensor:
    """(1, 1, H+10, W+10): 1 where an image like the canvas gets noise, which beyond it the border mode says."""
    inside = with_halo(torch.ones_like(canvas[:, :1]))
    return torch.ones_like(inside) if border == "noise" else inside


def unit_noise(mask: Tensor, channels: int, noise_channels: int, generator: torch.Generator) -> Tensor:
    """Gaussian noise (B, channels, h+10, w+10) where the mask (B, 1, h+10, w+10) is 1; one channel is repeated."""
    shape = (len(mask), noise_channels, *mask.shape[2:])
    noise = torch.randn(shape, generator=generator, device=mask.device) * mask
    return noise.expand(-1, channels, -1, -1)


class Views:
    """Where one step looks: a few square windows of a large canvas, or the whole of a small one.

    The receptive field is 11 px, so a step needs no whole picture; with windows its cost stops growing with the
    canvas. Positions beyond the edge are drawn too and moved onto it, which gives the edges their share.
    """

    def __init__(self, size: tuple[int, int], config: TrainingConfig, positions: np.random.Generator) -> None:
        side = config.window
        self.size: tuple[int, int] = size
        self.corners = [(0, 0)]
        if config.uses_windows(size):
            reach = [(-side // 2, length - side // 2 + 1) for length in size]
            drawn = [[int(positions.integers(*reach[axis])) for axis in (0, 1)] for _ in range(config.windows)]
            self.corners = [(min(max(y, 0), size[0] - side), min(max(x, 0), size[1] - side)) for y, x in drawn]
            self.size = (side, side)

    def of(self, image: Tensor, halo: int = 0) -> Tensor:
        """The windows (B, C, h, w) of an image (1, C, H, W), or with halo of one that has it on every side."""
        return self.each([image] * len(self.corners), halo)

    def each(self, images: Sequence[Tensor], halo: int = 0) -> Tensor:
        """The same of an image of its own for every window."""
        height, width = self.size[0] + 2 * halo, self.size[1] + 2 * halo
        parts = [image[..., y : y + height, x : x + width] for image, (y, x) in zip(images, self.corners, strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


@dataclass(frozen=True)
class Draw:
    """The randomness of one iteration: generators of values (device) and of positions (host, so nothing waits)."""

    values: torch.Generator
    positions: np.random.Generator

    @classmethod
    def of(cls, task: Task, config: TrainingConfig, iteration: int) -> Draw:
        """A function of (seed, scale, iteration) alone."""
        positions = np.random.default_rng((config.seed, task.scale, iteration + 1))
        return cls(random(config, task.scale, iteration, task.real.device), positions)


def gradient_penalty(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Mean over pixels of (|gradient over channels| - 1)^2, for images (B, C, H, W).

    Source: Gulrajani et al. 2017, eq. 3; the norm per pixel follows SinGAN's reference code.
    """
    return ((discriminator.input_gradient(images).norm(2, dim=1) - 1) ** 2).mean()


def train_scale(task: Task, config: TrainingConfig, state: State, report: Report) -> None:
    """Train the state's networks in place, from its iteration on. Raises NotANumberError if a loss stops being one.

    When the learning rate drops, BatchNorm goes over to statistics of whole canvases, fixed from then on, so that the
    generator ends as it will be used. What remains is the average of its weights since then.
    """
    iterations = config.iterations_for(task.size)
    drop = int(config.decay_at * iterations)
    state.discriminator.train()
    while state.iteration < iterations:
        if state.iteration == drop and config.fixed_statistics:
            gather_statistics(task, config, state.generator)
        state.generator.train(state.iteration < drop or not config.fixed_statistics)
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * (config.decay if state.iteration >= drop else 1)
        draw = Draw.of(task, config, state.iteration)
        for _ in range(config.discriminator_steps):
            critic = discriminator_step(task, config, state, draw)
        for _ in range(config.generator_steps):
            made = generator_step(task, config, state, draw)
        state.iteration += 1
        average(config, state, state.iteration - drop)
        if state.iteration % LOG_EVERY == 0 or state.iteration == iterations:
            losses = Losses(*(float(value) for value in (*critic, *made)))
            if not np.isfinite(losses.real + losses.fake + losses.adversarial + losses.rmse):
                raise NotANumberError(f"scale {task.scale}: the loss is no number at iteration {state.iteration}")
            report(state, losses)
    with torch.no_grad():
        for parameter, averaged in zip(state.generator.parameters(), state.average, strict=True):
            parameter.copy_(averaged)
    if config.generator_norm and not config.fixed_statistics:
        gather_statistics(task, config, state.generator)
    state.generator.eval()
    state.discriminator.eval()


@torch.no_grad()
def average(config: TrainingConfig, state: State, count: int) -> None:
    """Take the newest weights into the average, which reaches back over a share of the last count iterations."""
    newest = 1 / max(config.averaging * count, 1.0)
    torch._foreach_lerp_(state.average, list(state.generator.parameters()), newest)


def fake_inputs(task: Task, views: Views, draw: Draw) -> tuple[Tensor, Tensor]:
    """Noise times its amplitude and previous-scale samples in the views, each (B, C, h+10, w+10)."""
    noise = unit_noise(views.of(task.noise_mask, HALO), task.real.shape[1], task.noise_channels, draw.values)
    return noise * task.noise_amplitude, task.draw_prev(views, draw)


def discriminator_step(task: Task, config: TrainingConfig, state: State, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """One step on real, a fresh fake and a blend of both; returns mean scores of both and the penalty, detached."""
    discriminator = state.discriminator
    views = Views(task.size, config, draw.positions)
    real = views.of(task.real)
    with torch.no_grad():
        fake = state.generator(*fake_inputs(task, views, draw))
    share = torch.rand((len(real), 1, 1, 1), generator=draw.values, device=fake.device)
    blend = share * real + (1 - share) * fake
    if config.discriminator_norm:  # batch statistics must not mix real with fake
        real_score, fake_score = discriminator(real).mean(), discriminator(fake).mean()
    else:
        scores = discriminator(torch.cat([real, fake]))
        real_score, fake_score = scores[: len(real)].mean(), scores[len(real) :].mean()
    penalty = gradient_penalty(discriminator, blend)
    state.discriminator_optimizer.zero_grad()
    (fake_score - real_score + config.gradient_penalty_weight * penalty).backward()
    state.discriminator_optimizer.step()
    return real_score.detach(), fake_score.detach(), penalty.detach()


def generator_step(task: Task, config: TrainingConfig, state: State, draw: Draw) -> tuple[Tensor, Tensor]:
    """One step on a fresh fake and the reconstruction; returns the adversarial loss and the RMSE, detached.

    The reference repeats its generator steps on one stale fake; here each step draws and renders its own.
    """
    generator, discriminator = state.generator, state.discriminator
    views = Views(task.size, config, draw.positions)
    fake = generator(*fake_inputs(task, views, draw))
    reconstruction = generator(views.of(task.reconstruction_noise, HALO), views.of(task.reconstruction_prev, HALO))
    discriminator.requires_grad_(False)  # its weight gradients would be thrown away
    adversarial = -discriminator(fake).mean()
    discriminator.requires_grad_(True)
    error = F.mse_loss(reconstruction, views.of(task.real))
    state.generator_optimizer.zero_grad()
    (adversarial + config.reconstruction_weight * error).backward()
    state.generator_optimizer.step()
    return adversarial.detach(), error.detach().sqrt()


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
    draw = Draw.of(task, config, config.iterations_for(task.size))
    whole = Views(task.size, replace(config, windows=0), draw.positions)
    for _ in range(min(max(STATISTICS_PIXELS // (task.size[0] * task.size[1]), 2), 16)):
        generator(*fake_inputs(task, whole, draw))
        generator(task.reconstruction_noise, task.reconstruction_prev)
