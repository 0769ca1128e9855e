"""Refuses requests that cost far more work than their pixels: much drawn, and shrunk to little."""

from __future__ import annotations

import math

from singan_core.errors import RequestError
from singan_runtime.parsing import format_size
from singan_runtime.planning import settle_zoom
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

MOST = 4
"""Pixels that may be drawn for each pixel of the picture."""
SMALL = 512 * 512
"""Pixels up to which a picture costs as much as one of so many."""


def check_effort(sampler: Sampler, request: Request) -> None:
    """Raise RequestError where a zoom shows so much of the scene that the work knows no bound.

    The coarsest level that can draw a picture is larger than the picture then: at zoom 0.001 a
    thousand times in each direction, of which a window of the picture needs its share.
    """
    sampler, request = sampler.choose_sampler(request)
    zoom = settle_zoom(sampler.manifest, request)
    fit = sampler.fit(request.size, zoom, request.start_scale, request.wrap)

    # Of a scene that is larger than its picture only the picture's part is drawn.
    last = fit.levels[-1] if fit.levels else fit.passes[-1].canvas
    height, width = (
        math.ceil(side * shown / whole)
        for side, shown, whole in zip(last, fit.size, fit.whole, strict=True)
    )

    if height * width > MOST * max(fit.size[0] * fit.size[1], SMALL):
        raise RequestError(
            f"zoom {request.zoom} shows so much that {format_size((height, width))} px would be "
            f"drawn for a picture of {format_size(fit.size)}; choose a larger zoom, or auto"
        )
