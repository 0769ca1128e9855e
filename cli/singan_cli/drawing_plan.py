"""How a bundle would draw a size: the canvas of every pass, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from singan_cli.zoom_text import SOFT_ZOOM, describe_zoom
from singan_core import fitting
from singan_core.fitting import Fit
from singan_core.pyramid import Pyramid, Size
from singan_core.zooms import Zoom, choose_zoom, settle_zoom


@dataclass(frozen=True)
class DrawingPlan:
    """The passes that draw a picture of a size (height, width) at a zoom."""

    size: Size
    zoom: float
    largest_zoom: float | None  # None for a model with detail, which has no limit of this kind
    fit: Fit

    @classmethod
    def make(cls, pyramid: Pyramid, size: Size, zoom: Zoom) -> DrawingPlan:
        """Plan a picture. Raises RequestError for a size or zoom that is not possible."""
        word = settle_zoom(pyramid, zoom)
        used, fit = choose_zoom(pyramid, size, word), fitting.fit(pyramid, size, word)
        return cls(
            size, used, None if fit.levels else fitting.find_largest_zoom(pyramid, size), fit
        )

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs that draw without this package."""
        fit = self.fit

        return {
            "size": {"width": self.size[1], "height": self.size[0]},
            "zoom": self.zoom,
            "largest_zoom": self.largest_zoom,
            "passes": [
                {"generator": one.generator, "width": one.canvas[1], "height": one.canvas[0]}
                for one in fit.passes
            ],
            "levels": [{"width": width, "height": height} for height, width in fit.levels],
            "whole": {
                "width": fit.whole[1],
                "height": fit.whole[0],
                "left": fit.origin[1],
                "top": fit.origin[0],
            },
        }

    def as_lines(self) -> list[str]:
        """Describe the plan line by line, coarsest canvas first."""
        limit = "" if self.largest_zoom is None else f" (largest {self.largest_zoom:g})"
        lines = [f"a picture of {self.size[1]}x{self.size[0]} at zoom {self.zoom:.4g}{limit}:"]
        lines += [f"  {line}" for line in list_passes(self.fit)]
        if self.fit.levels and self.zoom > SOFT_ZOOM:
            lines.append(describe_zoom(self.zoom))
        return lines


def list_passes(fit: Fit) -> list[str]:
    """Say which canvas is drawn by what, coarsest first."""
    lines = [f"generator {one.generator} on {one.canvas[1]}x{one.canvas[0]}" for one in fit.passes]
    for number, (height, width) in enumerate(fit.levels):
        how = "searched" if number < fit.searched else "copied along"
        lines.append(f"detail level {number} on {width}x{height}, {how}")

    if fit.levels and fit.levels[-1] != fit.whole:
        lines.append(f"resampled to {fit.whole[1]}x{fit.whole[0]}")
    if fit.whole != fit.size:
        top, left = fit.origin
        lines.append(f"of which {fit.size[1]}x{fit.size[0]} at x {left}, y {top} is the picture")
    return lines
