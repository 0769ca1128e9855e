"""Training of one scale: WGAN-GP plus reconstruction (SinGAN sections 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Task:
    """What one scale is trained on: tensors (1, C, H, W) on the training device."""

    scale: int
    real: Tensor
    draw_prev: Callable[[torch.Generator], Tensor]  # a previous-scale sample at this size, (1, C, H, W)
    reconstruction_noise: Tensor  # times its amplitude, with halo
    reconstruction_prev: Tensor  # with halo
    noise_amplitude: float
    noise_channels: int


@dataclass(frozen=True)
class Losses:
    """The terms of one iteration; rmse is of the reconstruction, in [-1, 1] units."""

    real: float
    fake: float
    gradient_penalty: float
    adversarial: float
    rmse: float


Report = Callable[[int, Losses], None]
"""Called every LOG_EVERY iterations with the number of iterations done."""


def random(config: TrainingConfig, scale: int, iteration: int, device: torch.device) -> torch.Generator:
    """The randomness of one iteration, a function of (seed, scale, iteration) alone; -1 is what precedes the first."""
    words = np.random.SeedSequence((config.seed, scale, iteration + 1)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(words[0] >> np.uint64(1)))


def unit_noise(real: Tensor, channels: int, border: str, generator: torch.Generator) -> Tensor:
    """Gaussian noise (1, C, H+10, W+10) for an image like real; zero beyond the canvas unless the border is noise."""
    _, colours, height, width = real.shape
    if border == "noise":
        noise = torch.randn((1, channels, height + 2 * HALO, width + 2 * HALO), generator=generator, device=real.device)
    else:
        noise = with_halo(torch.randn((1, channels, height, width), generator=generator, device=real.device))
    return noise.expand(-1, colours, -1, -1)


def gradient_penalty(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Mean over pixels of (|gradient over channels| - 1)^2, for images (B, C, H, W).

    Source: Gulrajani et al. 2017, eq. 3; the norm per pixel follows SinGAN's reference code.
    """
    images = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def train_scale(
    task: Task, config: TrainingConfig, generator: Generator, discriminator: Discriminator, report: Report
) -> None:
    """Train both networks in place. Raises TrainingError if a loss stops being a number."""
    device = task.real.device
    generator.train()
    discriminator.train()
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)
        for network in (generator, discriminator)
    ]
    for iteration in range(config.iterations):
        if iteration == int(config.decay_at * config.iterations):
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] *= config.decay
        randomness = random(config, task.scale, iteration, device)
        for _ in range(config.discriminator_steps):
            critic = discriminator_step(task, config, generator, discriminator, optimizers[1], randomness)
        for _ in range(config.generator_steps):
            made = generator_step(task, config, generator, discriminator, optimizers[0], randomness)
        if (iteration + 1) % LOG_EVERY == 0 or iteration + 1 == config.iterations:
            losses = Losses(*(float(value) for value in (*critic, *made)))
            if not np.isfinite(losses.real + losses.fake + losses.adversarial + losses.rmse):
                raise TrainingError(
                    f"scale {task.scale}: the loss is no longer a number at iteration {iteration + 1}; "
                    "train again with another --seed"
                )
            report(iteration + 1, losses)
    if config.generator_norm:
        gather_statistics(task, config, generator)
    generator.eval()
    discriminator.eval()


def fake_inputs(task: Task, config: TrainingConfig, randomness: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise times its amplitude and a previous-scale sample, each (1, C, H+10, W+10)."""
    noise = unit_noise(task.real, task.noise_channels, config.border, randomness) * task.noise_amplitude
    return noise, with_halo(task.draw_prev(randomness))


def discriminator_step(
    task: Task,
    config: TrainingConfig,
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    randomness: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step on real, a fresh fake and a blend of both; returns mean scores of both and the penalty, detached."""
    with torch.no_grad():
        fake = generator(*fake_inputs(task, config, randomness))
    share = torch.rand((), generator=randomness, device=fake.device)
    blend = share * task.real + (1 - share) * fake
    if config.discriminator_norm:  # batch statistics must not mix real with fake
        real_score, fake_score = discriminator(task.real).mean(), discriminator(fake).mean()
    else:
        real_score, fake_score = discriminator(torch.cat([task.real, fake])).mean(dim=(1, 2, 3))
    penalty = gradient_penalty(discriminator, blend)
    optimizer.zero_grad()
    (fake_score - real_score + config.gradient_penalty_weight * penalty).backward()
    optimizer.step()
    return real_score.detach(), fake_score.detach(), penalty.detach()


def generator_step(
    task: Task,
    config: TrainingConfig,
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    randomness: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """One step on a fresh fake and the reconstruction; returns the adversarial loss and the RMSE, detached.

    The reference repeats its generator steps on one stale fake; here each step draws and renders its own.
    """
    noise, prev = fake_inputs(task, config, randomness)
    if config.generator_norm:
        fake = generator(noise, prev)
        reconstruction = generator(task.reconstruction_noise, task.reconstruction_prev)
    else:
        both = generator(torch.cat([noise, task.reconstruction_noise]), torch.cat([prev, task.reconstruction_prev]))
        fake, reconstruction = both[:1], both[1:]
    discriminator.requires_grad_(False)  # its weight gradients would be thrown away
    adversarial = -discriminator(fake).mean()
    discriminator.requires_grad_(True)
    error = F.mse_loss(reconstruction, task.real)
    optimizer.zero_grad()
    (adversarial + config.reconstruction_weight * error).backward()
    optimizer.step()
    return adversarial.detach(), error.detach().sqrt()


@torch.no_grad()
def gather_statistics(task: Task, config: TrainingConfig, generator: Generator, passes: int = 64) -> None:
    """Replace the BatchNorm statistics by averages over fakes and reconstructions of the final weights."""
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative average
    randomness = random(config, task.scale, config.iterations, task.real.device)
    for _ in range(passes // 2):
        generator(*fake_inputs(task, config, randomness))
        generator(task.reconstruction_noise, task.reconstruction_prev)
