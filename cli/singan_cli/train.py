"""singan train."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli.failure import Stopped
from singan_core.manifest import MOST_DETAIL
from singan_core.masks import is_alpha
from singan_core.picture_files import READABLE, check_path
from singan_train.config import LAYOUTS, MOST_ON_CUDA, PRESETS, WITHOUT_DETAIL, TrainingConfig

if TYPE_CHECKING:
    import torch

    from singan_train.progress import Progress
    from singan_train.run_header import Start

DETAIL_THREADS = 1
"""CPU threads of a run with detail: on canvases of a few dozen pixels a second thread saves a fifth of the time."""
SPARED = 1
"""Processors that a run without detail leaves to others: where something else keeps a thread's processor busy, all
threads wait for that one dozens of times a step.
"""
LONG = 1800
"""Seconds from which on training is said to be long."""


def _by_preset(field: str, presets: Mapping[str, TrainingConfig] = PRESETS) -> str:
    return ", ".join(f"{name} {getattr(config, field)}" for name, config in presets.items())


def _either(field: str) -> str:
    """The default with detail, and without it by preset."""
    return f"{getattr(TrainingConfig, field)}; without detail: {_by_preset(field, WITHOUT_DETAIL)}"


def command(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help=f"{READABLE} file.")],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="Folder of the run.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="draft (the fewest minutes), standard (some more) or paper (hours on a CPU).",
            show_default=TrainingConfig.preset,
        ),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(
            help=f"Longer side of the finest scale, 11 to {MOST_DETAIL} px, at most the photo's own; with detail the "
            "photo is stored at this size.",
            show_default=f"{_either('max_size')}, standard on a GPU {MOST_ON_CUDA}",
        ),
    ] = None,
    min_size: Annotated[
        int | None,
        typer.Option(
            help="Shorter side of the coarsest scale, 11 to 1024 px.",
            show_default=_either("min_size"),
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="How close pictures stay to the photo's layout: free, scene or strict; it sets --min-size "
            f"({', '.join(f'{name} {one.min_size}' for name, one in LAYOUTS.items())}).",
            show_default="by --min-size",
        ),
    ] = None,
    hand_over: Annotated[
        int | None,
        typer.Option(
            help="Shorter side of the last generator's canvas, 11 to 1024 px, from where detail levels go on.",
            show_default=str(TrainingConfig.hand_over),
        ),
    ] = None,
    detail: Annotated[
        bool | None,
        typer.Option(
            "--detail/--no-detail",
            help="Draw what is finer than the hand-over from the photo itself, which is stored in the model; without "
            "detail generators are trained up to the finest scale.",
            show_default=_by_preset("detail"),
        ),
    ] = None,
    scales: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of scales that are trained, 1 or more.",
            show_default=f"as many as fit factor {TrainingConfig.scale_factor}",
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="How sizes grow from scale to scale: geometric (by a factor) or linear (by as many pixels).",
            show_default=TrainingConfig.schedule,
        ),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(
            help="auto, 1 (grey), 3 (RGB) or 4 (RGBA); auto follows the photo.",
            show_default=TrainingConfig.channels,
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            "--mask",
            metavar="MASK[,MASK...]",
            help="Pictures of the photo's size, white (128 to 255) on an object, or alpha, the photo's own; samples "
            "get labels so named.",
            show_default="no labels",
        ),
    ] = None,
    border: Annotated[
        str | None,
        typer.Option(
            help="What generators see beyond the canvas: zero or noise.",
            show_default=TrainingConfig.border,
        ),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            help="Iterations of a coarse scale, 1 to 1000000.",
            show_default=_by_preset("iterations"),
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Of the arithmetic in training: float32, bfloat16, or auto: bfloat16 where the CPU has it.",
            show_default=_by_preset("precision"),
        ),
    ] = None,
    continuation: Annotated[
        bool | None,
        typer.Option(
            "--continuation/--no-continuation",
            help="Without detail: train one generator more, for pictures drawn larger than the photo (zoom above 1).",
            show_default=_by_preset("continuation", WITHOUT_DETAIL),
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of everything random, 0 to 2^63-1.", show_default=str(TrainingConfig.seed)
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:N; strict, no silent fallback.")
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="CPU threads, 1 or more; several are quicker only where each has a core to itself.",
            show_default=f"{DETAIL_THREADS}; without detail one per core but {SPARED}",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a stopped run in RUN.")
    ] = False,
    to_tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Also write the losses for TensorBoard, into RUN/tensorboard."
        ),
    ] = False,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview/--no-preview", help="End with a contact sheet of samples, RUN/sheet.jpg."
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and write nothing.")
    ] = False,
) -> None:
    """Train a model on one photograph and write a run folder.

    A stopped run continues with --resume.
    """
    masks = [Path(word) for word in mask.split(",")] if mask is not None else []
    for path in (photo, *(path for path in masks if not is_alpha(path))):
        check_path(path)  # before torch is loaded
    import torch

    from singan_cli.progress import tensorboard, training_progress
    from singan_runtime.graphs import processors
    from singan_train import trainer
    from singan_train.config import chosen_layout
    from singan_train.device import resolve

    asked: dict[str, Any] = {
        "preset": preset,
        "max_size": max_size,
        **chosen_layout(layout, min_size),
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
    place = resolve(device)
    if resume:
        start = trainer.to_resume(out)
    else:
        config = chosen(asked, place)
        start = trainer.begin(photo, config, place, masks)[0]
    if threads is None and place.type == "cpu":
        threads = default_threads(start.config.detail, processors())
    typer.echo(plan_text(start))
    say_time(estimate(start, place, threads), start.config, place, torch.get_num_threads())
    if dry_run:
        return
    board = tensorboard(out / "tensorboard" if to_tensorboard else None)
    with asked_to_stop() as signals, training_progress() as show, board as tell:

        def told(progress: Progress) -> None:
            show(progress)
            tell(progress)

        try:
            if resume:
                trainer.resume(photo, out, asked, place, told, lambda: bool(signals), masks)
            else:
                trainer.train(photo, out, config, place, told, lambda: bool(signals), masks)
        except KeyboardInterrupt:
            same = f"{photo} --mask {mask}" if masks else f"{photo}"
            raise Stopped(
                f"stopped; what is done so far is kept; continue with: singan train {same} --out {out} --resume",
                signals[0] if signals else signal.SIGINT,
            ) from None
    typer.echo(f"wrote {out}")
    say_unsettled(out)
    if preview:
        from singan_export.preview import write_sheet

        typer.echo(f"contact sheet: {write_sheet(out, threads)}")


def chosen(asked: dict[str, Any], place: torch.device) -> TrainingConfig:
    """The preset with what was asked for. Raises RequestError."""
    from singan_train import config as configs

    changes = {name: value for name, value in asked.items() if name != "preset"}
    config = configs.preset(asked["preset"] or TrainingConfig.preset, **changes)
    larger = (
        config.preset == "standard"
        and not config.detail
        and place.type == "cuda"
        and asked["max_size"] is None
    )
    return configs.preset("standard", **changes | {"max_size": MOST_ON_CUDA}) if larger else config


def default_threads(detail: bool, processors: int) -> int:
    """Return the CPU threads of a run that was not told how many."""
    return DETAIL_THREADS if detail else max(processors - SPARED, 1)


def estimate(start: Start, place: torch.device, threads: int | None) -> float:
    """Return the expected seconds of training, and leave PyTorch with this number of CPU threads, if one is given.

    On a busy machine several threads wait for each other, so that a few steps would let minutes look like hours: an
    idle machine takes no longer with several threads than with one.
    """
    import torch

    from singan_train.calibration import expected_seconds

    if threads is None:
        return expected_seconds(start, place)
    seconds = []
    for count in sorted({1, threads}):
        torch.set_num_threads(count)
        seconds.append(expected_seconds(start, place))
    return min(seconds)


def say_time(seconds: float, config: TrainingConfig, place: torch.device, threads: int) -> None:
    """Print how long training will take, and what would be shorter if that is long."""
    on = (
        f"{place}, {threads} thread{'s' if threads > 1 else ''}"
        if place.type == "cpu"
        else str(place)
    )
    typer.echo(f"training on {on}: about {duration(seconds)}")
    if seconds > LONG:
        less = "fewer --iterations" if config.detail else "a smaller --max-size"
        shorter = less if config.preset == "draft" else f"--preset draft or {less}"
        typer.echo(
            f"warning: this will be long; {shorter} would be shorter, and --resume goes on after a stop",
            err=True,
        )


def say_unsettled(folder: Path) -> None:
    """One line if a critic of a finished run never came to rest."""
    from singan_train.summary import unsettled

    if critics := unsettled(folder):
        where = ", ".join(
            f"scale {one.scale} (gap {one.gap:.1f}, penalty {one.gradient_penalty:.1f})"
            for one in critics
        )
        typer.echo(
            f"the critic stayed unsettled at {where}: this photo's layout is hard to vary; "
            "if samples look broken, try --layout strict"
        )


def duration(seconds: float) -> str:
    """In words, to about two digits."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def asked_to_stop() -> Iterator[list[signal.Signals]]:
    """A list that fills on the first Ctrl-C or SIGTERM, so that work can end in order; a second one ends it at once."""
    received: list[signal.Signals] = []

    def receive(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def plan_text(start: Start) -> str:
    """The pyramid of a run that has not begun, scale by scale."""
    from singan_train.networks import Discriminator, Generator

    config, pyramid = start.config, start.pyramid
    height, width = start.photo_size
    labels = f" and labels {', '.join(start.labels)}" if start.labels else ""
    lines = [
        f"{start.name}: {width}x{height}, {start.picture_channels} channels{labels}; preset {config.preset}, "
        f"seed {config.seed}, device {start.device}, {config.precision}, border {config.border}",
        f"{len(pyramid.shapes)} scales to train, factor {pyramid.scale_factor:.4f}; an iteration is "
        f"{config.discriminator_steps} discriminator and {config.generator_steps} generator steps",
    ]
    for scale, (rows, columns) in enumerate(pyramid.sizes):
        hidden = config.width_at(scale)
        networks = (
            Generator(start.channels, hidden, config.generator_norm),
            Discriminator(start.channels, hidden, config.discriminator_norm),
        )
        count = sum(parameter.numel() for network in networks for parameter in network.parameters())
        iterations = config.iterations_for((rows, columns))
        name = f"scale {scale}" if scale < len(pyramid.shapes) else "continuation"
        lines.append(
            f"  {name}: {columns}x{rows}, width {hidden}, {count} parameters, {iterations} iterations"
        )
    return "\n".join([*lines, *_detail_lines(start)])


def _detail_lines(start: Start) -> list[str]:
    """What lies above the generators."""
    levels = start.pyramid.levels
    if not levels:
        small = f"no detail levels: the photo is no larger than the hand-over of {start.config.hand_over} px"
        return [small] if start.config.detail else []
    height, width = levels[-1]
    masks = ", and so are the masks" if start.labels else ""
    return [
        f"{len(levels)} detail levels, nothing to train: they draw with pixels of the photo itself",
        *(f"  level {level}: {columns}x{rows}" for level, (rows, columns) in enumerate(levels)),
        f"the photo is stored in the run and in what is exported from it, at {width}x{height}{masks}",
    ]
