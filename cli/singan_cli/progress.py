"""How far long work is: bars on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from singan_runtime import Sampler
    from singan_train.progress import Progress

LINE_EVERY = 10.0  # seconds between plain lines


def describe(progress: Progress) -> str:
    """Scale, iteration, losses and time left on one line."""
    losses = progress.losses
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    return (
        f"scale {progress.scale + 1}/{progress.scales} iteration {progress.iteration}/{progress.iterations} "
        f"critic {losses.real:+.2f}/{losses.fake:+.2f} penalty {losses.gradient_penalty:.2f} "
        f"rmse {losses.rmse:.3f} left {minutes}:{seconds:02d}"
    )


@contextmanager
def training_progress(
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[Progress], None]]:
    """A callback that shows training progress."""
    if not sys.stderr.isatty():
        last = [now()]  # no line at once: the first report knows too little of the time left

        def plain(progress: Progress) -> None:
            if now() - last[0] >= LINE_EVERY or progress.iteration == progress.iterations:
                last[0] = now()
                print(describe(progress), file=sys.stderr, flush=True)

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as bars:
        bar = bars.add_task("starting")

        def live(progress: Progress) -> None:
            bars.update(bar, completed=progress.share, total=1.0, description=describe(progress))

        yield live


@contextmanager
def tensorboard(folder: Path | None) -> Iterator[Callable[[Progress], None]]:
    """A callback that writes the losses of every scale for TensorBoard into the folder, if there is one."""
    if folder is None:
        yield lambda _: None
        return
    from singan_core.errors import InstallError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InstallError(
            "--tensorboard needs tensorboard; run: pip install 'singan[tensorboard]'"
        ) from error
    with SummaryWriter(str(folder)) as writer:

        def tell(progress: Progress) -> None:
            for name, value in dataclasses.asdict(progress.losses).items():
                writer.add_scalar(f"scale_{progress.scale:02d}/{name}", value, progress.iteration)

        yield tell


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A callback to call after each of total things."""
    if not sys.stderr.isatty():
        done = [0, time.monotonic()]

        def plain() -> None:
            done[0] += 1
            if time.monotonic() - done[1] >= LINE_EVERY:
                done[1] = time.monotonic()
                print(f"{what} {done[0]}/{total}", file=sys.stderr, flush=True)

        yield plain
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=total)
        yield lambda: bars.advance(bar)


def say_device(sampler: Sampler) -> None:
    """What --device auto has chosen."""
    print(f"drawing with ONNX Runtime's {sampler.graphs.provider}", file=sys.stderr)
