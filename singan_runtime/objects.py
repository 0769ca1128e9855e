"""Objects to keep: parts of the photo that stand whole in a picture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from singan_core import cascade, resample
from singan_core.arrays import Mask, Reals
from singan_core.detail.kept_objects import HALF, KeptObject, ObjectsAtLevel, measure_share
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Step
from singan_runtime import masks
from singan_runtime.keep import Keep as Keep
from singan_runtime.parsing import format_size
from singan_runtime.plan import Plan


def place_objects(keep: Sequence[Keep], fit: Fit, photo: Size) -> tuple[KeptObject, ...]:
    """Find how far each object moves in a picture as it was fitted.

    photo is the size of the masks. Raises RequestError for an object that does not fit, for two
    that overlap, or if nothing is left to draw with.
    """
    kept = tuple(_place(one, fit, photo) for one in keep)
    for first, second in itertools.combinations(kept, 2):
        if _do_overlap(first, second):
            raise RequestError(
                "two kept objects overlap in this picture: "
                "give them other places, or one mask together"
            )
    entry = fit.photo_sizes[fit.entry], None, fit.levels[fit.entry]
    if kept and ObjectsAtLevel(kept, *entry).barred.all():
        raise RequestError(
            "the kept objects leave nothing of the photo to draw the rest with: keep less of it"
        )
    return kept


def _place(keep: Keep, fit: Fit, photo: Size) -> KeptObject:
    """Find how far an object moves from where the photo has it."""
    assert keep.mask is not None
    if keep.mask.shape != photo:
        got = "x".join(str(side) for side in reversed(keep.mask.shape))
        raise RequestError(
            f"the mask of a kept object is {got}, but must be {format_size(photo)}, "
            "the photo's size"
        )

    drawn = fit.photo_sizes[-1]  # the photo where the picture is as large as drawn
    box = [
        Span(span.start * new // old, -(-span.stop * new // old))
        for span, old, new in zip(masks.find_bounds(keep.mask), photo, drawn, strict=True)
    ]
    room = find_room(fit)
    if any(span.length > space.length for span, space in zip(box, room, strict=True)):
        raise _too_large(box, room, fit, photo)

    apart = [
        span.start - _begin(span, side, space, share)
        for span, side, space, share in zip(box, drawn, room, (keep.y, keep.x), strict=True)
    ]
    return KeptObject(keep.mask, (apart[0], apart[1]), drawn)


def find_room(fit: Fit) -> Region:
    """Find what of the last level's canvas is the picture."""
    rows, columns = (
        Span(-(-start * canvas // whole), stop * canvas // whole)
        for (start, stop), canvas, whole in zip(fit.window, fit.levels[-1], fit.whole, strict=True)
    )
    return rows, columns


def find_cover(picture: Plan) -> Mask:
    """Find which pixels of a picture, (h, w), its kept objects cover."""
    fit = picture.fit
    assert fit is not None
    canvas, photo = fit.levels[-1], fit.photo_sizes[-1]
    whole = Span(0, canvas[0]), Span(0, canvas[1])
    inside = ObjectsAtLevel(picture.kept, photo, (photo, canvas), canvas).place(whole).inside

    rows, columns = (
        (2 * np.arange(*span) + 1) * drawn // (2 * whole)
        for span, drawn, whole in zip(fit.window, canvas, fit.whole, strict=True)
    )
    return inside[np.ix_(rows, columns)]


def _begin(span: Span, photo: int, room: Span, share: float | None) -> int:
    """Find where an object begins along an axis of the picture, which has a room for it."""
    if share is None:
        free = photo - span.length
        start = (room.length - span.length) * (span.start / free if free else 0.5)
    else:
        if not 0 <= share <= 1:
            raise RequestError(
                f"place {share:g} is outside the picture: each share must be 0 to 1, as in 0.25,0.5"
            )
        start = share * room.length - span.length / 2
    return room.start + min(max(round(start), 0), room.length - span.length)


def _too_large(box: Sequence[Span], room: Region, fit: Fit, photo: Size) -> RequestError:
    """Return the error that tells how large the object is, and at which zoom it fits."""
    per_pixel = fit.whole[0] / fit.levels[-1][0]  # px of the picture per px of the last canvas
    zoom = per_pixel * fit.photo_sizes[-1][0] / photo[0]
    limit = min(
        zoom * (space.length - 2) / span.length for span, space in zip(box, room, strict=True)
    )  # 2: rounding
    height, width = (round(span.length * per_pixel) for span in box)
    return RequestError(
        f"a kept object is {width}x{height} px at zoom {zoom:.4g}, "
        f"too large for {format_size(fit.size)}: ask for a zoom of at most "
        f"{math.floor(limit * 1000) / 1000:g}, or for a larger picture"
    )


def _do_overlap(first: KeptObject, second: KeptObject) -> bool:
    """Tell whether two objects share a pixel of the picture."""
    shapes = [measure_share(one.mask, one.of) >= HALF for one in (first, second)]

    # From the first object's positions to the second's.
    shift = [a - b for a, b in zip(second.displacement, first.displacement, strict=True)]
    places = np.argwhere(shapes[0]) + shift
    inside = ((places >= 0) & (places < first.of)).all(axis=1)
    return bool(shapes[1][tuple(places[inside].T)].any())


def put_into_passes(
    kept: Sequence[KeptObject], photo: Reals, shapes: Sequence[Size]
) -> cascade.Adjust:
    """Return what puts the objects into the image of every pass.

    So the generators draw a scene around them. photo is float (1, C, H, W), shapes are its sizes
    at the generators.
    """
    layers = [resample.resize(photo, shape) for shape in shapes]

    def measure(shape: Size) -> list[Reals]:
        """Measure how much of each pixel of a generator's canvas every object covers, 0 to 1."""
        return [measure_share(one.mask, shape) / 255 for one in kept]

    shares = [measure(shape) for shape in shapes]

    def put_in(drawn: Reals, step: Step) -> Reals:
        layer, image = layers[step.generator], drawn.copy()
        for one, share in zip(kept, shares[step.generator], strict=True):
            _put_object(image, layer, share, one.at(shapes[step.generator]), step)
        return image

    return put_in


def _put_object(
    image: Reals, layer: Reals, share: Reals, apart: tuple[int, int], step: Step
) -> None:
    """Blend one object, (H, W) shares of a photo's layer (1, C, H, W), into a step's image.

    apart is how far positions in the photo are from the pixels that show them.
    """
    y, x = (
        np.arange(*span) % length + by
        for span, length, by in zip(step.kept, step.canvas, apart, strict=True)
    )
    ys, xs = (
        np.flatnonzero((at >= 0) & (at < side))
        for at, side in zip((y, x), share.shape, strict=True)
    )
    target: Any = (slice(None), slice(None), *np.ix_(ys, xs))
    source: Any = np.ix_(y[ys], x[xs])
    of_photo = layer[(slice(None), slice(None), *source)]
    image[target] += share[source] * (of_photo - image[target])
