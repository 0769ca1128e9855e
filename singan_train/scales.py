"""Trains the scales that a run lacks, each from those below it, and declares the run finished."""

from __future__ import annotations

import dataclasses
import functools
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from singan_core import resample
from singan_core.arrays import Floats
from singan_core.errors import TrainingError
from singan_core.version import find_version
from singan_train.report.pictures import draw_pictures
from singan_train.report.training_log import ShouldStop, ShowProgress, TrainingLog
from singan_train.run import checkpoint
from singan_train.run.folder import (
    TrainedScale,
    count_finished_scales,
    is_finished,
    read_scale,
    write_manifest,
    write_scale,
)
from singan_train.run.header import RunHeader, read_reconstruction_noise
from singan_train.scale.networks import place_network
from singan_train.scale.sample_pool import SamplePool
from singan_train.scale.setup import create_state, make_scale_data, measure_scale
from singan_train.scale.trained_pyramid import TrainedPyramid
from singan_train.scale.training import DivergenceError, ScaleData, train_scale

RETRIES = 1
"""How often a scale whose loss became NaN or infinite begins again, with another seed."""


def train_scales(
    folder: Path,
    header: RunHeader,
    image: Floats,
    device: torch.device,
    show: ShowProgress,
    stop: ShouldStop,
) -> None:
    """Train the missing scales on the photo, float (1, C, H, W). Raises TrainingError."""
    z = torch.from_numpy(read_reconstruction_noise(folder, header))[None]
    z = z.expand(-1, header.channels, -1, -1).to(device)

    # the finished scales
    scales = len(header.pyramid.sizes)
    done = [read_scale(folder, n) for n in range(count_finished_scales(folder, scales))]
    for trained in done:
        place_network(trained.generator, device)
        place_network(trained.discriminator, device)

    # the others
    log = TrainingLog(folder, header, show, stop)
    pool = SamplePool(header, device)
    for scale in range(len(done), scales):
        real = torch.from_numpy(resample.resize(image, header.pyramid.sizes[scale]))
        real = real.to(device, memory_format=torch.channels_last)
        data = make_scale_data(scale, real, header, done, z, pool.climb_to(scale, done))
        done.append(_train_timed(data, header, done, log))
        pictures = draw_pictures(TrainedPyramid.from_scales(header.pyramid, done), header, z, real)
        newest = done[-1]
        write_scale(
            folder, scale, newest.metadata, newest.generator, newest.discriminator, pictures
        )
        checkpoint.remove(folder)

    if not is_finished(folder):
        created = datetime.now(UTC).isoformat(timespec="seconds")
        metadata = [trained.metadata for trained in done]
        write_manifest(folder, header, metadata, created, find_version())


def _train_timed(
    data: ScaleData, header: RunHeader, done: list[TrainedScale], log: TrainingLog
) -> TrainedScale:
    """Train one scale and log its summary, with the seconds that it took."""
    began = time.monotonic()
    trained = train_with_retries(data, header, done, log)
    seconds = round(time.monotonic() - began, 3)
    summary = {"scale": data.scale, "done": True, "seconds": seconds}
    log.write_line(summary | dataclasses.asdict(trained.metadata))
    return trained


def train_with_retries(
    data: ScaleData, header: RunHeader, done: list[TrainedScale], log: TrainingLog
) -> TrainedScale:
    """Train one scale, from its checkpoint if there is one.

    If the loss becomes NaN or infinite the scale begins again with another seed, RETRIES times.

    Raises TrainingError after the last of them.
    """
    first_attempt, _ = checkpoint.read_position(log.folder, data.scale)
    for attempt in range(first_attempt, RETRIES + 1):
        config = dataclasses.replace(header.config, seed=header.config.seed + attempt * 2**63)
        if header.pyramid.is_continuation(data.scale):
            config = dataclasses.replace(config, reconstruction_weight=config.continuation_weight)
        state = create_state(data, config, header.channels, done)
        checkpoint.restore(log.folder, data.scale, state)

        report = functools.partial(log.log_iterations, data.scale, attempt)
        try:
            train_scale(data, config, state, report)
        except DivergenceError as error:
            log.write_line({"scale": data.scale, "failed": str(error)})
            checkpoint.remove(log.folder)
            failure = error
        else:
            metadata = measure_scale(data, header, state)
            return TrainedScale(metadata, state.generator, state.discriminator)
    raise TrainingError(
        f"{failure}, with two seeds; use another photo, another --seed or --preset paper"
    ) from failure
