"""singan export."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from singan_cli import engine_options
from singan_cli.bundle_text import list_finished, list_generators_alone, list_photo
from singan_cli.models_folder import find_bundle
from singan_cli.options import limit_to
from singan_cli.parity_text import list_formats, list_parity
from singan_cli.terminal import say
from singan_core import RECEPTIVE_FIELD
from singan_core.file_names import CONFIG

PRECISIONS = ("fp32", "fp16", "int8")
"""The words of --precision. singan_export.formats has them too but is slow to import for --help."""

Source = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|BUNDLE",
        callback=find_bundle,
        help="Folder made by 'singan train', or a bundle to add formats to.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="BUNDLE",
        help="Folder of the new bundle; needed for a RUN. A name that ends in .singan makes a "
        "one-file model, also of a BUNDLE.",
    ),
]
Formats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME[,...]",
        help="onnx, torchscript, pt2, fused, triton or tensorrt, or several; onnx in fp32 is in "
        "every bundle.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="fp32, fp16 or int8; the last two for onnx and tensorrt only.",
        **limit_to(PRECISIONS),
    ),
]
Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Run of the BUNDLE, which torchscript and pt2 are made from.",
        show_default="none",
    ),
]
Photo = Annotated[
    Path | None,
    typer.Option(
        "--photo",
        metavar="PHOTO",
        help="Photo that supplies the detail, for a RUN without any (imported, or trained with "
        "--no-detail).",
        show_default="the run's own",
    ),
]
HandOver = Annotated[
    int | None,
    typer.Option(
        "--hand-over",
        min=RECEPTIVE_FIELD,
        max=1024,
        help="Longest that the shorter side of the last generator's canvas may be, "
        f"{RECEPTIVE_FIELD} to 1024 px.",
        show_default="as trained; 33 with --photo",
    ),
]
Partial = Annotated[
    bool,
    typer.Option(
        "--partial",
        help="Export the scales that are finished of a RUN that is not, for a look at it.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace a bundle, or a format of it, that is already there."),
]


def command(
    source: Source,
    out: Out = None,
    format: Formats = "onnx",
    precision: Precision = "fp32",
    run: Run = None,
    photo: Photo = None,
    hand_over: HandOver = None,
    partial: Partial = False,
    profile_min: engine_options.ProfileMin = None,
    profile_opt: engine_options.ProfileOpt = None,
    profile_max: engine_options.ProfileMax = None,
    detail: engine_options.Detail = "auto",
    force: Force = False,
) -> None:
    """Make a bundle of a RUN, or add formats to a BUNDLE.

    Everything exported is compared with the trained networks; if it differs by too much, nothing is
    written. Engines of tensorrt are not compared; they go into your cache, not into the bundle.
    """
    from singan_export import bundle, formats, one_file

    words = [word.strip() for word in format.split(",")]
    folders = formats.choose_folders(words, precision)
    engines = engine_options.choose(
        formats.ENGINES in words, profile_min, profile_opt, profile_max, detail
    )
    check_options(out, run, photo, hand_over, partial, bool(folders or engines))

    if out is None:
        lines = []
        if folders:
            lines += list_formats(bundle.add(source, folders, run, force))
            lines += describe(source, folders)
            lines.append(f"wrote {', '.join(str(source / name) for name in folders)}")
        if engines:
            lines += engines.build(source, precision, force)
        say("\n".join(lines))
        return

    with ExitStack() as stack:
        made = out
        if one_file.is_file_name(out):
            one_file.check_out(out, force)
            made = Path(stack.enter_context(tempfile.TemporaryDirectory())) / out.stem

        is_asked_more = folders or photo or hand_over or partial
        if made != out and not (source / CONFIG).exists() and not is_asked_more:
            made, lines = source, list_photo(source)
        else:
            measured = bundle.export(source, made, force, folders, photo, hand_over, partial)
            lines = [*list_parity(measured), *list_formats(measured.formats), *list_photo(made)]
            lines += list_finished(source) if partial else []
            lines += describe(made, folders)
        if engines:
            lines += engines.build(made, precision, force)
        if made != out:
            one_file.pack(made, out, force)
    say("\n".join([*lines, f"wrote {out}"]))


def describe(bundle: Path, folders: list[str]) -> list[str]:
    """Say what formats that were added cost, and what they leave out."""
    from singan_export import formats

    costs = [str(formats.measure_cost(bundle, name)) for name in folders]
    return costs + list_generators_alone(bundle, folders)


def check_options(
    out: Path | None,
    run: Path | None,
    photo: Path | None,
    hand_over: int | None,
    partial: bool,
    adds: bool,
) -> None:
    """Raise typer.BadParameter for options that exclude each other.

    `adds` says that formats are asked for which a bundle does not have from the beginning.
    """
    if out is None and not adds:
        raise typer.BadParameter(
            "name --out BUNDLE to export a run, or --format or --precision to add to a bundle"
        )
    if out is not None and run is not None:
        raise typer.BadParameter(
            "--run belongs to a BUNDLE; with --out the first argument is the run"
        )
    if out is None and (photo is not None or hand_over is not None or partial):
        raise typer.BadParameter(
            "--photo, --hand-over and --partial belong to a RUN; name --out BUNDLE"
        )
