"""singan retarget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli import parse, result
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    HasMetadata,
    Keeps,
    MaxPixels,
    Places,
    Quality,
    Seed,
    Threads,
    ZoomWord,
)
from singan_cli.terminal import say
from singan_core.errors import RequestError
from singan_core.fitting import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singan_core.arrays import Floats, Mask
    from singan_runtime import Sampler

CanvasSize = Annotated[
    str,
    typer.Option(
        "--size",
        metavar="WxH|NAME",
        help="Exact size of the new canvas in pixels, or its name.",
    ),
]
OtherImage = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="OTHER",
        help="Another picture instead, or the training photo's file for a sharper object.",
        show_default="the photo as the model knows it",
    ),
]


def command(
    bundle: Bundle,
    size: CanvasSize,
    out: result.Out,
    image: OtherImage = None,
    keep: Keeps = None,
    place: Places = None,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[int | None, result.start_scale("1")] = None,
    seed: Seed = 0,
    background: Background = "white",
    quality: Quality = None,
    metadata: HasMetadata = True,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Bring the photo itself to another shape.

    Its layout is stretched, everything finer is drawn anew.
    """
    wanted = parse.read_size(size)
    scale = parse.read_zoom(zoom)
    target = result.Target(out, parse.read_background(background), quality, metadata)
    places = [parse.read_place(word) for word in place or ()]

    from singan_cli.progress import say_device
    from singan_runtime.edits import editing, retarget
    from singan_runtime.files.provenance import describe_file

    sampler = open_sampler(bundle, device, threads, max_pixels)
    start = retarget.START_SCALE if start_scale is None else start_scale
    request: dict[str, Any] = {"command": "retarget", "zoom": scale}
    request |= {"start_scale": start, "seed": seed}
    target.check(wanted)
    say_device(device)

    if (keep or places) and sampler.photo is not None and image is None:
        kept = sampler.read_keep(keep or (), places)
        pixels = retarget.retarget_around(sampler, wanted, kept, scale, start, seed)
        request |= {"keep": [one.describe() for one in kept]}
        target.write(pixels, sampler, request)
        return

    source = editing.read_image(sampler, image) if image is not None else None
    mask = read_mask(sampler, source, keep or [], places)
    made = retarget.retarget(sampler, wanted, scale, start, source, mask, seed)
    mask_file = describe_file(Path(keep[0]) if keep else None)
    request |= {"image": describe_file(image), "keep": mask_file}
    request |= {"survival": round(made.similarity, 4)} if made.similarity is not None else {}
    target.write(made.pixels, sampler, request)
    if made.similarity is not None:
        say(f"similarity of the kept object: {made.similarity:.3f} (SSIM; 1 is identical)")


def read_mask(
    sampler: Sampler,
    image: Floats | None,
    keep: Sequence[str],
    places: Sequence[tuple[float | None, float | None]],
) -> Mask | None:
    """Read the one mask of an object that generators draw.

    The object stays where the picture has it. Raises RequestError or ImageError.
    """
    from singan_runtime import masks

    if len(keep) > 1 or places:
        raise RequestError(
            "without the photo's own detail one object can be kept, where it stands: leave out "
            "--place, --image and further --keep, or use a model with detail"
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
