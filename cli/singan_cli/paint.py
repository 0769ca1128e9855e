"""singan paint."""

from __future__ import annotations

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
    ZoomWord,
)
from singan_core.fitting import MAX_PIXELS
from singan_runtime.edits.palette import MOST_COLOURS


def command(
    bundle: Bundle,
    image: result.ImageFile,
    out: result.Out,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH|NAME",
            help="Exact size in pixels, or its name.",
            show_default="trained size",
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[
        int | None, result.start_scale("the last generator, without detail 1")
    ] = None,
    colours: Annotated[
        int | None,
        typer.Option(
            "--colours",
            min=2,
            max=MOST_COLOURS,
            help=f"First replace the painting's colours by 2 to {MOST_COLOURS} of the photo's; "
            "5 suits most.",
            show_default="colours stay",
        ),
    ] = None,
    seed: Seed = 0,
    background: Background = "white",
    quality: Quality = None,
    metadata: HasMetadata = True,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Turn a rough painting into a picture like the photo.

    The picture has the painting's layout.
    """
    wanted = parse.read_size(size) if size is not None else None
    scale = parse.read_zoom(zoom)
    target = result.Target(out, parse.read_background(background), quality, metadata)

    from singan_cli.progress import say_device
    from singan_runtime.edits import editing
    from singan_runtime.files.provenance import describe_file

    sampler = open_sampler(bundle, device, threads, max_pixels)
    painting = editing.read_image(sampler, image)
    canvas = wanted or sampler.trained_size
    if start_scale is None:
        start_scale = editing.choose_painting_scale(sampler.fit(canvas, scale))
    target.check(canvas)
    say_device(device)

    pixels = editing.paint(sampler, painting, canvas, scale, start_scale, colours, seed)
    request = {"command": "paint", "image": describe_file(image), "zoom": scale}
    request |= {"start_scale": start_scale, "colours": colours, "seed": seed}
    target.write(pixels, sampler, request)
