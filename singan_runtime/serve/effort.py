"""Refuses requests that cost far more work than their pixels: much drawn, and shrunk to little."""

from __future__ import annotations

from singan_core.errors import RequestError
from singan_runtime.parsing import format_size
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
    fit = sampler.fit(request.size, request.zoom, request.start_scale, request.wrap)
    height, width = fit.levels[-1] if fit.levels else fit.passes[-1].canvas

    if height * width > MOST * max(fit.size[0] * fit.size[1], SMALL):
        raise RequestError(
            f"zoom {request.zoom} shows so much that {format_size((height, width))} px would be "
            f"drawn for a picture of {format_size(fit.size)}; choose a larger zoom, or auto"
        )
