"""Options that several commands share, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder made by 'singan export'.")]
ZoomWord = Annotated[
    str,
    typer.Option(
        "--zoom",
        metavar="NUMBER|auto|area",
        help="How large the scene is drawn: above 0; 1 keeps the trained texture scale, 2 draws all twice as large; "
        "auto keeps the composition, area as much of the scene as the photo shows.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the first picture, 0 to 2^64-1.")]
Device = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda or cuda:N; strict, no silent fallback.")
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="CPU threads, 1 or more.", show_default="one per core"),
]
MaxPixels = Annotated[
    int, typer.Option("--max-pixels", min=1, help="Largest whole picture allowed, in pixels.")
]
Background = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="COLOUR",
        help="Behind transparent pictures in formats without alpha.",
    ),
]
Tileable = Annotated[
    str,
    typer.Option(
        "--tileable",
        metavar="x|y|xy",
        help="The picture repeats without a seam along x, y or both, and so does the result.",
        show_default="its edges do not meet",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Keeps = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="MASK|LABEL|alpha",
        help="An object of the photo that stands in the picture as it is: what is white in a picture of the photo's "
        "size in pixels, a label of the model, or what is opaque; may be repeated.",
    ),
]
Places = Annotated[
    list[str] | None,
    typer.Option(
        "--place",
        metavar="left|centre|right|X,Y",
        help="Centre of the kept object in shares of the picture, once for each; the words leave its height.",
        show_default="where the photo has it",
    ),
]
