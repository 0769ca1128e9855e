"""singan upscale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli import parse, result
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    HasMetadata,
    MaxPixels,
    Quality,
    Seed,
    Threads,
    Tileable,
)
from singan_core.fitting import MAX_PIXELS


def command(
    bundle: Bundle,
    out: result.Out,
    factor: Annotated[
        float,
        typer.Option(
            "--factor", help="How many times as large, above 1, as far as sides reach 2^20 px."
        ),
    ] = 4.0,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image",
            metavar="FILE",
            help="The training photo itself, or a picture of the same textures.",
            show_default="the photo as the model knows it",
        ),
    ] = None,
    seed: Seed = 0,
    tileable: Tileable = "",
    background: Background = "white",
    quality: Quality = None,
    metadata: HasMetadata = True,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Enlarge the photo by any factor.

    Its finest textures go on beyond the trained size.
    """
    target = result.Target(out, parse.read_background(background), quality, metadata)

    from singan_cli.progress import say_device
    from singan_runtime.edits import editing
    from singan_runtime.files.provenance import describe_file

    sampler = open_sampler(bundle, device, threads, max_pixels)
    source = editing.read_image(sampler, image) if image is not None else None
    size = sampler.trained_size if source is None else source.shape[2:]
    target.check(editing.compute_enlarged_size(size, factor))
    say_device(device)

    pixels = editing.upscale(sampler, factor, source, seed, tileable)
    request = {"command": "upscale", "image": describe_file(image), "factor": factor, "seed": seed}
    request |= {"tileable": tileable} if tileable else {}
    target.write(pixels, sampler, request)
