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


def run(passes: Iterable[tuple[int, Pass]], generate: Generate, draw: Draw, image: Array | None = None) -> Any:
    """The picture (B, C, H, W), float, that the numbered passes draw, starting from an image of any size or nothing."""
    for index, step in passes:
        noise = draw(index, step)
        prev = zeros(noise, noise.shape) if image is None else with_halo(resize(image, step.canvas))
        image = generate(step.generator, noise, prev)
    return image
