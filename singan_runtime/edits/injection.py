"""Puts an image of the user's into the cascade at a start scale; finer scales redraw it.

Images are float (1, C, H, W) in [-1, 1].
"""

from __future__ import annotations

import dataclasses

import numpy as np

from singan_core import images, resample
from singan_core.arrays import Floats, Pixels
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.limits import read_whole, show
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler


def inject(sampler: Sampler, image: Floats, size: Size, zoom: Zoom, start_scale: int) -> Plan:
    """Inject an image of any size into the cascade: a picture of exactly the size asked for.

    The image is resampled to the canvas below the start scale, which bounds what of it can be seen:
    coarse canvases hold its layout and colours, fine ones its shapes. Raises RequestError, also for
    a zoom that would compose a larger scene than the image. Source: SinGAN, section 4.
    """
    if zoom == "scene":
        raise RequestError("zoom scene is for new pictures only; choose auto, area or a number")
    fit = sampler.fit(size, zoom)
    start_scale = check_start(fit, start_scale)
    sampler.check_pixels(size)

    if start_scale == len(fit.passes):
        return inject_after_generators(image, fit)
    base = resample_to_canvas(image, fit, fit.passes[start_scale - 1].canvas)
    return Plan.of(fit, start_scale, base)


def inject_after_generators(image: Floats, fit: Fit) -> Plan:
    """Inject an image at the largest searched level, which finds patches of the photo like it."""
    level = fit.searched - 1
    base = resample_to_canvas(image, fit, fit.levels[level])
    return dataclasses.replace(Plan.of(fit, len(fit.passes), base), first=level)


def check_start(fit: Fit, start_scale: int, further: int = 0) -> int:
    """Return a start scale as an int. Raises RequestError unless an image can be injected there.

    So many further scales are allowed beyond the last one.
    """
    last = find_last_scale(fit)
    if last == 0:
        raise RequestError(
            "this size and zoom use the coarsest scale alone, which takes no image: raise the zoom"
        )
    start_scale = read_whole(start_scale, "start scale", -(2**63))
    if not 1 <= start_scale <= last + further:
        raise RequestError(
            f"start scale {show(start_scale)} is not possible: an image can be injected at scales "
            f"1 to {last + further} here"
        )
    return start_scale


def find_last_scale(fit: Fit) -> int:
    """Find the finest scale that draws an image anew.

    With detail it follows the generators, since the photo's patches then draw the image once.
    """
    if fit.levels:
        return len(fit.passes)
    return max(step.generator for step in fit.passes if not step.beyond)


def count_further_scales(sampler: Sampler, fit: Fit) -> int:
    """Count the scales at which a masked part keeps its colours: the copied levels.

    There the photo gives only what is finer. Models of transparent photos have none.
    """
    return 0 if sampler.manifest.picture_channels == 4 else len(fit.levels) - fit.searched


def to_canvas_pixels(image: Floats, fit: Fit) -> Pixels:
    """Convert an image of a picture to pixels of all that the canvas shows, (h, w, C)."""
    return images.to_pixels(extend_edges(image, fit))[0]


def resample_to_canvas(image: Floats, fit: Fit, canvas: Size) -> Floats:
    """Resample an image of a picture to a canvas, which may show more than the picture."""
    return resample.resize(extend_edges(image, fit), canvas)


def extend_edges(image: Floats, fit: Fit) -> Floats:
    """Repeat the edges of an image of a picture where the canvas shows more than the picture."""
    if fit.whole == fit.size:
        return image

    around = [(0, 0), (0, 0)]
    for axis, side in enumerate(image.shape[2:]):
        before, inside = fit.origin[axis], fit.size[axis]
        after = fit.whole[axis] - inside - before
        around.append((round(before / inside * side), round(after / inside * side)))
    return np.pad(image, around, mode="edge")
