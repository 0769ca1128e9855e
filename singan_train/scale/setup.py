"""What comes before and after the training of one scale: its data, its networks, its measures."""

from __future__ import annotations

import torch
from torch import Tensor

from singan_core.cascade import pad_halo
from singan_train.config import TrainingConfig
from singan_train.run.folder import ScaleMetadata, TrainedScale
from singan_train.run.header import RunHeader
from singan_train.scale.crops import BEFORE_THE_FIRST, make_noise_mask, seed_generator
from singan_train.scale.networks import make_networks
from singan_train.scale.sample_pool import enlarge
from singan_train.scale.steps import TrainingState
from singan_train.scale.trained_pyramid import TrainedPyramid, generate_image
from singan_train.scale.training import DrawPrev, ScaleData


def make_scale_data(
    scale: int,
    real: Tensor,
    header: RunHeader,
    done: list[TrainedScale],
    z: Tensor,
    draw_prev: DrawPrev,
) -> ScaleData:
    """Make what a scale is trained on, given the finished scales below it.

    real is the photo at its size (1, C, H, W), z is z* (1, C, H0+10, W0+10).
    """
    mask = make_noise_mask(real, header.config.border)
    nothing = torch.zeros_like(pad_halo(real))
    if scale == 0:
        return ScaleData(0, real, draw_prev, z, nothing, mask, 1.0, 1)

    # A continuation starts from the photo: it has to add detail, not to mend what is below.
    if header.pyramid.is_continuation(scale):
        below = real
    else:
        below = TrainedPyramid.from_scales(header.pyramid, done).reconstruct(z)
    prev = enlarge(below, header.pyramid, scale)
    amplitude = header.config.noise_weight * float((real - prev).square().mean().sqrt())
    return ScaleData(
        scale, real, draw_prev, nothing, pad_halo(prev), mask, amplitude, header.channels
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


def measure_scale(data: ScaleData, header: RunHeader, state: TrainingState) -> ScaleMetadata:
    """Collect what is known of a trained scale, the RMSE of its reconstruction among it."""
    reconstruction = generate_image(
        state.generator, data.reconstruction_noise, data.reconstruction_prev
    )
    return ScaleMetadata(
        width=header.config.width_at(data.scale),
        norm=header.config.generator_norm,
        channels=header.channels,
        noise_amplitude=data.noise_amplitude,
        noise_channels=data.noise_channels,
        rmse=float((reconstruction - data.real).square().mean().sqrt()),
    )
