"""Progress of long work on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from singan_cli.terminal import say

if TYPE_CHECKING:
    from singan_train.report.progress import Progress

LINE_EVERY = 10.0  # seconds between plain lines
JSON_EVERY = 1.0  # seconds between lines for programs


def describe_progress(progress: Progress) -> str:
    """Describe scale, iteration, losses and time left on one line."""
    losses = progress.losses
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return (
        f"scale {progress.scale + 1}/{progress.scales} "
        f"iteration {progress.iteration}/{progress.iterations} "
        f"critic {losses.real:+.2f}/{losses.fake:+.2f} penalty {losses.gradient_penalty:.2f} "
        f"rmse {losses.rmse:.3f} left {minutes}:{seconds:02d}"
    )


def write_progress(progress: Progress) -> str:
    """Write scale (from 0), iteration, share of the work and seconds left as a JSON object."""
    return json.dumps(
        {
            "scale": progress.scale,
            "scales": progress.scales,
            "iteration": progress.iteration,
            "iterations": progress.iterations,
            "share": round(progress.share, 4),
            "seconds_left": round(progress.seconds_left, 1),
        }
    )


@contextmanager
def show_training(
    now: Callable[[], float] = time.monotonic, as_json: bool = False
) -> Iterator[Callable[[Progress], None]]:
    """Give a callback that shows the progress of training. `now` tells the time in seconds."""
    if as_json or not sys.stderr.isatty():
        every, describe = (
            (JSON_EVERY, write_progress) if as_json else (LINE_EVERY, describe_progress)
        )
        last = now()  # the first report knows too little of the time left to be printed

        def print_line(progress: Progress) -> None:
            nonlocal last
            if now() - last >= every or progress.iteration == progress.iterations:
                last = now()
                say(describe(progress), err=True)

        yield print_line
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as bars:
        bar = bars.add_task("starting")

        def update_bar(progress: Progress) -> None:
            line = describe_progress(progress)
            bars.update(bar, completed=progress.share, total=1.0, description=line)

        yield update_bar


@contextmanager
def log_to_tensorboard(folder: Path | None) -> Iterator[Callable[[Progress], None]]:
    """Give a callback that writes the losses for TensorBoard into a folder, if one is named."""
    if folder is None:
        yield lambda _: None
        return

    from singan_core.errors import InstallError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InstallError(
            "--tensorboard needs tensorboard; run: pip install tensorboard (singan's extra)"
        ) from error

    with SummaryWriter(str(folder)) as writer:

        def write_losses(progress: Progress) -> None:
            for name, value in dataclasses.asdict(progress.losses).items():
                writer.add_scalar(f"scale_{progress.scale:02d}/{name}", value, progress.iteration)

        yield write_losses


@contextmanager
def count_progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Give a callback to call after each of `total` things, which shows how many are done."""
    if not sys.stderr.isatty():
        done, last = 0, time.monotonic()

        def print_count() -> None:
            nonlocal done, last
            done += 1
            if time.monotonic() - last >= LINE_EVERY:
                last = time.monotonic()
                say(f"{what} {done}/{total}", err=True)

        yield print_count
        return

    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=total)
        yield lambda: bars.advance(bar)


def say_device(device: str) -> None:
    """Print which device draws, unless auto was asked for and there is nothing but the CPU."""
    from singan_runtime.devices import describe_choice

    if said := describe_choice(device):
        say(said, err=True)
