"""The coarse-to-fine loop, written once: sampling, editing and animation differ only in their inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from singan_core import HALO, windows
from singan_core.pyramid import Pass
from singan_core.resample import Array, window
from singan_core.windows import Region, Step, Wrap

Generate = Callable[[int, Array, Array], Array]
"""(scale, noise, prev), each (B, C, h+10, w+10) -> image (B, C, h, w)."""

Draw = Callable[[Step], Array]
"""Noise times its amplitude for the step's drawn region and its halo, (B, C, h+10, w+10), its border filled."""

Adjust = Callable[[Array, Step], Array]
"""(image, step) -> what the next pass, or the picture, gets for the step's kept region (B, C, h, w); pixel by pixel."""


def zeros(like: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of the same kind (numpy or torch), dtype and device."""
    if hasattr(like, "new_zeros"):
        return like.new_zeros(shape)
    import numpy as np

    return np.zeros(shape, like.dtype)


def with_halo(image: Array) -> Array:
    """The image (B, C, H, W) with zeros around it: what every border mode but wrap feeds as prev."""
    *outer, height, width = image.shape
    padded = zeros(image, (*outer, height + 2 * HALO, width + 2 * HALO))
    padded[..., HALO:-HALO, HALO:-HALO] = image
    return padded


def in_blocks(
    generate: Callable[[Array, Array], Array],
    noise: Array,
    prev: Array,
    side: int,
    fixed: bool = False,
) -> Array:
    """The image (B, C, H, W) of a generator of noise and prev, (B, C, H+10, W+10), in blocks of at most side px.

    All have one shape (windows.blocks), and a block with its halo gives the pixels that the whole picture has there.
    """
    *outer, height, width = prev.shape
    size = height - 2 * HALO, width - 2 * HALO
    image = None
    for rows, columns in windows.blocks(size, side, fixed):
        part = (
            ...,
            slice(rows.start, rows.stop + 2 * HALO),
            slice(columns.start, columns.stop + 2 * HALO),
        )
        drawn = generate(noise[part], prev[part])
        if (rows.length, columns.length) == size:
            return drawn
        image = zeros(prev, (*outer, *size)) if image is None else image
        image[..., slice(*rows), slice(*columns)] = drawn
    return image


def detail_only(image: Array, prev: Array, step: Step, wrap: Wrap = (False, False)) -> Array:
    """The step's kept region of prev, and a share of what its image adds beyond what the smaller canvas could hold.

    A generator that goes on past the scale it was trained on repeats its residual, colour and contrast included, on
    every pass. Taking the residual's coarse part away leaves it the fine detail and nothing to drift with; half of that
    detail stays natural over many passes, all of it grows into a net of false lines. A continuation, which has learnt
    these passes, may add all of it.
    """
    residual = image - prev
    held = windows.sources(step.kept, step.smaller, step.canvas, wrap)
    coarse = window(residual, step.drawn, step.canvas, step.smaller, held, wrap)
    coarse = window(coarse, held, step.smaller, step.canvas, step.kept, wrap)
    fine, below = (
        window(part, step.drawn, step.canvas, step.canvas, step.kept, wrap)
        for part in (residual, prev)
    )
    assert step.detail is not None
    return below + step.detail * (fine - coarse)


def enlarged(image: Array, have: Region, step: Step, wrap: Wrap) -> Array:
    """Prev of a step with its halo, from a region of the smaller image: zeros beyond a canvas that does not wrap."""
    seen = windows.seen(step.drawn, step.canvas, wrap)
    inside = window(image, have, step.smaller, step.canvas, seen, wrap)
    size = [span.length + 2 * HALO for span in step.drawn]
    if list(inside.shape[-2:]) == size:
        return inside
    prev = zeros(inside, (*inside.shape[:-2], *size))
    top, left = (
        span.start - drawn.start + HALO for span, drawn in zip(seen, step.drawn, strict=True)
    )
    prev[..., top : top + inside.shape[-2], left : left + inside.shape[-1]] = inside
    return prev


def run(
    passes: Sequence[Pass],
    generate: Generate,
    draw: Draw,
    image: Array | None = None,
    region: Region | None = None,
    wrap: Wrap = (False, False),
    adjust: Adjust | None = None,
) -> Any:
    """The region (all of it, unless given) of the picture that the passes draw, float (B, C, h, w).

    They start from an image of any size or from nothing; adjust may change what any pass has drawn. A region equals
    the slice of the whole, bit for bit, if generate is as exact.
    """
    source = None if image is None else tuple(image.shape[-2:])
    steps = windows.plan(passes, source, region or windows.whole(passes[-1].canvas), wrap)
    have = windows.whole(steps[0].smaller)
    for step in steps:
        noise = draw(step)
        prev = zeros(noise, noise.shape) if image is None else enlarged(image, have, step, wrap)
        image = generate(step.generator, noise, prev)
        if step.detail is not None:
            image = detail_only(image, prev[..., HALO:-HALO, HALO:-HALO], step, wrap)
        if adjust is not None:
            image = adjust(image, step)
        have = step.kept
    return image
