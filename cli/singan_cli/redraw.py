"""What singan harmonize and singan edit share: they differ in how deep and how far around the mask they redraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from singan_cli import parse, result

if TYPE_CHECKING:
    from singan_runtime.editing import Redrawing

MaskFile = Annotated[
    Path,
    typer.Option(
        "--mask",
        metavar="MASK|alpha",
        help="Picture of IMAGE's size in pixels: white is redrawn, the rest kept; or alpha, IMAGE's own transparency.",
    ),
]
Reach = Annotated[
    int | None,
    typer.Option(
        "--reach",
        min=0,
        help="How far beyond the mask the change fades out, in pixels of IMAGE, 0 or more.",
        show_default="set by the size",
    ),
]


def run(
    command: str,
    how: Redrawing,
    bundle: Path,
    image: Path,
    mask: Path,
    out: Path,
    start_scale: int | None,
    reach: int | None,
    seed: int,
    tileable: str,
    background: str,
    device: str,
    threads: int | None,
    max_pixels: int,
) -> None:
    """Redraw the masked part of the picture and write the result."""
    colour = parse.background(background)
    from singan_cli.progress import say_device
    from singan_core.masks import ALPHA, is_alpha
    from singan_runtime import Sampler, editing, masks, tiles

    sampler = Sampler.load(bundle, device, threads, max_pixels)
    by_alpha = is_alpha(mask)
    if by_alpha:
        picture, redrawn = editing.read_masked(sampler, image)
    else:
        picture = editing.read_image(sampler, image)
        redrawn = masks.read(mask, {picture.shape[2:]: "the image"})
    size = picture.shape[2:]
    if start_scale is None:
        start_scale = editing.start_scale_of(sampler, size, how)
    reach = editing.reach_at(sampler, size, how) if reach is None else reach
    result.prepare(out, size)
    say_device(sampler)
    pixels = tiles.redraw(sampler, picture, redrawn, how, tileable, start_scale, reach, seed)
    request = {
        "command": command,
        "image": result.told(image),
        "mask": ALPHA if by_alpha else result.told(mask),
    }
    request |= {"start_scale": start_scale, "reach": reach, "seed": seed}
    request |= {"tileable": tileable} if tileable else {}
    result.write(out, pixels, colour, sampler, bundle, request)
