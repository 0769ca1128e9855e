"""The options of 'singan make' that no other command has, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.models_folder import find_bundle
from singan_cli.options import limit_to, name_device
from singan_cli.site.spec import CALM_CANDIDATES, FORMATS
from singan_core.device_names import DRAWING, TRAINING
from singan_core.picture_failures import READABLE
from singan_runtime.measures.calm import SIDES
from singan_runtime.measures.choice import MOST
from singan_runtime.screens import LISTS
from singan_train.config import LAYOUTS

DEVICES = tuple(word for word in TRAINING if word in DRAWING)
"""Words for what both trains and draws."""

Source = Annotated[
    Path,
    typer.Argument(
        metavar="PHOTO|RUN|BUNDLE",
        callback=find_bundle,
        help=f"{READABLE} file; or a run, a bundle or the name of a model, which are drawn from "
        "without a new training.",
    ),
]
Screens = Annotated[
    str,
    typer.Option(
        "--screens",
        metavar=f"{'|'.join(LISTS)}|FILE",
        autocompletion=lambda: list(LISTS),
        help="For which screens: a list by its name, a text or JSON file of names and sizes, or "
        "sizes with commas between them.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="SITE", help="Folder of the pictures and the model.")
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How closely pictures follow the photo's layout: free, scene or strict.",
        show_default="scene",
        **limit_to(LAYOUTS),
    ),
]
Calm = Annotated[
    str,
    typer.Option(
        "--calm",
        help="Where text is to stand: a scene is chosen that is quiet there.",
        show_default="nowhere",
        **limit_to(SIDES),
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Seed of the scene, 0 to 2^64-1.",
        show_default="the best of some",
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        "--candidates",
        min=1,
        max=MOST,
        help=f"Seeds, 1 to {MOST}, from --seed on, of which the one is chosen whose pictures hold "
        "together best.",
        show_default=f"8; with --seed 1; with --calm {CALM_CANDIDATES}",
    ),
]
Device = Annotated[str, name_device(DEVICES, "trains and draws")]
Formats = Annotated[
    str, typer.Option("--formats", help="Formats of every picture, the preferred first.")
]
Open = Annotated[bool, typer.Option("--open", help="Open the page of the site when it is done.")]
USUAL_FORMATS = ",".join(FORMATS)
