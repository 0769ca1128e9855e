"""singan retarget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from singan_cli import parse, result
from singan_cli.options import Background, Bundle, Device, MaxPixels, Seed, Threads, ZoomWord

from singan_core.pyramid import MAX_PIXELS


def command(
    bundle: Bundle,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Exact size of the new canvas in pixels.")],
    out: result.Out,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image",
            metavar="OTHER",
            help="Another picture instead, or the training photo's file for a sharper object.",
            show_default="the photo as the model knows it",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="MASK",
            help="Picture of the photo's size in pixels: what is white there keeps its shape and place.",
            show_default="nothing",
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[int | None, result.start_scale("1")] = None,
    seed: Seed = 0,
    background: Background = "white",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Bring the photo itself to another shape: its layout stretched, everything finer drawn anew."""
    wanted = parse.size(size)
    scale = parse.zoom(zoom)
    colour = parse.background(background)
    from singan_cli.progress import say_device

    from singan_runtime import Sampler, editing, masks, retarget

    sampler = Sampler.load(bundle, device, threads, max_pixels)
    source = editing.read_image(sampler, image) if image is not None else None
    if source is not None:
        sizes = {source.shape[2:]: "the image"}
    else:
        sizes = {sampler.manifest.photo_size: "the photo", sampler.trained_size: "preview.png, the photo as trained"}
    kept = masks.read(keep, sizes) if keep is not None else None
    start = retarget.START_SCALE if start_scale is None else start_scale
    result.prepare(out, wanted)
    say_device(sampler)
    made = retarget.retarget(sampler, wanted, scale, start, source, kept, seed)
    request = {"command": "retarget", "image": result.told(image), "keep": result.told(keep), "zoom": scale}
    request |= {"start_scale": start, "seed": seed}
    request |= {"survival": round(made.survival, 4)} if made.survival is not None else {}
    result.write(out, made.pixels, colour, sampler, bundle, request)
    if made.survival is not None:
        typer.echo(f"the kept object survived to {made.survival:.3f} (SSIM inside the mask, 1 is unchanged)")
