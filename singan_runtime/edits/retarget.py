"""Retargeting: the photo itself on another canvas, and on request an object in it kept as it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade, resample
from singan_core.arrays import Floats, Mask, Pixels
from singan_core.detail.kept_objects import KeptObject
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.pyramid import Size
from singan_core.windows import Span, Step
from singan_core.zooms import Zoom, choose_zoom
from singan_runtime import masks, objects
from singan_runtime.edits.injection import inject, resample_to_canvas
from singan_runtime.measures import quality
from singan_runtime.objects import Keep
from singan_runtime.plan import Plan
from singan_runtime.request import check_seed
from singan_runtime.sampler import Sampler

START_SCALE = 1  # the layout is the photo's, everything finer is drawn for the new canvas
REACH = 5
"""px around a kept object, at the trained size, over which it blends into its surroundings."""


class Stretch(NamedTuple):
    """One axis of a warp: the part of the source that is the object, and where the target has it.

    Both are (start, stop) in shares of the axis. Within, all is scaled evenly; what lies before and
    behind fills the rest.
    """

    source: tuple[float, float]
    target: tuple[float, float]

    def taps(self, n_in: int, n_out: int) -> resample.Taps:
        """Compute the taps that resample an axis of length n_in to a canvas of length n_out."""
        edges = self._find_sources(np.arange(n_out + 1) / n_out, n_in)
        middles = self._find_sources((np.arange(n_out) + 0.5) / n_out, n_in)
        return resample.compute_taps_at(n_in, middles, np.diff(edges))

    def _find_sources(self, shares: NDArray[np.float64], n_in: int) -> NDArray[np.float64]:
        """Find the positions in the source, of length n_in, that shares of the target show."""
        return np.interp(shares, (0, *self.target, 1), (0, *self.source, 1)) * n_in


@dataclass(frozen=True)
class Warp:
    """A photo brought to another shape: one rectangle is scaled evenly, all beside it gives way."""

    rows: Stretch
    columns: Stretch

    def __call__(self, image: Floats, size: Size) -> Floats:
        """Resample an image (..., H, W) to a canvas (height, width)."""
        height, width = image.shape[-2:]
        rows, columns = self.rows.taps(height, size[0]), self.columns.taps(width, size[1])
        return resample.apply(image, rows, columns)


@dataclass(frozen=True)
class RetargetedPicture:
    """A result, uint8 (h, w, C), and the SSIM of the object kept in it, if any."""

    pixels: Pixels
    similarity: float | None = None


def retarget(
    sampler: Sampler,
    size: Size,
    zoom: Zoom = "auto",
    start_scale: int = START_SCALE,
    image: Floats | None = None,
    keep: Mask | None = None,
    seed: int = 0,
) -> RetargetedPicture:
    """Bring the training photo, or an image (1, C, H, W) like it, to exactly size (height, width).

    An object under the mask keep (of the image's size or, without one, the trained size) keeps its
    shape and its place between the edges: the photo is stretched around it, and it is put in again
    after every scale but the last. Raises RequestError. Source: SinGAN, section 4; keeping is ours.
    """
    seed = check_seed(seed)
    photo = sampler.get_photo() if image is None else image
    picture = inject(sampler, photo, size, zoom, start_scale)
    if keep is not None:
        return _retarget_with_object(sampler, picture, photo, keep, size, zoom, start_scale, seed)

    # The reconstruction below the start scale is the very image that the scale was trained on.
    if image is None and picture.passes:
        picture = dataclasses.replace(picture, base=sampler.reconstruct_scales(start_scale))
    return RetargetedPicture(sampler.draw_pixels(picture, seed))


def _retarget_with_object(
    sampler: Sampler,
    picture: Plan,
    photo: Floats,
    keep: Mask,
    size: Size,
    zoom: Zoom,
    start_scale: int,
    seed: int,
) -> RetargetedPicture:
    """Draw an injected picture with the object under a mask kept by the generators."""
    per_pixel = math.sqrt(math.prod(sampler.trained_size) / keep.size)  # trained px per photo px
    scale = choose_zoom(sampler.manifest.pyramid, size, zoom) * per_pixel
    weights = masks.feather(keep, round(REACH / per_pixel))
    warp = place_object(masks.find_bounds(weights > 0), keep.shape, size, scale)

    fit = sampler.fit(size, zoom)
    base = resample_to_canvas(warp(photo, size), fit, fit.passes[start_scale - 1].canvas)
    adjust = keep_object(picture, warp, photo, weights)
    pixels = sampler.draw_pixels(dataclasses.replace(picture, base=base, adjust=adjust), seed)

    truth = sampler.to_pixels(warp(photo, size))[0]
    inside = warp(keep.astype(np.float32), size) >= 0.5
    return RetargetedPicture(pixels, quality.ssim(truth, pixels, inside))


def retarget_around(
    sampler: Sampler,
    size: Size,
    keep: Sequence[Keep],
    zoom: Zoom = "auto",
    start_scale: int = START_SCALE,
    seed: int = 0,
) -> Pixels:
    """Bring the training photo to exactly size (height, width), with objects of it as they are.

    The photo is stretched around a single object; several stand in front of the stretched photo.
    For models with detail. The result is uint8 (h, w, C). Raises RequestError.
    """
    seed = check_seed(seed)
    photo = sampler.get_photo()
    picture = sampler.keep_objects(inject(sampler, photo, size, zoom, start_scale), keep)
    assert picture.fit is not None

    base = picture.base
    if len(picture.kept) == 1:
        warp = stretch_around(picture.kept[0], picture.fit)
        base = inject(sampler, warp(photo, size), size, zoom, start_scale).base
    elif picture.passes:
        base = sampler.reconstruct_scales(start_scale)
    return sampler.draw_pixels(dataclasses.replace(picture, base=base), seed)


def stretch_around(kept: KeptObject, fit: Fit) -> Warp:
    """Find the warp of the photo that leaves an object where it stands in a picture as fitted."""
    stretches = []
    spans, rooms = masks.find_bounds(kept.mask), objects.find_room(fit)
    for axis, (span, room) in enumerate(zip(spans, rooms, strict=True)):
        length = kept.mask.shape[axis]
        source = span.start / length, span.stop / length
        start, stop = (
            (share * kept.of[axis] - kept.displacement[axis] - room.start) / room.length
            for share in source
        )
        stretches.append(Stretch(source, (max(start, 0.0), min(stop, 1.0))))
    return Warp(*stretches)


def keep_object(picture: Plan, warp: Warp, photo: Floats, weights: Floats) -> cascade.Adjust:
    """Return what puts the object into the image of every pass but the last.

    The last pass draws the object and all around it as one.
    """
    layers = {
        step.index: (warp(photo, step.canvas), warp(weights, step.canvas).clip(0, 1))
        for step in picture.passes[:-1]
    }

    def put_in(drawn: Floats, step: Step) -> Floats:
        if step.index not in layers:
            return drawn
        rows, columns = (slice(*span) for span in step.kept)
        layer, weight = layers[step.index]
        return drawn + weight[rows, columns] * (layer[..., rows, columns] - drawn)

    return put_in


def place_object(object_at: tuple[Span, Span], photo: Size, size: Size, scale: float) -> Warp:
    """Choose the place and the scale of an object of a photo on a canvas of a size.

    Its scale is the given one unless the object would fill the canvas: of what the photo has beside
    it along either axis, half must stay, as a share of that axis. Margins keep their proportion, so
    that what touches an edge or stands in the middle goes on doing so. Raises RequestError for what
    touches opposite edges but cannot reach them.
    """
    for span, length, canvas in zip(object_at, photo, size, strict=True):
        scale = min(scale, canvas * (1 + span.length / length) / 2 / span.length)

    stretches = []
    for span, length, canvas in zip(object_at, photo, size, strict=True):
        share, beside = span.length * scale / canvas, length - span.length
        if beside == 0 and canvas * (1 - share) > 0.5:
            raise RequestError(
                "the mask reaches from edge to edge of the photo: on "
                f"{size[1]}x{size[0]} an object so long would end short of an edge, with nothing "
                "to go on beside it; keep less, or ask for a canvas nearer to the photo's shape"
            )
        start = (1 - share) * span.start / beside if beside else 0.0
        stretches.append(Stretch((span.start / length, span.stop / length), (start, start + share)))
    return Warp(*stretches)
