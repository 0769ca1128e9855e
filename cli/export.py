"""singan export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="Folder made by 'singan train', or a bundle to add formats to.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="BUNDLE", help="Folder of the new bundle; needed for a RUN.")
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME[,...]",
            help="onnx, torchscript, pt2, fused; onnx in fp32 is in every bundle.",
        ),
    ] = "onnx",
    precision: Annotated[
        str, typer.Option("--precision", help="fp32, fp16 or int8; the last two for onnx only.")
    ] = "fp32",
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="RUN", help="Run of the BUNDLE, which torchscript and pt2 are made from."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a bundle, or a format of it, that is already there.")
    ] = False,
) -> None:
    """Make a bundle of a RUN, or add formats to a BUNDLE, and prove that they equal the networks; no proof, no file."""
    from singan_cli.verify import format_lines, parity_lines

    from singan_export import bundle, formats

    folders = formats.chosen([word.strip() for word in format.split(",")], precision)
    if out is None and not folders:
        raise typer.BadParameter("name --out BUNDLE to export a run, or --format or --precision to add to a bundle")
    if out is not None and run is not None:
        raise typer.BadParameter("--run belongs to a BUNDLE; with --out the first argument is the run")
    if out is None:
        lines = format_lines(bundle.add(source, folders, run, force))
    else:
        measured = bundle.export(source, out, force, folders)
        lines = [*parity_lines(measured), *format_lines(measured.formats)]
    for line in lines:
        typer.echo(line)
    for name in folders:
        typer.echo(str(formats.facts(out or source, name)))
    typer.echo(f"wrote {', '.join(str(source / name) for name in folders) if out is None else out}")
