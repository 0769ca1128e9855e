"""singan serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.options import Device, MaxPixels, Threads
from singan_core.fitting import MAX_PIXELS

Models = Annotated[
    Path,
    typer.Argument(
        metavar="MODELS", help="Folder of bundle folders, or one folder made by 'singan export'."
    ),
]


def command(
    models: Models,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port.")] = 8000,
    max_models: Annotated[
        int, typer.Option("--max-models", min=1, help="Models that are open at once.")
    ] = 4,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Pictures that are made at once.")
    ] = 2,
    queue: Annotated[
        int,
        typer.Option(
            "--queue", min=1, help="Pictures that are made or wait; more are refused (503)."
        ),
    ] = 32,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that a client waits at most.")
    ] = 60.0,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            "--cache-dir",
            help="Folder that keeps what was made; several processes may share it.",
            show_default="memory alone",
        ),
    ] = None,
    cache_size: Annotated[
        float, typer.Option("--cache-size", min=0.001, help="GB that the folder holds at most.")
    ] = 10.0,
    warm: Annotated[
        bool, typer.Option("--warm", help="Open the first models at the start.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Serve pictures for every screen from URLs.

    A URL that has a model's id and a seed stands for the same picture for ever.
    """
    from singan_runtime.serve import server
    from singan_runtime.serve.settings import Settings

    settings = Settings(
        folder=models,
        device=device,
        threads=threads,
        max_pixels=max_pixels,
        max_models=max_models,
        workers=workers,
        queue=queue,
        timeout=timeout,
        cache_folder=cache_dir,
        cache_size=round(cache_size * 1e9),
        warm=warm,
    )
    server.run(settings, host, port)
