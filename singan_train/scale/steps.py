"""One iteration: WGAN-GP and reconstruction (SinGAN sections 3.1 and 3.2) as a function of tensors.

Nothing here draws random numbers or waits for the device, so that on a GPU an iteration is one CUDA
graph (replay.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from singan_train.config import TrainingConfig
from singan_train.scale.networks import Discriminator, Generator


class DiscriminatorBatch(NamedTuple):
    """What a discriminator step sees: crops (B, C, h, w), or with halo (B, C, h+10, w+10)."""

    real: Tensor
    noise: Tensor  # times its amplitude, with halo
    prev: Tensor  # with halo
    share: Tensor  # of real in the blend, (B, 1, 1, 1)


class GeneratorBatch(NamedTuple):
    """What a generator step sees: crops (B, C, h, w), or with halo (B, C, h+10, w+10)."""

    real: Tensor
    noise: Tensor  # times its amplitude, with halo
    prev: Tensor  # with halo
    reconstruction_noise: Tensor  # times its amplitude, with halo
    reconstruction_prev: Tensor  # with halo


@dataclass
class TrainingState:
    """Networks and optimizers of a scale in training, between two iterations."""

    generator: Generator
    discriminator: Discriminator
    generator_optimizer: torch.optim.Adam
    discriminator_optimizer: torch.optim.Adam
    average: list[Tensor]  # of the generator's parameters over the last iterations
    iteration: int = 0  # done so far

    @classmethod
    def create(
        cls, generator: Generator, discriminator: Discriminator, config: TrainingConfig
    ) -> TrainingState:
        """Make fresh optimizers for two networks that lie on their device."""
        average = [parameter.detach().clone() for parameter in generator.parameters()]
        in_graph = average[0].is_cuda  # a captured step must not ask the host how often it has run

        def make_adam(network: torch.nn.Module) -> torch.optim.Adam:
            return torch.optim.Adam(
                network.parameters(),
                lr=config.learning_rate,
                betas=config.betas,
                fused=True,
                capturable=in_graph,
            )

        optimizers = make_adam(generator), make_adam(discriminator)
        return cls(generator, discriminator, *optimizers, average)

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of both optimizers."""
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = rate


def gradient_penalty(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Compute the mean over pixels of (|gradient over channels| - 1)^2, for images (B, C, H, W).

    Source: Gulrajani et al. 2017, eq. 3; the norm per pixel follows SinGAN's reference code.
    """
    return ((discriminator.input_gradient(images).float().norm(2, dim=1) - 1) ** 2).mean()


def step_discriminator(
    config: TrainingConfig, state: TrainingState, batch: DiscriminatorBatch
) -> tuple[Tensor, Tensor, Tensor]:
    """Train the discriminator on real, on a fresh fake and on a blend of both.

    Returns the mean score of real, the mean score of the fake, and the gradient penalty, detached.
    """
    discriminator = state.discriminator
    with torch.no_grad():
        fake = state.generator(batch.noise, batch.prev)

    if config.discriminator_norm:  # batch statistics must not mix real with fake
        real_score = discriminator(batch.real).float().mean()
        fake_score = discriminator(fake).float().mean()
    else:
        scores = discriminator(torch.cat([batch.real, fake])).float()
        real_score, fake_score = scores[: len(fake)].mean(), scores[len(fake) :].mean()

    blend = batch.share * batch.real + (1 - batch.share) * fake
    penalty = gradient_penalty(discriminator, blend)

    state.discriminator_optimizer.zero_grad()
    (fake_score - real_score + config.gradient_penalty_weight * penalty).backward()
    state.discriminator_optimizer.step()
    return real_score.detach(), fake_score.detach(), penalty.detach()


def step_generator(
    config: TrainingConfig, state: TrainingState, batch: GeneratorBatch
) -> tuple[Tensor, Tensor]:
    """Train the generator on a fresh fake and on the reconstruction.

    Returns the adversarial loss and the RMSE of the reconstruction, detached. The reference repeats
    its generator steps on one stale fake; here each step has its own.
    """
    generator, discriminator = state.generator, state.discriminator
    fake = generator(batch.noise, batch.prev)
    reconstruction = generator(batch.reconstruction_noise, batch.reconstruction_prev)

    discriminator.requires_grad_(False)  # its weight gradients would be thrown away
    adversarial = -discriminator(fake).float().mean()
    discriminator.requires_grad_(True)
    error = F.mse_loss(reconstruction, batch.real)

    state.generator_optimizer.zero_grad()
    (adversarial + config.reconstruction_weight * error).backward()
    state.generator_optimizer.step()
    return adversarial.detach(), error.detach().sqrt()


def run_iteration(
    config: TrainingConfig,
    state: TrainingState,
    discriminator_batches: Sequence[DiscriminatorBatch],
    generator_batches: Sequence[GeneratorBatch],
) -> Tensor:
    """Run all steps of an iteration.

    Returns (5,): real score, fake score and gradient penalty of the last discriminator step,
    adversarial loss and RMSE of the last generator step.
    """
    device = generator_batches[0].real.device.type
    with torch.autocast(device, torch.bfloat16, enabled=config.precision == "bfloat16"):
        for discriminator_batch in discriminator_batches:
            discriminator_losses = step_discriminator(config, state, discriminator_batch)
        for generator_batch in generator_batches:
            generator_losses = step_generator(config, state, generator_batch)
    return torch.stack([*discriminator_losses, *generator_losses])
