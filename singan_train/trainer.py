"""Photo in, run folder out: the pyramid, scale by scale, each resumable."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from singan_core import images, noise, resample, stored
from singan_core.atomic import make_folder
from singan_core.cascade import with_halo
from singan_core.errors import RequestError, TrainingError
from singan_core.manifest import are_names
from singan_core.version import tool_version
from singan_train import checkpoint, material, run
from singan_train import config as configs
from singan_train.config import IMPORTED, TrainingConfig
from singan_train.device import precision
from singan_train.diary import Diary, Show, Stop
from singan_train.frozen import FrozenPyramid, generated
from singan_train.material import Material
from singan_train.networks import Discriminator, Generator
from singan_train.pictures import pictures
from singan_train.previous import Previous, enlarged
from singan_train.run import Facts, Start, TrainedScale
from singan_train.scale import DrawPrev, NotANumberError, Task, train_scale
from singan_train.steps import State
from singan_train.views import noise_mask, random

RETRIES = 1
"""How often a scale whose loss is no number begins again, with another seed."""


def begin(
    photo: Path, config: TrainingConfig, device: torch.device, masks: Sequence[Path] = ()
) -> tuple[Start, Material]:
    """Read the photo and its masks and plan the pyramid, writing nothing. Raises ImageError or RequestError."""
    labels = tuple(mask.stem for mask in masks)
    if not are_names(labels):
        raise RequestError(
            f"masks {', '.join(labels)}: their names become labels, so let them differ and be plain"
        )
    if config.precision == "auto":
        config = dataclasses.replace(config, precision=precision(device))

    found = material.read(photo, masks, config)
    start = Start(
        config,
        photo.stem,
        found.sha256,
        found.photo_size,
        found.image.shape[1],
        found.pyramid,
        str(device),
        torch.__version__,
        labels,
        "" if found.pixels is None else stored.digest(found.pixels),
    )
    return start, found


def train(
    photo: Path,
    folder: Path,
    config: TrainingConfig,
    device: torch.device,
    show: Show = lambda _: None,
    stop: Stop = lambda: False,
    masks: Sequence[Path] = (),
) -> Path:
    """Train a new run; masks of the photo become labels. With detail the photo is stored in it.

    Raises ImageError, RequestError, TrainingError or OutputError, and KeyboardInterrupt when stop says so; what was
    done by then is kept for resume.
    """
    start, found = begin(photo, config, device, masks)
    if (folder / run.CONFIG).exists() or (folder / "manifest.json").exists():
        raise TrainingError(
            f"{folder}: a run is already there; continue it with --resume or choose another folder"
        )
    make_folder(folder)
    found.store(folder)
    run.write_start(folder, start, reconstruction_noise(start))
    _train_scales(folder, start, found.image, device, show, stop)
    return folder


def to_resume(folder: Path) -> Start:
    """The config.json of a run that can go on. Raises BundleError, or TrainingError for an imported run."""
    start = run.read_start(folder)
    if start.config.preset == IMPORTED:
        raise TrainingError(
            f"{folder}: an imported run cannot be trained further; train a new one into another folder"
        )
    return start


def resume(
    photo: Path,
    folder: Path,
    asked: dict[str, Any],
    device: torch.device,
    show: Show = lambda _: None,
    stop: Stop = lambda: False,
    masks: Sequence[Path] = (),
) -> Path:
    """Continue a run where it stopped; same result as an uninterrupted one (same device and number of threads).

    asked holds the options that the user gave: they must agree with the run. Raises TrainingError if not.
    """
    start = to_resume(folder)
    if different := configs.differences(start.config, asked):
        raise TrainingError(
            f"{folder}: cannot resume with {', '.join(different)}; leave the options out"
        )
    fresh, found = begin(photo, start.config, device, masks)
    if fresh.labels != start.labels:
        ours, theirs = (", ".join(labels) or "none" for labels in (start.labels, fresh.labels))
        raise TrainingError(
            f"{folder}: was begun with the masks {ours}, not {theirs}; pass the same --mask"
        )
    if fresh.photo_sha256 != start.photo_sha256:
        what = "photo and masks" if masks else "photo"
        raise TrainingError(
            f"{photo}: not the {what} that {folder} was begun with ({start.name}); pass the same"
        )
    make_folder(folder)
    unfinished = run.finished_scales(folder, len(start.pyramid.sizes))
    run.forget_unfinished(folder, unfinished, checkpoint.peek(folder, unfinished)[1])
    if not (folder / "manifest.json").exists():
        found.store(folder)  # the same bytes, whatever became of the file
    _train_scales(folder, start, found.image, device, show, stop)
    return folder


def reconstruction_noise(start: Start) -> images.Floats:
    """z*, drawn once: unit noise (1, H0+10, W0+10), its rim following the border mode (SinGAN section 3.2)."""
    config = start.config
    return noise.of_canvas(
        config.seed, 0, noise.RECONSTRUCTION_FRAME, 1, start.pyramid.shapes[0], config.border
    )


def _train_scales(
    folder: Path, start: Start, image: images.Floats, device: torch.device, show: Show, stop: Stop
) -> None:
    scales = len(start.pyramid.sizes)
    z = torch.from_numpy(np.load(folder / run.RECONSTRUCTION_NOISE, allow_pickle=False))[None]
    z = z.expand(-1, start.channels, -1, -1).to(device)
    done = [run.read_scale(folder, n) for n in range(run.finished_scales(folder, scales))]
    for trained in done:
        _place(trained.generator, device)
        _place(trained.discriminator, device)
    diary = Diary(folder, start, show, stop)
    previous = Previous(start, device)
    for scale in range(len(done), scales):
        real = torch.from_numpy(resample.resize(image, start.pyramid.sizes[scale]))
        real = real.to(device, memory_format=torch.channels_last)
        task = make_task(scale, real, start, done, z, previous.at(scale, done))
        began = time.monotonic()
        trained = train_one(task, start, done, diary)
        diary.write(
            {"scale": scale, "done": True, "seconds": round(time.monotonic() - began, 3)},
            trained.facts,
        )
        done.append(trained)
        shown = pictures(FrozenPyramid.of(start.pyramid, done), start, z, real)
        run.write_scale(
            folder, scale, trained.facts, trained.generator, trained.discriminator, shown
        )
        checkpoint.forget(folder)
    if not (folder / "manifest.json").exists():
        created = datetime.now(UTC).isoformat(timespec="seconds")
        run.write_manifest(
            folder, start, [trained.facts for trained in done], created, tool_version()
        )


def make_task(
    scale: int, real: Tensor, start: Start, done: list[TrainedScale], z: Tensor, draw_prev: DrawPrev
) -> Task:
    """What the scale is trained on, given the finished scales below it."""
    mask = noise_mask(real, start.config.border)
    if scale == 0:
        return Task(0, real, draw_prev, z, with_halo(torch.zeros_like(real)), mask, 1.0, 1)
    continuing = scale == len(
        start.pyramid.shapes
    )  # from the photo: it has to add detail, not to mend what is below
    prev = enlarged(
        real if continuing else FrozenPyramid.of(start.pyramid, done).reconstruct(z),
        start.pyramid,
        scale,
    )
    amplitude = start.config.noise_weight * float((real - prev).square().mean().sqrt())
    nothing = torch.zeros_like(with_halo(real))
    return Task(scale, real, draw_prev, nothing, with_halo(prev), mask, amplitude, start.channels)


def train_one(task: Task, start: Start, done: list[TrainedScale], diary: Diary) -> TrainedScale:
    """Train one scale, from its checkpoint if there is one; once more with another seed if a loss is no number."""
    for attempt in range(checkpoint.peek(diary.folder, task.scale)[0], RETRIES + 1):
        config = dataclasses.replace(start.config, seed=start.config.seed + attempt * 2**63)
        if task.scale == len(start.pyramid.shapes):
            config = dataclasses.replace(config, reconstruction_weight=config.continuation_weight)
        state = begin_scale(task, config, start.channels, done)
        checkpoint.restore(diary.folder, task.scale, state)
        try:
            train_scale(task, config, state, functools.partial(diary.report, task.scale, attempt))
        except NotANumberError as error:
            diary.write({"scale": task.scale, "failed": str(error)})
            checkpoint.forget(diary.folder)
            failure = error
        else:
            return TrainedScale(judge(task, start, state), state.generator, state.discriminator)
    raise TrainingError(
        f"{failure}, with two seeds; use another photo, another --seed or --preset paper"
    ) from failure


def begin_scale(
    task: Task, config: TrainingConfig, channels: int, done: list[TrainedScale]
) -> State:
    """New networks, begun from the weights of the scale below when the widths agree."""
    device, width = task.real.device, config.width_at(task.scale)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(random(config, task.scale, -1, torch.device("cpu")).initial_seed())
        generator = Generator(channels, width, config.generator_norm)
        discriminator = Discriminator(channels, width, config.discriminator_norm)
    if done and done[-1].facts.width == width:
        generator.load_state_dict(done[-1].generator.state_dict())
        discriminator.load_state_dict(done[-1].discriminator.state_dict())
    _place(generator, device)
    _place(discriminator, device)
    return State.begin(generator, discriminator, config)


def judge(task: Task, start: Start, state: State) -> Facts:
    """What a trained scale knows of itself."""
    made = generated(
        state.generator, task.reconstruction_noise * task.noise_amplitude, task.reconstruction_prev
    )
    rmse = float((made - task.real).square().mean().sqrt())
    width, norm = start.config.width_at(task.scale), start.config.generator_norm
    return Facts(width, norm, start.channels, task.noise_amplitude, task.noise_channels, rmse)


def _place(network: Generator | Discriminator, device: torch.device) -> None:
    """Move a network; the memory format decides the order of sums, so a resumed run must use the same."""
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
