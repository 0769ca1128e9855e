"""The coarse-to-fine loop, written once.

Sampling, editing and animation differ only in their inputs. Images are numpy arrays or torch
tensors, float (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from singan_core import HALO, windows
from singan_core.arrays import Array
from singan_core.pyramid import Pass
from singan_core.resample import resize_window
from singan_core.windows import Region, Step, Wrap

Generate = Callable[[int, Array, Array], Array]
"""(generator, noise, prev) -> image (B, C, h, w). Noise and prev are (B, C, h+10, w+10)."""

Draw = Callable[[Step], Array]
"""step -> noise times its amplitude, (B, C, h+10, w+10): the step's drawn region and its halo."""

Adjust = Callable[[Array, Step], Array]
"""(image, step) -> the image of the step's kept region (B, C, h, w) as it goes on.

Each pixel may depend only on itself and its place, so that windows stay exact.
"""


Enlarge = Callable[[Array, Region, Step, Wrap], Array]
"""(image, the region of the smaller canvas that it covers, step, wrap) -> the step's prev."""


def make_zeros(like: Array, shape: tuple[int, ...]) -> Array:
    """Make zeros of the same kind (numpy or torch), dtype and device."""
    return like.new_zeros(shape) if hasattr(like, "new_zeros") else np.zeros(shape, like.dtype)


def pad_halo(image: Array) -> Array:
    """Pad an image (B, C, H, W) with a halo of zeros, as prev has it where the canvas ends."""
    *outer, height, width = image.shape
    padded = make_zeros(image, (*outer, height + 2 * HALO, width + 2 * HALO))
    padded[..., HALO:-HALO, HALO:-HALO] = image
    return padded


def generate_in_blocks(
    generate: Callable[[Array, Array], Array],
    noise: Array,
    prev: Array,
    side: int,
    fixed: bool = False,
) -> Array:
    """Generate an image (B, C, H, W) in blocks of at most side x side px, which bounds the memory.

    noise and prev are (B, C, H+10, W+10). All blocks have one shape (windows.cut_blocks). A block
    that is generated with its halo has exactly the pixels that the whole image has there.
    """
    *outer, height, width = prev.shape
    size = height - 2 * HALO, width - 2 * HALO

    image = None
    for rows, columns in windows.cut_blocks(size, side, fixed):
        haloed = (
            ...,
            slice(rows.start, rows.stop + 2 * HALO),
            slice(columns.start, columns.stop + 2 * HALO),
        )
        block = generate(noise[haloed], prev[haloed])
        if (rows.length, columns.length) == size:
            return block

        if image is None:
            image = make_zeros(prev, (*outer, *size))
        image[..., slice(*rows), slice(*columns)] = block
    return image


def add_fine_detail(image: Array, prev: Array, step: Step, wrap: Wrap = (False, False)) -> Array:
    """Add to prev a share of the fine detail in what the generator changed.

    image and prev are (B, C, h, w) of the step's drawn region. The result covers its kept region.

    A generator that is applied beyond the scale it was trained on repeats its residual on every
    pass, colour and contrast included. Without the residual's coarse part, which the smaller canvas
    could hold, nothing is left that could drift. Half of the fine part stays natural over many
    passes. All of it grows into a net of false lines, unless a continuation draws it, which was
    trained on these passes.
    """
    assert step.detail is not None
    residual = image - prev

    # The residual's coarse part: what survives the way to the smaller canvas and back.
    sources = windows.find_sources(step.kept, step.smaller, step.canvas, wrap)
    shrunk = resize_window(residual, step.drawn, step.canvas, step.smaller, sources, wrap)
    coarse = resize_window(shrunk, sources, step.smaller, step.canvas, step.kept, wrap)

    below = resize_window(prev, step.drawn, step.canvas, step.canvas, step.kept, wrap)
    change = resize_window(residual, step.drawn, step.canvas, step.canvas, step.kept, wrap)
    return below + step.detail * (change - coarse)


def enlarge(image: Array, have: Region, step: Step, wrap: Wrap) -> Array:
    """Enlarge a region of the smaller image to the step's prev, halo included, (B, C, h+10, w+10).

    have is the region of the smaller canvas that the image covers. Beyond a canvas that is not
    periodic, prev is zero.
    """
    inside = windows.add_halo(step.drawn, step.canvas, wrap)
    part = resize_window(image, have, step.smaller, step.canvas, inside, wrap)
    size = [span.length + 2 * HALO for span in step.drawn]
    if list(part.shape[-2:]) == size:
        return part

    prev = make_zeros(part, (*part.shape[:-2], *size))
    top, left = (
        span.start - drawn.start + HALO for span, drawn in zip(inside, step.drawn, strict=True)
    )
    prev[..., top : top + part.shape[-2], left : left + part.shape[-1]] = part
    return prev


def run(
    passes: Sequence[Pass],
    generate: Generate,
    draw: Draw,
    image: Array | None = None,
    region: Region | None = None,
    wrap: Wrap = (False, False),
    adjust: Adjust | None = None,
    enlarge_image: Enlarge = enlarge,
) -> Any:
    """Run the passes, coarsest first, and return the picture, float (B, C, h, w).

    The first pass starts from an image of any size, or from zeros. region is the part of the last
    canvas that is wanted, by default all of it. If generate is exact, a region equals the slice of
    the whole picture bit for bit. adjust may change the image that any pass has drawn. Images that
    are no arrays need an enlarge_image of their own, and passes without detail.
    """
    source = None if image is None else tuple(image.shape[-2:])
    steps = windows.plan_steps(
        passes, source, region or windows.cover_canvas(passes[-1].canvas), wrap
    )

    have = windows.cover_canvas(steps[0].smaller)
    for step in steps:
        noise = draw(step)
        prev = make_zeros(noise, noise.shape)
        if image is not None:
            prev = enlarge_image(image, have, step, wrap)

        image = generate(step.generator, noise, prev)
        if step.detail is not None:
            image = add_fine_detail(image, prev[..., HALO:-HALO, HALO:-HALO], step, wrap)
        if adjust is not None:
            image = adjust(image, step)
        have = step.kept

    return image
