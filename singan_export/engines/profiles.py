"""Which shapes the inputs of engines may have, from the sizes of pictures that are to be drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from singan_core import HALO
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_core.zooms import Zoom, settle_zoom
from singan_export.engines.record import Shape, Shapes
from singan_runtime.graphs import BLOCK
from singan_runtime.parsing import format_size
from singan_runtime.sampler import Sampler


@dataclass(frozen=True)
class Profile:
    """Sizes of the pictures that engines can draw: the least, the usual and the largest."""

    least: Size
    usual: Size
    most: Size

    def __post_init__(self) -> None:
        """Raise RequestError unless no side becomes smaller."""
        for low, middle, high in zip(self.least, self.usual, self.most, strict=True):
            if not low <= middle <= high:
                words = ", ".join(map(format_size, (self.least, self.usual, self.most)))
                raise RequestError(
                    f"profile sizes {words}: no side may become smaller from --profile-min to "
                    "--profile-opt to --profile-max"
                )

    @property
    def corners(self) -> Iterator[Size]:
        """The four sizes at the limits, since canvases can grow as another side shrinks."""
        (low, left), (high, right) = self.least, self.most
        return itertools.product((low, high), (left, right))


def choose_profile(
    sampler: Sampler, least: Size | None, usual: Size | None, most: Size | None
) -> Profile:
    """Choose the sizes that are not given.

    The usual one is the trained size, the least is the usual, the largest has twice its sides.
    Raises RequestError.
    """
    usual = usual or sampler.trained_size
    height, width = usual
    return Profile(least or usual, usual, most or (2 * height, 2 * width))


def find_scale_shapes(sampler: Sampler, profile: Profile, scale: int) -> Shapes:
    """Find the shapes of noise and prev of a scale, for pictures at zoom auto.

    Its canvases may be drawn whole or in the blocks of Sampler.
    """
    trained = sampler.manifest.pyramid.sizes[scale]
    new = settle_zoom(sampler.manifest.pyramid, "auto")
    limits = [trained]
    for size in profile.corners:
        for zoom in (new, "height"):  # seamless pictures keep the height
            limits += _list_canvases(sampler, size, zoom, scale)
    usual = (*_list_canvases(sampler, profile.usual, new, scale), trained)[0]

    least, most = _find_limits([*limits, usual])
    least = min(least[0], BLOCK), min(least[1], BLOCK)
    channels = sampler.manifest.channels
    return _add_halo(channels, least), _add_halo(channels, usual), _add_halo(channels, most)


def find_whole_shapes(sampler: Sampler, profile: Profile) -> dict[str, Shapes]:
    """Find the shapes of the inputs of all scales together, for pictures at zoom 1.

    Raises RequestError for sizes that are too small for that.
    """
    found = {}
    for scale, channels in enumerate(sampler.manifest.noise_channels[: _count_scales(sampler)]):
        limits = [
            canvas
            for size in (*profile.corners, profile.usual)
            for canvas in _list_canvases(sampler, size, 1.0, scale)
        ]
        least, most = _find_limits(limits)
        usual = limits[-1]
        shapes = tuple(_add_halo(channels, size) for size in (least, usual, most))
        found[f"noise_{scale}"] = shapes[0], shapes[1], shapes[2]
    return found


def _count_scales(sampler: Sampler) -> int:
    return len(sampler.manifest.shapes)


def _list_canvases(sampler: Sampler, size: Size, zoom: Zoom, scale: int) -> list[Size]:
    """List the canvases on which a scale draws a picture of a size."""
    passes = sampler.find_passes(size, zoom)
    return [step.canvas for step in passes if step.generator == scale]


def _find_limits(sizes: Iterable[Size]) -> tuple[Size, Size]:
    """Find the least and the largest of each side."""
    heights, widths = zip(*sizes, strict=True)
    return (min(heights), min(widths)), (max(heights), max(widths))


def _add_halo(channels: int, size: Size) -> Shape:
    return 1, channels, size[0] + 2 * HALO, size[1] + 2 * HALO
