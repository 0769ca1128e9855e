"""The options of singan train-many and render-many, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.models_folder import find_bundle
from singan_cli.options import limit_to
from singan_core.encoding import FORMATS
from singan_core.picture_failures import READABLE

MOST_WORKERS = 10_000

Photos = Annotated[
    list[Path], typer.Argument(metavar="PHOTOS...", help=f"{READABLE} files, one for each model.")
]
Runs = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="RUNS", help="Folder of the runs, one for each photo."),
]
Bundles = Annotated[
    Path | None,
    typer.Option(
        "--bundles",
        metavar="BUNDLES",
        help="Also export every run, into this folder. With SINGAN_MODELS set to it, the models "
        "have their photos' names.",
        show_default="no export",
    ),
]
Requests = Annotated[
    Path,
    typer.Argument(
        metavar="REQUESTS",
        help='File with a line of JSON for each picture, as in {"model": "hill", "size": '
        '"1920x1080", "seed": 3}.',
    ),
]
Pictures = Annotated[
    Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder of the pictures.")
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="BUNDLE",
        callback=lambda path: path and find_bundle(path),
        help="Bundle or name of the model for lines that name none.",
        show_default="every line names one",
    ),
]
Format = Annotated[
    str, typer.Option("--format", **limit_to(FORMATS), help="png, jpeg, webp or avif.")
]
Address = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="ray://HOST:PORT",
        help="Ray cluster that does the work.",
        show_default="this machine",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=MOST_WORKERS,
        help=f"Workers at a time, 1 to {MOST_WORKERS}.",
        show_default="as many as there is room for",
    ),
]
WorkerThreads = Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each worker.")]
Gpus = Annotated[
    float,
    typer.Option(
        "--gpus",
        min=0,
        max=64,
        help="GPUs of each worker: 0 works on the CPU, 0.25 lets four share a GPU.",
    ),
]
