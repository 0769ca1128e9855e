"""The coarse-to-fine loop, written once: sampling, reconstruction and animation differ only in their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from singan_core import HALO
from singan_core.pyramid import Pass
from singan_core.resample import Array, resize

Generate = Callable[[int, Array, Array], Array]
"""(scale, noise, prev), each (B, C, H+10, W+10) -> image (B, C, H, W)."""

Draw = Callable[[int, Pass], Array]
"""(index of the pass, pass) -> noise times its amplitude (B, C, H+10, W+10), its border filled."""


DETAIL = 0.5
"""How much of its detail a pass beyond the finest scale may add: see docs/decisions.md for what was measured."""


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


def detail_only(image: Array, prev: Array, smaller: tuple[int, int]) -> Array:
    """What an image (..., H, W) adds to prev beyond what the smaller canvas could hold, on top of prev.

    A generator that goes on past the scale it was trained on repeats its residual, colour and contrast included, on
    every pass. Taking the residual's coarse part away leaves it the fine detail and nothing to drift with; half of that
    detail stays natural over many passes, all of it grows into a net of false lines.
    """
    residual = image - prev
    return prev + DETAIL * (residual - resize(resize(residual, smaller), tuple(prev.shape[-2:])))


def run(passes: Iterable[tuple[int, Pass]], generate: Generate, draw: Draw, image: Array | None = None) -> Any:
    """The picture (B, C, H, W), float, that the numbered passes draw, starting from an image of any size or nothing."""
    for index, step in passes:
        noise = draw(index, step)
        if image is None:
            image = generate(step.generator, noise, zeros(noise, noise.shape))
            continue
        prev = resize(image, step.canvas)
        made = generate(step.generator, noise, with_halo(prev))
        image = detail_only(made, prev, tuple(image.shape[-2:])) if step.beyond else made
    return image
