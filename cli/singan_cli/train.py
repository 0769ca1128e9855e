"""singan train."""

from __future__ import annotations

import shlex
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from singan_cli import train_options as options
from singan_cli.signals import StoppedBySignal, collect_signals
from singan_cli.terminal import say
from singan_core.masks import is_alpha
from singan_core.picture_files import check_path
from singan_core.processors import check_threads, count_processors
from singan_train.config import expand_layout

if TYPE_CHECKING:
    from singan_train.job import TrainingJob
    from singan_train.report.progress import Progress


def command(
    photo: options.Photo,
    out: options.Out,
    preset: options.Preset = None,
    max_size: options.MaxSize = None,
    min_size: options.MinSize = None,
    layout: options.Layout = None,
    hand_over: options.HandOver = None,
    detail: options.Detail = None,
    scales: options.Scales = None,
    schedule: options.Schedule = None,
    channels: options.Channels = None,
    mask: options.Mask = None,
    classes: options.Classes = None,
    border: options.Border = None,
    iterations: options.Iterations = None,
    precision: options.Precision = None,
    continuation: options.Continuation = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    creator: options.Creator = None,
    licence: options.Licence = None,
    resume: options.Resume = False,
    to_tensorboard: options.Tensorboard = False,
    progress_as_json: options.ProgressAsJson = False,
    preview: options.Preview = True,
    dry_run: options.DryRun = False,
) -> None:
    """Train a model on one photograph and write a run folder.

    A stopped run continues with --resume.
    """
    if classes is not None and (mask is None or "," in mask):
        raise typer.BadParameter("--classes names the classes of one --mask")
    check_files(photo, list_files(mask))
    if threads is not None:
        check_threads(threads)

    asked: dict[str, Any] = {
        "preset": preset,
        "max_size": max_size,
        **expand_layout(layout, min_size),
        "hand_over": hand_over,
        "detail": detail,
        "scales": scales,
        "schedule": schedule,
        "channels": channels,
        "border": border,
        "iterations": iterations,
        "continuation": continuation,
        "precision": precision,
        "seed": seed,
    }
    from singan_train.device import choose_device
    from singan_train.job import TrainingJob

    again = list_mask_words(mask, classes)
    with tempfile.TemporaryDirectory() as folder:  # for the masks of a file with several labels
        masks = read_masks(photo, mask, classes, Path(folder))
        job = TrainingJob(photo, out, asked, choose_device(device), masks, resume, creator, licence)
        threads = say_plan(job, threads)
        if not dry_run:
            train(job, again, to_tensorboard, progress_as_json)
            say_result(out, preview, threads)


def list_files(words: str | None) -> list[Path]:
    """List the files of the value of --mask, or the word alpha."""
    return [Path(word) for word in words.split(",")] if words is not None else []


def list_mask_words(mask: str | None, classes: str | None) -> list[str]:
    """List the words of a command that name its masks."""
    words = ["--mask", mask] if mask is not None else []
    return words + (["--classes", classes] if classes is not None else [])


def read_masks(photo: Path, mask: str | None, classes: str | None, folder: Path) -> list[Path]:
    """Read the value of --mask. What holds several labels is written into a folder, one file each.

    Raises ImageError, or InstallError without pycocotools.
    """
    from singan_runtime.files.label_files import COCO_ENDING, write_masks

    masks: list[Path] = []
    for path in list_files(mask):
        if classes is None and path.suffix.lower() != COCO_ENDING:
            masks.append(path)
            continue
        names = classes.split(",") if classes is not None else []
        masks += write_masks(path, photo, names, folder)
    return masks


def check_files(photo: Path, masks: list[Path]) -> None:
    """Refuse what is no picture file before the seconds that loading PyTorch takes.

    Raises ImageError.
    """
    for path in (photo, *(path for path in masks if not is_alpha(path))):
        check_path(path)


def say_plan(job: TrainingJob, threads: int | None) -> int | None:
    """Print the plan of a job and how long it will take, and return its number of CPU threads.

    None stands for PyTorch's own number, on a GPU.
    """
    import torch

    from singan_cli.training_plan import describe_plan
    from singan_cli.training_time import say_time
    from singan_train.threads import choose_threads, estimate_duration

    start = job.prepare()
    if threads is None and job.device.type == "cpu":
        threads = choose_threads(start.config.detail, count_processors())
    say(describe_plan(start))

    seconds = estimate_duration(start, job.device, threads)
    say_time(seconds, start.config, job.device, torch.get_num_threads())
    return threads


def train(
    job: TrainingJob, mask_words: list[str], to_tensorboard: bool, progress_as_json: bool
) -> None:
    """Train with progress on stderr. Raises StoppedBySignal, which says how to continue."""
    from singan_cli.progress import log_to_tensorboard, show_training

    board = log_to_tensorboard(job.out / "tensorboard" if to_tensorboard else None)
    showing = show_training(as_json=progress_as_json)
    with collect_signals() as signals, showing as show, board as log:

        def report(progress: Progress) -> None:
            show(progress)
            log(progress)

        try:
            job.train(report, lambda: bool(signals))
        except KeyboardInterrupt:
            raise StoppedBySignal(
                signals[0] if signals else signal.SIGINT,
                "stopped; what is done so far is kept; continue with: "
                f"{write_resume_command(job, mask_words)}",
            ) from None


def write_resume_command(job: TrainingJob, mask_words: list[str]) -> str:
    """Write the command that continues a stopped run."""
    words = ["singan", "train", str(job.photo), *mask_words]
    return shlex.join([*words, "--out", str(job.out), "--resume"])


def say_result(out: Path, preview: bool, threads: int | None) -> None:
    """Print where the finished run is, and draw its contact sheet if asked to."""
    say(f"wrote {out}")
    say_unsettled(out)
    if preview:
        from singan_export.preview import write_sheet

        path, shown = write_sheet(out, threads)
        say(f"contact sheet: {path}")
        if 2 * shown.copies > shown.candidates:
            say(
                f"{shown.copies} of {shown.candidates} samples are the photo again: --variation "
                "1.5 makes new ones more different, training with --layout free much more"
            )


def say_unsettled(folder: Path) -> None:
    """Print one line if a discriminator of a finished run never settled."""
    from singan_train.report.summary import find_unsettled

    critics = find_unsettled(folder)
    if not critics:
        return
    places = [
        f"scale {one.scale} (gap {one.gap:.1f}, penalty {one.gradient_penalty:.1f})"
        for one in critics
    ]
    say(
        f"the discriminator stayed unsettled at {', '.join(places)}: this photo's layout is hard "
        "to vary; if samples look broken, try --layout strict"
    )
