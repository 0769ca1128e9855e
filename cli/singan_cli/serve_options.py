"""The options of singan serve that no other command has, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.models_folder import find_bundle
from singan_cli.options import limit_to
from singan_train.config import PRESETS

Models = Annotated[
    Path,
    typer.Argument(
        metavar="MODELS",
        callback=find_bundle,
        help="Folder of bundles, or one bundle: its folder or file, or the name of a model.",
    ),
]
Host = Annotated[str, typer.Option("--host", help="Address to listen at.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at.")]
MaxClipPixels = Annotated[
    int,
    typer.Option("--max-clip-pixels", min=1, help="Most pixels of all frames of a clip."),
]
MaxBody = Annotated[
    float, typer.Option("--max-body", min=0.001, help="MB of pictures that are sent here at most.")
]
MaxModels = Annotated[
    int, typer.Option("--max-models", min=1, help="Models that are open at once.")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Files that are made at once.")]
Queue = Annotated[
    int,
    typer.Option("--queue", min=1, help="Files that are made or wait; more are refused (503)."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds that a client waits at most.")
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        help="Folder that keeps what was made; several processes may share it.",
        show_default="memory alone",
    ),
]
CacheSize = Annotated[
    float, typer.Option("--cache-size", min=0.001, help="GB that the folder holds at most.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="File of keys, one on a line: then only signed URLs are answered with pictures.",
        show_default="every URL",
    ),
]
Sizes = Annotated[
    str | None,
    typer.Option(
        "--sizes",
        metavar="WxH,...|STEP",
        help="The only sizes that are made: a list, or sides that are multiples of a step.",
        show_default="any",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=1,
        help="Files a minute that are made for one client, 1 or more.",
        show_default="no limit",
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        "--cors",
        metavar="ORIGIN",
        help="Origin of pages whose scripts may read answers, or *. May be repeated.",
        show_default="none",
    ),
]
RootPath = Annotated[
    str, typer.Option("--root-path", help="Path before /v1 where a proxy has the service.")
]
Proxies = Annotated[
    str,
    typer.Option(
        "--proxies", help="Addresses of proxies whose X-Forwarded-For and -Proto are believed."
    ),
]
Warm = Annotated[bool, typer.Option("--warm", help="Open the first models at the start.")]
Train = Annotated[
    bool,
    typer.Option(
        "--train", help="Take photos from anyone and train models on them, one at a time."
    ),
]
TrainPreset = Annotated[
    str,
    typer.Option("--train-preset", help="With --train: the preset.", **limit_to(PRESETS)),
]
TrainIterations = Annotated[
    int | None,
    typer.Option(
        "--train-iterations",
        min=1,
        max=10**6,
        help="With --train: iterations of a scale.",
        show_default="the preset's",
    ),
]
TrainMinutes = Annotated[
    float,
    typer.Option(
        "--train-minutes", min=0.01, help="With --train: minutes that a training takes at most."
    ),
]
TrainModels = Annotated[
    int,
    typer.Option(
        "--train-models", min=1, help="With --train: models that are added to MODELS at most."
    ),
]
