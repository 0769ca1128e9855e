"""Objects to keep: parts of the photo that stand whole in a picture, where its layout wants them."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade, resample
from singan_core.detail.kept import HALF, Held, Kept, measure_share
from singan_core.errors import RequestError
from singan_core.manifest import Manifest
from singan_core.masks import is_alpha
from singan_core.pyramid import Fit, Size
from singan_core.windows import Region, Span, Step
from singan_runtime import masks
from singan_runtime.picture import Picture

Floats = NDArray[Any]

WORDS = {"left": 0.25, "centre": 0.5, "center": 0.5, "right": 0.75}
"""Places of an object's centre along x, in shares of the picture."""


@dataclass(frozen=True, eq=False)
class Keep:
    """An object of the photo that is to stand whole in a picture, and where.

    mask is bool (H, W), of the model's photo. x and y are the place of the object's centre in shares of the picture, 0
    to 1; None leaves it where the photo has it, so that what touches an edge or stands in the middle goes on doing so.
    An object that would stick out is moved inwards.
    """

    mask: masks.Mask
    x: float | None = None
    y: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return which object it is, by the digest of its mask's bits, and its place, for a picture's own record."""
        digest = hashlib.sha256(np.packbits(self.mask, axis=1).tobytes()).hexdigest()
        return {"mask_sha256": digest, "place": [self.x, self.y]}


def read(
    manifest: Manifest,
    names: Sequence[str],
    places: Sequence[tuple[float | None, float | None]] = (),
    labels: masks.Mask | None = None,
    alpha: masks.Mask | None = None,
) -> tuple[Keep, ...]:
    """Read the objects to keep: names of labels, 'alpha' or mask files, each with its place (x, y) if any has one.

    labels (H, W, labels) and alpha (H, W) are the photo's own. Raises RequestError or ImageError.
    """
    if places and len(places) != len(names):
        raise RequestError(
            f"{len(names)} objects are kept, but {len(places)} places given: give each its place, or none"
        )
    where = places or [(None, None)] * len(names)
    return tuple(
        Keep(_read_mask(manifest, name, labels, alpha), *at)
        for name, at in zip(names, where, strict=True)
    )


def _read_mask(
    manifest: Manifest, name: str, labels: masks.Mask | None, alpha: masks.Mask | None
) -> masks.Mask:
    if labels is not None and name in manifest.labels:
        mask = labels[..., manifest.labels.index(name)]
    elif is_alpha(name):
        if alpha is None:
            raise RequestError(
                f"{manifest.name}: this model's photo has no alpha channel to keep an object by"
            )
        mask = alpha
    else:
        size = manifest.pyramid.finest
        read = masks.read(
            Path(name), {manifest.photo_size: "the photo", size: "the photo as the model stores it"}
        )
        mask = measure_share(read, size) >= HALF
    if not mask.any():
        raise RequestError(
            f"{name}: nothing of the object is left at the photo's stored size; paint a larger mask"
        )
    return mask


def place(keep: Sequence[Keep], fit: Fit, photo: Size) -> tuple[Kept, ...]:
    """Find how far each object moves in a picture as fitted; photo is the size of its masks.

    Raises RequestError for an object that does not fit, for two that overlap, or if nothing is left to draw with.
    """
    kept = tuple(_place(one, fit, photo) for one in keep)
    for first, second in itertools.combinations(kept, 2):
        if _overlap(first, second):
            raise RequestError(
                "two kept objects overlap in this picture: give them other places, or one mask together"
            )
    if kept and Held(kept, fit.photo_sizes[0], None, fit.levels[0]).barred.all():
        raise RequestError(
            "the kept objects leave nothing of the photo to draw the rest with: keep less of it"
        )
    return kept


def _place(keep: Keep, fit: Fit, photo: Size) -> Kept:
    if keep.mask.shape != photo:
        got = "x".join(str(side) for side in reversed(keep.mask.shape))
        raise RequestError(
            f"the mask of a kept object is {got}, but must be {photo[1]}x{photo[0]}, the photo's size"
        )
    drawn = fit.photo_sizes[-1]  # the photo where the picture is as large as drawn
    box = [
        Span(span.start * new // old, -(-span.stop * new // old))
        for span, old, new in zip(masks.bounds(keep.mask), photo, drawn, strict=True)
    ]
    room = find_room(fit)
    if any(span.length > space.length for span, space in zip(box, room, strict=True)):
        raise _too_large(box, room, fit, photo)

    apart = [
        span.start - _begin(span, side, space, share)
        for span, side, space, share in zip(box, drawn, room, (keep.y, keep.x), strict=True)
    ]
    return Kept(keep.mask, (apart[0], apart[1]), drawn)


def find_room(fit: Fit) -> Region:
    """What of the last level's canvas is the picture."""
    rows, columns = (
        Span(-(-start * canvas // whole), stop * canvas // whole)
        for (start, stop), canvas, whole in zip(fit.window, fit.levels[-1], fit.whole, strict=True)
    )
    return rows, columns


def cover(picture: Picture) -> masks.Mask:
    """Find which pixels of a picture, (h, w), its kept objects cover."""
    fit = picture.fit
    assert fit is not None
    canvas, photo = fit.levels[-1], fit.photo_sizes[-1]
    inside = (
        Held(picture.kept, photo, photo, canvas)
        .lay((Span(0, canvas[0]), Span(0, canvas[1])))
        .inside
    )
    rows, columns = (
        (2 * np.arange(*span) + 1) * drawn // (2 * whole)
        for span, drawn, whole in zip(fit.window, canvas, fit.whole, strict=True)
    )
    return inside[np.ix_(rows, columns)]


def _begin(span: Span, photo: int, room: Span, share: float | None) -> int:
    """Where an object, at a span of an axis of the photo, begins within the room that a picture has for it."""
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
    """Say how large the object is, and at which zoom it fits."""
    per_pixel = fit.whole[0] / fit.levels[-1][0]  # px of the picture per px of the last canvas
    zoom = per_pixel * fit.photo_sizes[-1][0] / photo[0]
    limit = min(
        zoom * (space.length - 2) / span.length for span, space in zip(box, room, strict=True)
    )  # 2: rounding
    height, width = (round(span.length * per_pixel) for span in box)
    return RequestError(
        f"a kept object is {width}x{height} px at zoom {zoom:.4g}, too large for {fit.size[1]}x{fit.size[0]}: "
        f"ask for a zoom of at most {math.floor(limit * 1000) / 1000:g}, or for a larger picture"
    )


def _overlap(first: Kept, second: Kept) -> bool:
    """Whether two objects share a pixel of the picture."""
    shapes = [measure_share(one.mask, one.of) >= HALF for one in (first, second)]
    # From the first's positions to the second's.
    shift = [a - b for a, b in zip(second.apart, first.apart, strict=True)]
    places = np.argwhere(shapes[0]) + shift
    inside = ((places >= 0) & (places < first.of)).all(axis=1)
    return bool(shapes[1][tuple(places[inside].T)].any())


def put_into_passes(kept: Sequence[Kept], photo: Floats, shapes: Sequence[Size]) -> cascade.Adjust:
    """Return what puts the objects into the image of every pass, so that generators draw a scene around them.

    photo is float (1, C, H, W), shapes are its sizes at the generators.
    """
    layers = [resample.resize(photo, shape) for shape in shapes]
    shares = [[measure_share(one.mask, shape) / 255 for one in kept] for shape in shapes]

    def put_in(drawn: Floats, step: Step) -> Floats:
        layer, image = layers[step.generator], drawn.copy()
        rows, columns = (
            np.arange(*span) % length for span, length in zip(step.kept, step.canvas, strict=True)
        )
        for one, share in zip(kept, shares[step.generator], strict=True):
            down, across = one.at(shapes[step.generator])
            y, x = rows + down, columns + across
            ys, xs = (
                np.flatnonzero((at >= 0) & (at < side))
                for at, side in zip((y, x), share.shape, strict=True)
            )
            target: Any = (slice(None), slice(None), *np.ix_(ys, xs))
            source: Any = np.ix_(y[ys], x[xs])
            image[target] += share[source] * (
                layer[(slice(None), slice(None), *source)] - image[target]
            )
        return image

    return put_in
