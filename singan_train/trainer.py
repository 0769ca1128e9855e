"""Photo in, run folder out: begins a run, or goes on with one where it stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from singan_core import noise, stored
from singan_core.arguments import read_object, read_path
from singan_core.arrays import Floats
from singan_core.atomic import make_folder
from singan_core.credits import Credits
from singan_core.errors import RequestError, TrainingError
from singan_core.file_names import CONFIG
from singan_core.limits import show
from singan_core.lock import lock_folder
from singan_core.plain_names import are_plain, make_plain
from singan_train.config import IMPORTED, TrainingConfig, list_differences
from singan_train.device import choose_precision
from singan_train.report.training_log import ShouldStop, ShowProgress
from singan_train.run import checkpoint
from singan_train.run.folder import count_finished_scales, is_finished, remove_unfinished
from singan_train.run.header import RunHeader, read_header, write_header
from singan_train.run.training_photo import TrainingPhoto, read_training_photo
from singan_train.scales import train_scales

NOT_KNOWN = Credits()


def prepare_run(
    photo: Path,
    config: TrainingConfig,
    device: torch.device,
    masks: Sequence[Path] = (),
    credits: Credits = NOT_KNOWN,
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
        credits=credits,
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
    credits: Credits = NOT_KNOWN,
) -> Path:
    """Train a new run and return its folder.

    Masks of the photo become labels. With detail the photo is stored in the run. Credits go into
    the metadata of all that is drawn from it. Every few
    iterations show gets the progress, and stop says whether to stop; what is done by then is kept
    for resume.

    Raises ImageError, RequestError, TrainingError or OutputError, and KeyboardInterrupt after stop.
    """
    folder = read_path(folder, "folder")
    header, source = prepare_run(photo, config, device, masks, credits)
    make_folder(folder)
    with lock_folder(folder):
        if (folder / CONFIG).exists() or is_finished(folder):
            raise TrainingError(
                f"{folder}: a run is already there; "
                "continue it with --resume or choose another folder"
            )
        source.store(folder)
        write_header(folder, header, draw_reconstruction_noise(header))
        train_scales(folder, header, source.image, device, show, stop)
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
        train_scales(folder, header, source.image, device, show, stop)
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
