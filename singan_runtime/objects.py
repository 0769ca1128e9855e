"""Objects to keep: parts of the photo that stand whole in a picture."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade, resample
from singan_core.detail.kept import HALF, Held, Kept, measure_share
from singan_core.errors import RequestError
from singan_core.manifest import Manifest
from singan_core.masks import ALPHA, is_alpha
from singan_core.pyramid import Fit, Size
from singan_core.windows import Region, Span, Step
from singan_runtime import masks
from singan_runtime.parsing import Place, format_size
from singan_runtime.picture import Picture

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Keep:
    """An object of the photo that is to stand whole in a picture, and where.

    mask is bool (H, W), of the model's photo. An object may also be given by its name alone, a
    label of the model or 'alpha'; the Sampler then finds the mask. x and y are the place of the
    object's centre in shares of the picture, 0 to 1. None leaves it where the photo has it, so that
    what touches an edge or stands in the middle goes on doing so. An object that would stick out
    is moved inwards.
    """

    mask: masks.Mask | None = None
    x: float | None = None
    y: float | None = None
    name: str = ""  # a label of the model or 'alpha'; empty for a mask of the user's

    def __post_init__(self) -> None:
        """Raise RequestError unless there is a mask or a name."""
        if self.mask is None and not self.name:
            raise RequestError("an object to keep needs a mask, or the name of a label or 'alpha'")

    def __eq__(self, other: object) -> bool:
        """Two are equal if they keep the same object of a model at the same place."""
        return isinstance(other, Keep) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @functools.cached_property
    def _key(self) -> tuple[str, float | None, float | None]:
        return self.name or f"sha256 {self._digest}", self.x, self.y

    @functools.cached_property
    def _digest(self) -> str | None:
        """The digest of the mask's bits."""
        if self.mask is None:
            return None
        return hashlib.sha256(np.packbits(self.mask, axis=1).tobytes()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return the object's name, the digest of its mask and its place as JSON's types."""
        described: dict[str, Any] = {"name": self.name} if self.name else {}
        if self._digest is not None:
            described["mask_sha256"] = self._digest
        return described | {"place": [self.x, self.y]}

    @classmethod
    def from_dict(cls, described: Any) -> Keep:
        """Read what describe returns. Raises RequestError for an object that has no name."""
        try:
            x, y = described.get("place", (None, None))
            x, y = (None if share is None else float(share) for share in (x, y))
            name = described.get("name")
        except (AttributeError, TypeError, ValueError):
            raise RequestError(
                f"{described!r} is not an object to keep: give its name and its place [x, y]"
            ) from None
        if not isinstance(name, str) or not name:
            raise RequestError(
                "this request keeps an object of a mask file, which is not part of the request: "
                "give the mask again (--keep MASK, or keep= in Python)"
            )
        return cls(None, x, y, name)


def read(
    manifest: Manifest,
    names: Sequence[str],
    places: Sequence[Place] = (),
    labels: masks.Mask | None = None,
    alpha: masks.Mask | None = None,
) -> tuple[Keep, ...]:
    """Read the objects to keep: labels, 'alpha' or mask files, each with its place if any has one.

    labels (H, W, labels) and alpha (H, W) are the photo's own. Raises RequestError or ImageError.
    """
    if places and len(places) != len(names):
        raise RequestError(
            f"{len(names)} objects are kept, but {len(places)} places given: "
            "give each its place, or none"
        )

    where = places or [(None, None)] * len(names)
    found = []
    for name, at in zip(names, where, strict=True):
        if (labels is not None and name in manifest.labels) or is_alpha(name):
            found.append(find(manifest, Keep(None, *at, name=name), labels, alpha))
        else:
            found.append(Keep(_read_file(manifest, name), *at))
    return tuple(found)


def find(
    manifest: Manifest, keep: Keep, labels: masks.Mask | None, alpha: masks.Mask | None
) -> Keep:
    """Find the mask of an object that has a name alone. Raises RequestError; opens no file."""
    if keep.mask is not None:
        return keep

    if labels is not None and keep.name in manifest.labels:
        mask = labels[..., manifest.labels.index(keep.name)]
    elif keep.name != ALPHA:
        known = ", ".join((*manifest.labels, ALPHA))
        raise RequestError(f"{keep.name}: not an object of {manifest.name}; choose {known}")
    elif alpha is None:
        raise RequestError(
            f"{manifest.name}: this model's photo has no alpha channel to keep an object by"
        )
    else:
        mask = alpha
    _check_any(mask, keep.name)
    return replace(keep, mask=mask)


def _read_file(manifest: Manifest, name: str) -> masks.Mask:
    """Read a mask of the photo at either of its sizes, and bring it to the stored one."""
    size = manifest.pyramid.finest
    sizes = {manifest.photo_size: "the photo", size: "the photo as the model stores it"}
    mask = measure_share(masks.read(Path(name), sizes), size) >= HALF
    _check_any(mask, name)
    return mask


def _check_any(mask: masks.Mask, name: str) -> None:
    if not mask.any():
        raise RequestError(
            f"{name}: nothing of the object is left at the photo's stored size; paint a larger mask"
        )


def place(keep: Sequence[Keep], fit: Fit, photo: Size) -> tuple[Kept, ...]:
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
    if kept and Held(kept, fit.photo_sizes[0], None, fit.levels[0]).barred.all():
        raise RequestError(
            "the kept objects leave nothing of the photo to draw the rest with: keep less of it"
        )
    return kept


def _place(keep: Keep, fit: Fit, photo: Size) -> Kept:
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
    """Find what of the last level's canvas is the picture."""
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


def _do_overlap(first: Kept, second: Kept) -> bool:
    """Tell whether two objects share a pixel of the picture."""
    shapes = [measure_share(one.mask, one.of) >= HALF for one in (first, second)]

    # From the first object's positions to the second's.
    shift = [a - b for a, b in zip(second.apart, first.apart, strict=True)]
    places = np.argwhere(shapes[0]) + shift
    inside = ((places >= 0) & (places < first.of)).all(axis=1)
    return bool(shapes[1][tuple(places[inside].T)].any())


def put_into_passes(kept: Sequence[Kept], photo: Floats, shapes: Sequence[Size]) -> cascade.Adjust:
    """Return what puts the objects into the image of every pass.

    So the generators draw a scene around them. photo is float (1, C, H, W), shapes are its sizes
    at the generators.
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
