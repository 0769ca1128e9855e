"""Photo in, run folder out: trains the pyramid scale by scale, each of which can be resumed."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from singan_core import noise, resample, stored
from singan_core.arguments import read_object, read_path
from singan_core.arrays import Floats
from singan_core.atomic import make_folder
from singan_core.errors import RequestError, TrainingError
from singan_core.file_names import CONFIG
from singan_core.limits import show
from singan_core.lock import lock_folder
from singan_core.plain_names import are_plain, make_plain
from singan_core.version import find_version
from singan_train.config import IMPORTED, TrainingConfig, list_differences
from singan_train.device import choose_precision
from singan_train.report.pictures import draw_pictures
from singan_train.report.training_log import ShouldStop, ShowProgress, TrainingLog
from singan_train.run import checkpoint
from singan_train.run.folder import (
    TrainedScale,
    count_finished_scales,
    is_finished,
    read_scale,
    remove_unfinished,
    write_manifest,
    write_scale,
)
from singan_train.run.header import (
    RunHeader,
    read_header,
    read_reconstruction_noise,
    write_header,
)
from singan_train.run.training_photo import TrainingPhoto, read_training_photo
from singan_train.scale.networks import place_network
from singan_train.scale.sample_pool import SamplePool
from singan_train.scale.setup import create_state, make_scale_data, measure_scale
from singan_train.scale.trained_pyramid import TrainedPyramid
from singan_train.scale.training import DivergenceError, ScaleData, train_scale

RETRIES = 1
"""How often a scale whose loss became NaN or infinite begins again, with another seed."""


def prepare_run(
    photo: Path, config: TrainingConfig, device: torch.device, masks: Sequence[Path] = ()
) -> tuple[RunHeader, TrainingPhoto]:
    """Read the photo and its masks and plan the pyramid, without writing anything.

    Raises ImageError or RequestError.
    """
    photo = read_path(photo, "photo")
    config = read_object(config, TrainingConfig, "config")
    device = read_object(device, torch.device, "device")
    if not isinstance(masks, list | tuple):
        raise RequestError(f"masks {show(masks)} are not possible: give a list of paths")
    masks = [read_path(mask, "mask") for mask in masks]
    labels = tuple(mask.stem for mask in masks)
    if not are_plain(labels):
        raise RequestError(
            f"masks {', '.join(labels)}: their names become labels, so let them differ and be plain"
        )
    if config.precision == "auto":
        config = dataclasses.replace(config, precision=choose_precision(device))

    source = read_training_photo(photo, masks, config)
    header = RunHeader(
        config,
        name=make_plain(photo.stem),
        photo_sha256=source.sha256,
        photo_size=source.photo_size,
        channels=source.image.shape[1],
        pyramid=source.pyramid,
        device=str(device),
        torch_version=torch.__version__,
        labels=labels,
        stored_sha256="" if source.pixels is None else stored.hash_pixels(source.pixels),
    )
    return header, source


def train(
    photo: Path,
    folder: Path,
    config: TrainingConfig,
    device: torch.device,
    show: ShowProgress = lambda _: None,
    stop: ShouldStop = lambda: False,
    masks: Sequence[Path] = (),
) -> Path:
    """Train a new run and return its folder.

    Masks of the photo become labels. With detail the photo is stored in the run. Every few
    iterations show gets the progress, and stop says whether to stop; what is done by then is kept
    for resume.

    Raises ImageError, RequestError, TrainingError or OutputError, and KeyboardInterrupt after stop.
    """
    folder = read_path(folder, "folder")
    header, source = prepare_run(photo, config, device, masks)
    make_folder(folder)
    with lock_folder(folder):
        if (folder / CONFIG).exists() or is_finished(folder):
            raise TrainingError(
                f"{folder}: a run is already there; "
                "continue it with --resume or choose another folder"
            )
        source.store(folder)
        write_header(folder, header, draw_reconstruction_noise(header))
        _train_scales(folder, header, source.image, device, show, stop)
    return folder


def read_resumable(folder: Path) -> RunHeader:
    """Read the header of a run that can go on.

    Raises BundleError if there is none, or TrainingError for an imported run.
    """
    header = read_header(folder)
    if header.config.preset == IMPORTED:
        raise TrainingError(
            f"{folder}: an imported run cannot be trained further; train a new one into another "
            "folder"
        )
    return header


def resume(
    photo: Path,
    folder: Path,
    asked: dict[str, Any],
    device: torch.device,
    show: ShowProgress = lambda _: None,
    stop: ShouldStop = lambda: False,
    masks: Sequence[Path] = (),
) -> Path:
    """Continue a run where it stopped and return its folder.

    The result is that of an uninterrupted run, on the same device with as many threads. asked are
    the options that the user gave; they must agree with the run.

    Raises TrainingError if they, the photo or the masks differ, and whatever train raises.
    """
    photo, folder = read_path(photo, "photo"), read_path(folder, "folder")
    asked = read_object(asked, dict, "asked")
    header = read_resumable(folder)
    source = _read_same(photo, folder, header, asked, device, masks)

    make_folder(folder)
    with lock_folder(folder):
        unfinished = count_finished_scales(folder, len(header.pyramid.sizes))
        _, iteration = checkpoint.read_position(folder, unfinished)
        remove_unfinished(folder, unfinished, iteration)
        if not is_finished(folder):
            source.store(folder)  # the same bytes, whatever became of the file
        _train_scales(folder, header, source.image, device, show, stop)
    return folder


def _read_same(
    photo: Path,
    folder: Path,
    header: RunHeader,
    asked: dict[str, Any],
    device: torch.device,
    masks: Sequence[Path],
) -> TrainingPhoto:
    """Read the photo again. Raises TrainingError unless all is as the run was begun with."""
    if different := list_differences(header.config, asked):
        raise TrainingError(
            f"{folder}: cannot resume with {', '.join(different)}; leave the options out"
        )

    fresh, source = prepare_run(photo, header.config, device, masks)
    if fresh.labels != header.labels:
        theirs, given = (", ".join(labels) or "none" for labels in (header.labels, fresh.labels))
        raise TrainingError(
            f"{folder}: was begun with the masks {theirs}, not {given}; pass the same --mask"
        )

    if fresh.photo_sha256 != header.photo_sha256:
        what = "photo and masks" if masks else "photo"
        raise TrainingError(
            f"{photo}: not the {what} that {folder} was begun with ({header.name}); pass the same"
        )
    return source


def draw_reconstruction_noise(header: RunHeader) -> Floats:
    """Draw z*: unit noise (1, H0+10, W0+10), its rim following the border mode.

    Source: SinGAN, section 3.2.
    """
    config = header.config
    return noise.draw_for_canvas(
        config.seed, 0, noise.RECONSTRUCTION_FRAME, 1, header.pyramid.shapes[0], config.border
    )


def _train_scales(
    folder: Path,
    header: RunHeader,
    image: Floats,
    device: torch.device,
    show: ShowProgress,
    stop: ShouldStop,
) -> None:
    """Train the scales that are missing, each from those below it, and declare the run finished."""
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
