"""singan edit."""

from __future__ import annotations

from typing import Annotated

from singan_cli import parse, redraw, result
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
from singan_cli.result import ImageFile, Out, Target
from singan_core.fitting import MAX_PIXELS


def command(
    bundle: Bundle,
    image: ImageFile,
    mask: redraw.MaskFile,
    out: Out,
    start_scale: Annotated[
        int | None,
        result.start_scale("the first after the generators, without detail two fifths up"),
    ] = None,
    reach: redraw.Reach = None,
    seed: Seed = 0,
    tileable: Tileable = "",
    background: Background = "white",
    quality: Quality = None,
    metadata: HasMetadata = True,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Make an edited part of the photo fit in without seams.

    It is redrawn with the photo's own patches; the rest stays untouched.
    """
    from singan_runtime.edits.editing import EDIT

    target = Target(out, parse.read_background(background), quality, metadata)
    redraw.run(
        "edit",
        EDIT,
        bundle,
        image,
        mask,
        target,
        start_scale,
        reach,
        seed,
        tileable,
        device,
        threads,
        max_pixels,
    )
