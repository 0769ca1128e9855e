"""singan harmonize."""

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
        int | None, result.start_scale("the finest, without detail two fifths up")
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
    """Blend into a picture what was pasted into it.

    It is redrawn in the photo's manner; the rest stays untouched.
    """
    from singan_runtime.edits.editing import HARMONIZE

    target = Target(out, parse.read_background(background), quality, metadata)
    redraw.run(
        "harmonize",
        HARMONIZE,
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
