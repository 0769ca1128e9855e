"""One iteration: WGAN-GP and reconstruction (SinGAN sections 3.1 and 3.2), as a function of tensors alone.

Nothing here draws numbers or waits for the device, so that on a GPU an iteration is one CUDA graph (replay.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from singan_train.config import TrainingConfig
from singan_train.networks import Discriminator, Generator


class DiscriminatorBatch(NamedTuple):
    """What a discriminator step sees: views (B, C, h, w), with halo (B, C, h+10, w+10)."""

    real: Tensor
    noise: Tensor  # times its amplitude, with halo
    prev: Tensor  # with halo
    share: Tensor  # of real in the blend, (B, 1, 1, 1)


class GeneratorBatch(NamedTuple):
    """What a generator step sees: views (B, C, h, w), with halo (B, C, h+10, w+10)."""

    real: Tensor
    noise: Tensor  # times its amplitude, with halo
    prev: Tensor  # with halo
    reconstruction_noise: Tensor  # times its amplitude, with halo
    reconstruction_prev: Tensor  # with halo


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
    def begin(
        cls, generator: Generator, discriminator: Discriminator, config: TrainingConfig
    ) -> State:
        """Fresh optimizers for two networks that lie on their device."""
        average = [parameter.detach().clone() for parameter in generator.parameters()]
        in_graph = average[0].is_cuda  # a captured step must not ask the host how often it has run

        def adam(network: torch.nn.Module) -> torch.optim.Adam:
            return torch.optim.Adam(
                network.parameters(),
                lr=config.learning_rate,
                betas=config.betas,
                fused=True,
                capturable=in_graph,
            )

        return cls(generator, discriminator, adam(generator), adam(discriminator), average)

    def set_learning_rate(self, rate: float) -> None:
        """Of both optimizers."""
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = rate


def gradient_penalty(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Mean over pixels of (|gradient over channels| - 1)^2, for images (B, C, H, W).

    Source: Gulrajani et al. 2017, eq. 3; the norm per pixel follows SinGAN's reference code.
    """
    return ((discriminator.input_gradient(images).float().norm(2, dim=1) - 1) ** 2).mean()


def discriminator_step(
    config: TrainingConfig, state: State, batch: DiscriminatorBatch
) -> tuple[Tensor, ...]:
    """One step on real, a fresh fake and a blend of both; mean scores of both and the penalty, detached."""
    discriminator = state.discriminator
    with torch.no_grad():
        fake = state.generator(batch.noise, batch.prev)
    blend = batch.share * batch.real + (1 - batch.share) * fake
    if config.discriminator_norm:  # batch statistics must not mix real with fake
        real_score, fake_score = (
            discriminator(image).float().mean() for image in (batch.real, fake)
        )
    else:
        scores = discriminator(torch.cat([batch.real, fake])).float()
        real_score, fake_score = scores[: len(fake)].mean(), scores[len(fake) :].mean()
    penalty = gradient_penalty(discriminator, blend)
    state.discriminator_optimizer.zero_grad()
    (fake_score - real_score + config.gradient_penalty_weight * penalty).backward()
    state.discriminator_optimizer.step()
    return real_score.detach(), fake_score.detach(), penalty.detach()


def generator_step(
    config: TrainingConfig, state: State, batch: GeneratorBatch
) -> tuple[Tensor, ...]:
    """One step on a fresh fake and the reconstruction; the adversarial loss and the RMSE, detached.

    The reference repeats its generator steps on one stale fake; here each step has its own.
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


def iteration(
    config: TrainingConfig,
    state: State,
    critics: list[DiscriminatorBatch],
    makers: list[GeneratorBatch],
) -> Tensor:
    """All steps of an iteration; real score, fake score, penalty, adversarial loss and RMSE of the last ones, (5,)."""
    with torch.autocast(
        makers[0].real.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"
    ):
        for critic in critics:
            judged = discriminator_step(config, state, critic)
        for maker in makers:
            made = generator_step(config, state, maker)
    return torch.stack([*judged, *made])
