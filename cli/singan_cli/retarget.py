"""singan retarget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli import parse, result
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    Keeps,
    MaxPixels,
    Places,
    Seed,
    Threads,
    ZoomWord,
)
from singan_core.errors import RequestError
from singan_core.pyramid import MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from singan_runtime import Sampler


def command(
    bundle: Bundle,
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Exact size of the new canvas in pixels.")
    ],
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
    keep: Keeps = None,
    place: Places = None,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[int | None, result.start_scale("1")] = None,
    seed: Seed = 0,
    background: Background = "white",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Bring the photo itself to another shape.

    Its layout is stretched, everything finer is drawn anew.
    """
    wanted = parse.size(size)
    scale = parse.zoom(zoom)
    colour = parse.background(background)
    places = [parse.place(word) for word in place or ()]
    from singan_cli.progress import say_device
    from singan_runtime import Sampler, editing, retarget

    sampler = Sampler.load(bundle, device, threads, max_pixels)
    start = retarget.START_SCALE if start_scale is None else start_scale
    request: dict[str, Any] = {
        "command": "retarget",
        "zoom": scale,
        "start_scale": start,
        "seed": seed,
    }
    result.prepare(out, wanted)
    say_device(sampler)
    if (keep or places) and sampler.photo is not None and image is None:
        kept = sampler.read_keep(keep or (), places)
        pixels = retarget.retarget_around(sampler, wanted, kept, scale, start, seed)
        result.write(
            out,
            pixels,
            colour,
            sampler,
            bundle,
            request | {"keep": [one.describe() for one in kept]},
        )
        return

    source = editing.read_image(sampler, image) if image is not None else None
    mask = read_mask(sampler, source, keep or [], places)
    made = retarget.retarget(sampler, wanted, scale, start, source, mask, seed)
    request |= {"image": result.told(image), "keep": result.told(Path(keep[0]) if keep else None)}
    request |= {"survival": round(made.survival, 4)} if made.survival is not None else {}
    result.write(out, made.pixels, colour, sampler, bundle, request)
    if made.survival is not None:
        typer.echo(f"similarity of the kept object: {made.survival:.3f} (SSIM; 1 is identical)")


def read_mask(
    sampler: Sampler,
    image: NDArray[np.float32] | None,
    keep: list[str],
    places: list[tuple[float, float | None]],
) -> NDArray[np.bool_] | None:
    """The one mask of an object that generators draw; it stays where the picture has it."""
    from singan_runtime import masks

    if len(keep) > 1 or places:
        raise RequestError(
            "without the photo's own detail one object can be kept, where it stands: leave out --place, --image and "
            "further --keep, or use a model with detail"
        )
    if not keep:
        return None
    if image is not None:
        return masks.read(Path(keep[0]), {(image.shape[2], image.shape[3]): "the image"})
    sizes = {
        sampler.manifest.photo_size: "the photo",
        sampler.trained_size: "preview.png, the photo as trained",
    }
    return masks.read(Path(keep[0]), sizes)
