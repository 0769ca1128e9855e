"""singan import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.terminal import say


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="Checkpoint folder of the reference SinGAN: folders 0, 1, ... beside "
            "NoiseAmp.pth.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the new run.")],
) -> None:
    """Turn a checkpoint of the reference SinGAN into a run.

    Nothing in the checkpoint is executed.
    """
    from singan_train.reference.importer import import_checkpoint

    start = import_checkpoint(path, out)
    height, width = start.photo_size
    say(
        f"{start.name}: {width}x{height}, {start.channels} channels, "
        f"{len(start.pyramid.shapes)} scales, factor {start.pyramid.scale_factor:.4f}, "
        f"border {start.config.border}"
    )
    say(f"wrote {out}")
