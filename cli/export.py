"""singan export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder made by 'singan train'.")],
    out: Annotated[Path, typer.Option("--out", metavar="BUNDLE", help="Folder of the bundle.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is already there.")] = False,
) -> None:
    """Export every scale as an ONNX graph and prove that the graphs equal the networks; no proof, no bundle."""
    from singan_cli.verify import parity_lines

    from singan_export.bundle import export

    measured = export(run, out, force)
    for line in parity_lines(measured):
        typer.echo(line)
    typer.echo(f"wrote {out}")
