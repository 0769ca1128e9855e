"""Options that several commands share, with their help."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from singan_cli.models_folder import find_bundle
from singan_core.device_names import DRAWING
from singan_core.encoding import QUALITY
from singan_core.fitting import MAX_SIDE


def limit_to(words: Iterable[str]) -> dict[str, Any]:
    """Return the settings of an option that takes one of some words.

    --help lists the words and the Tab key completes them. The value stays a plain string, so that
    a wrong word is refused by the library, whose message is one line and exits with status 1.
    """
    known = list(words)
    return {"metavar": "|".join(known), "autocompletion": lambda: known}


def name_device(words: tuple[str, ...], verb: str) -> Any:
    """Make the option --device of commands that draw or train."""
    return typer.Option(
        "--device",
        help=f"Device that {verb}. One that is not available is an error, never replaced silently.",
        metavar="|".join(words),
        autocompletion=lambda: [word for word in words if ":" not in word],
    )


Bundle = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE",
        callback=find_bundle,
        help="Folder made by 'singan export', or the name of a model ('singan models').",
    ),
]
ZoomWord = Annotated[
    str,
    typer.Option(
        "--zoom",
        metavar="NUMBER|auto|scene|height|area",
        help="How large the scene is drawn, 0.001 to 1000: 1 keeps the trained texture scale, 2 "
        "draws everything twice as large. scene cuts the picture out of a scene of the photo's "
        "shape, height shows more of the scene in a wide picture, area as much of it as the photo "
        "does; auto takes what suits the model.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the first picture, 0 to 2^64-1.")]
Device = Annotated[str, name_device(DRAWING, "draws")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", help="CPU threads, 1 to 4 per core.", show_default="one per core"),
]
MaxPixels = Annotated[
    int,
    typer.Option(
        "--max-pixels",
        min=1,
        max=MAX_SIDE**2,
        help="Largest whole picture allowed, 1 to 2^40 pixels.",
    ),
]
Background = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="COLOUR",
        help="Colour behind transparent pictures in formats without alpha: a name or #rrggbb.",
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        "--quality",
        min=1,
        max=100,
        help="Quality of a lossy format, 1 to 100: higher is larger and closer.",
        show_default=", ".join(f"{name} {quality}" for name, quality in QUALITY.items()),
    ),
]
HasMetadata = Annotated[
    bool,
    typer.Option(
        "--metadata/--no-metadata",
        help="Say in the file how it was made, and the photo's creator and licence; 'singan "
        "inspect' reads it.",
    ),
]
Tileable = Annotated[
    str,
    typer.Option(
        "--tileable",
        metavar="x|y|xy",
        help="Along x, y or both the picture repeats without a seam, and so will the result.",
        show_default="its edges do not meet",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Keeps = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="MASK|LABEL|alpha",
        help="An object of the photo that stands unchanged in the picture: white in a picture of "
        "the photo's size in pixels, a label of the model, or alpha for what is opaque in the "
        "photo. May be repeated.",
    ),
]
Places = Annotated[
    list[str] | None,
    typer.Option(
        "--place",
        metavar="left|centre|right|X,Y",
        help="Centre of the kept object in shares of the picture, once for each object. left, "
        "centre and right leave its height as it is.",
        show_default="where the photo has it",
    ),
]
