"""singan plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.terminal import say


def command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder made by 'singan train', finished or not.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.png",
            help="PNG file to write.",
            show_default="RUN/plot.png",
        ),
    ] = None,
) -> None:
    """Draw a run's loss curves and its pyramid into a PNG."""
    from singan_train.report.plot import plot_run

    path = out or run / "plot.png"
    plot_run(run, path)
    say(f"wrote {path}")
