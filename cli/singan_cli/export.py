"""singan export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|BUNDLE",
            help="Folder made by 'singan train', or a bundle to add formats to.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="BUNDLE", help="Folder of the new bundle; needed for a RUN."),
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
        typer.Option(
            "--run",
            metavar="RUN",
            help="Run of the BUNDLE, which torchscript and pt2 are made from.",
        ),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option(
            "--photo",
            metavar="PHOTO",
            help="Photo that supplies the detail, for a RUN without one (imported, or trained with --no-detail).",
            show_default="the run's own",
        ),
    ] = None,
    hand_over: Annotated[
        int | None,
        typer.Option(
            "--hand-over",
            min=11,
            help="Most px, 11 or more, that the shorter side of the last generator's canvas may have.",
            show_default="as trained; 33 with --photo",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a bundle, or a format of it, that is already there."),
    ] = False,
) -> None:
    """Make a bundle of a RUN, or add formats to a BUNDLE.

    Proves that they equal the networks; no proof, no file.
    """
    from singan_cli.verify import format_lines, parity_lines
    from singan_export import bundle, formats

    folders = formats.chosen([word.strip() for word in format.split(",")], precision)
    if out is None and not folders:
        raise typer.BadParameter(
            "name --out BUNDLE to export a run, or --format or --precision to add to a bundle"
        )
    if out is not None and run is not None:
        raise typer.BadParameter(
            "--run belongs to a BUNDLE; with --out the first argument is the run"
        )
    if out is None and (photo is not None or hand_over is not None):
        raise typer.BadParameter("--photo and --hand-over belong to a RUN; name --out BUNDLE")
    if out is None:
        lines = format_lines(bundle.add(source, folders, run, force))
    else:
        measured = bundle.export(source, out, force, folders, photo, hand_over)
        lines = [*parity_lines(measured), *format_lines(measured.formats), *photo_lines(out)]
    for line in lines:
        typer.echo(line)
    for name in folders:
        typer.echo(str(formats.facts(out or source, name)))
    for line in generators_lines(out or source, folders):
        typer.echo(line)
    typer.echo(f"wrote {', '.join(str(source / name) for name in folders) if out is None else out}")


def generators_lines(bundle: Path, folders: list[str]) -> list[str]:
    """Say of a model with detail which of the further formats hold its generators alone."""
    from singan_core import manifest
    from singan_export import formats

    found = manifest.read(bundle, "bundle", check_files=False)
    folders = [name for name in folders if not formats.holds_all(name, found)]
    if found.detail is None or not folders:
        return []
    height, width = found.shapes[-1]
    hold = "holds" if len(folders) == 1 else "hold"
    return [
        f"{', '.join(folders)} {hold} the generators alone, up to {width}x{height}; detail levels are not in there"
    ]


def photo_lines(out: Path) -> list[str]:
    """Say that the photo itself is in the bundle, for those who pass bundles on."""
    from singan_core import manifest, stored

    detail = manifest.read(out, "bundle", check_files=False).detail
    if detail is None:
        return []
    height, width = detail.levels[-1]
    megabytes = (out / stored.PHOTO).stat().st_size / 1e6
    return [
        f"the photo itself is inside: {stored.PHOTO}, {width}x{height}, {megabytes:.1f} MB, without EXIF"
    ]
