"""What singan harmonize and singan edit share: they differ in how deep and how far they redraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli.opening import open_sampler
from singan_cli.result import Target

if TYPE_CHECKING:
    from singan_runtime.edits.editing import Redrawing

MaskFile = Annotated[
    Path,
    typer.Option(
        "--mask",
        metavar="MASK|alpha",
        help="Picture of IMAGE's size in pixels: white is redrawn, the rest kept; or alpha, "
        "IMAGE's own transparency.",
    ),
]
Reach = Annotated[
    int | None,
    typer.Option(
        "--reach",
        min=0,
        help="How far beyond the mask the change fades out, in pixels of IMAGE, 0 to its longer "
        "side.",
        show_default="set by the size",
    ),
]


def run(
    command: str,
    how: Redrawing,
    bundle: Path,
    image: Path,
    mask: Path,
    target: Target,
    start_scale: int | None,
    reach: int | None,
    seed: int,
    tileable: str,
    device: str,
    threads: int | None,
    max_pixels: int,
) -> None:
    """Redraw the masked part of a picture and write the result."""
    from singan_cli.progress import say_device
    from singan_core.masks import ALPHA, is_alpha
    from singan_runtime import masks
    from singan_runtime.edits import editing, seamless
    from singan_runtime.files.provenance import describe_file

    sampler = open_sampler(bundle, device, threads, max_pixels)
    by_alpha = is_alpha(mask)
    if by_alpha:
        picture, redrawn = editing.read_masked(sampler, image)
    else:
        picture = editing.read_image(sampler, image)
        redrawn = masks.read(mask, {picture.shape[2:]: "the image"})

    size = picture.shape[2:]
    if start_scale is None:
        start_scale = editing.choose_start_scale(sampler, size, how)
    if reach is None:
        reach = editing.choose_reach(sampler, size, how)
    target.check(size)
    say_device(device)

    pixels = seamless.redraw(sampler, picture, redrawn, how, tileable, start_scale, reach, seed)
    request: dict[str, Any] = {"command": command, "image": describe_file(image)}
    request |= {"mask": ALPHA if by_alpha else describe_file(mask), "start_scale": start_scale}
    request |= {"reach": reach, "seed": seed}
    request |= {"tileable": tileable} if tileable else {}
    target.write(pixels, sampler, request)
