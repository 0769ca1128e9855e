"""What comes before and after the training of one scale: its data, its networks, its measures."""

from __future__ import annotations

import torch
from torch import Tensor

from singan_core.cascade import with_halo
from singan_train.config import TrainingConfig
from singan_train.crops import BEFORE_THE_FIRST, make_noise_mask, seed_generator
from singan_train.frozen import FrozenPyramid, generated
from singan_train.networks import make_networks
from singan_train.previous import enlarged
from singan_train.run import ScaleMetadata, TrainedScale
from singan_train.run_header import Start
from singan_train.scale_training import DrawPrev, ScaleData
from singan_train.steps import TrainingState


def make_scale_data(
    scale: int,
    real: Tensor,
    header: Start,
    done: list[TrainedScale],
    z: Tensor,
    draw_prev: DrawPrev,
) -> ScaleData:
    """Make what a scale is trained on, given the finished scales below it.

    real is the photo at its size (1, C, H, W), z is z* (1, C, H0+10, W0+10).
    """
    mask = make_noise_mask(real, header.config.border)
    nothing = torch.zeros_like(with_halo(real))
    if scale == 0:
        return ScaleData(0, real, draw_prev, z, nothing, mask, 1.0, 1)

    # A continuation starts from the photo: it has to add detail, not to mend what is below.
    if header.pyramid.is_continuation(scale):
        below = real
    else:
        below = FrozenPyramid.from_scales(header.pyramid, done).reconstruct(z)
    prev = enlarged(below, header.pyramid, scale)
    amplitude = header.config.noise_weight * float((real - prev).square().mean().sqrt())
    return ScaleData(
        scale, real, draw_prev, nothing, with_halo(prev), mask, amplitude, header.channels
    )


def create_state(
    data: ScaleData, config: TrainingConfig, channels: int, done: list[TrainedScale]
) -> TrainingState:
    """Make the networks of a scale, with the weights of the scale below if the widths agree."""
    device = data.real.device
    cpu_generator = seed_generator(config, data.scale, BEFORE_THE_FIRST, torch.device("cpu"))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(cpu_generator.initial_seed())
        generator, discriminator = make_networks(config, data.scale, channels, device)

    if done and done[-1].metadata.width == config.width_at(data.scale):
        generator.load_state_dict(done[-1].generator.state_dict())
        discriminator.load_state_dict(done[-1].discriminator.state_dict())
    return TrainingState.create(generator, discriminator, config)


def measure_scale(data: ScaleData, header: Start, state: TrainingState) -> ScaleMetadata:
    """Collect what is known of a trained scale, the RMSE of its reconstruction among it."""
    reconstruction = generated(state.generator, data.reconstruction_noise, data.reconstruction_prev)
    return ScaleMetadata(
        width=header.config.width_at(data.scale),
        norm=header.config.generator_norm,
        channels=header.channels,
        noise_amplitude=data.noise_amplitude,
        noise_channels=data.noise_channels,
        rmse=float((reconstruction - data.real).square().mean().sqrt()),
    )
