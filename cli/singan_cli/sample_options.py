"""The options of singan sample that no other command has, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.options import limit_to
from singan_cli.terminal import say
from singan_core.limits import MOST_PICTURES
from singan_runtime.files.writing import FORMATS
from singan_runtime.graphs import PRECISIONS
from singan_runtime.measures.choice import MOST
from singan_runtime.screens import list_screens


def _print_screens(wanted: bool) -> None:
    if wanted:
        say(list_screens())
        raise typer.Exit


OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR|FILE",
        help="Folder of the pictures, or the file of one, in the format of its ending; needed "
        "unless --deepzoom or --sheet.",
    ),
]
Sizes = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WxH|NAME[,...]",
        help="Exact sizes in pixels, or names (--list-sizes).",
        show_default="trained size",
    ),
]
ListSizes = Annotated[
    bool,
    typer.Option(
        "--list-sizes", callback=_print_screens, is_eager=True, help="Print the names of sizes."
    ),
]
Count = Annotated[
    int,
    typer.Option(
        "--count",
        "-n",
        min=1,
        max=MOST_PICTURES,
        help=f"Pictures of each size, 1 to {MOST_PICTURES}; on a --sheet at most {MOST}.",
    ),
]
FirstSeed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Seed of the first picture, 0 to 2^64-1.",
        show_default="the best of some",
    ),
]
Best = Annotated[
    int | None,
    typer.Option(
        "--best",
        metavar="K",
        min=1,
        max=MOST,
        help=f"Begin K pictures, 1 to {MOST}, and finish the --count that hold together best.",
    ),
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE",
        help="Write one picture of small previews with their seeds, quickly drawn.",
    ),
]
StartScales = Annotated[
    str,
    typer.Option(
        "--start-scale",
        metavar="N[,N...]",
        help="First scale with fresh noise, 0 to the finest: 0 is a new picture, higher ones stay "
        "closer to the photo; several make a folder each.",
    ),
]
Variation = Annotated[
    float,
    typer.Option(
        "--variation",
        help="How much pictures differ from the photo, 0 to 10 times as strongly as by default.",
    ),
]
Tileable = Annotated[
    str,
    typer.Option(
        "--tileable",
        metavar="x|y|xy",
        help="Repeat without a seam along x, y or both; start scale 0 only.",
    ),
]
WindowWord = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="X,Y,W,H", help="Draw only this rectangle of the picture, in pixels."
    ),
]
DeepZoomFolder = Annotated[
    Path | None,
    typer.Option(
        "--deepzoom", metavar="DIR", help="Write one picture as a Deep Zoom folder, png or jpeg."
    ),
]
Like = Annotated[
    Path | None,
    typer.Option(
        "--like",
        metavar="PICTURE",
        help="Repeat a picture that sample drew from this bundle; options beside it change it.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        **limit_to(FORMATS),
        help="png, jpeg, webp, avif or tiff; tiff and --deepzoom take pictures of any size.",
        show_default="that of --out FILE, or png",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        **limit_to(("auto", *PRECISIONS)),
        help="auto (fp64 with detail, else fp32), fp64, fp32; fp16, int8 if exported.",
    ),
]
