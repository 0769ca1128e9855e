"""The options of singan dataset that no other command has, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_core.limits import MOST_PICTURES
from singan_runtime.files.dataset_spec import MIN_AREA, MOST_VAL, USUAL_FORMATS

USUAL = ",".join(USUAL_FORMATS)

OutFolder = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Folder of images/, masks/ and the index."),
]
Count = Annotated[
    int,
    typer.Option(
        "--count", "-n", min=1, max=MOST_PICTURES, help=f"Pictures, 1 to {MOST_PICTURES}."
    ),
]
SizeWord = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WxH|NAME",
        help="Exact size in pixels, or its name.",
        show_default="trained; with detail 500 px",
    ),
]
StartScale = Annotated[
    int,
    typer.Option(
        "--start-scale", help="First scale with fresh noise, 0 to the finest; 0 is all random."
    ),
]
KeptLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="LABEL",
        help="A label whose object stands whole in every picture, at a random place.",
    ),
]
Within = Annotated[
    str | None,
    typer.Option(
        "--within",
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="Where the centres of kept objects may lie, in shares of the picture, 0 to 1; only "
        "with --keep.",
        show_default="0,0,1,1",
    ),
]
Scales = Annotated[
    str,
    typer.Option(
        "--scales",
        metavar="LEAST,MOST",
        help="Draw each picture so many times as large as the zoom, at random, 0.01 to 100 times.",
    ),
]
Despeckle = Annotated[
    int,
    typer.Option(
        "--despeckle",
        help="Side in px, odd, 3 to 15: masks take the majority of such a square; 0 is off.",
    ),
]
Formats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT[,FORMAT...]",
        help="Of coco, yolo, voc, png (masks, always written) and hf (Hugging Face).",
    ),
]
Val = Annotated[
    float,
    typer.Option(
        "--val",
        metavar="SHARE",
        help=f"Share of the pictures for validation, up to {MOST_VAL}: they go into val/, the "
        "others into train/.",
    ),
]
Instances = Annotated[
    bool,
    typer.Option(
        "--instances", help="Every connected piece of a label is an annotation of its own."
    ),
]
MinArea = Annotated[
    int | None,
    typer.Option(
        "--min-area",
        metavar="PX",
        help="Pixels that a piece needs to be an annotation; only with --instances.",
        show_default=str(MIN_AREA),
    ),
]
Overlays = Annotated[
    bool,
    typer.Option("--overlays", help="Write pictures with their annotations drawn over them too."),
]
