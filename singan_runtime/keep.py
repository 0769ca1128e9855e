"""Keep: an object of the photo that is to stand in a picture as it is."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from singan_core.arguments import read_mask as read_mask_array
from singan_core.arguments import read_path, read_word
from singan_core.arrays import Mask
from singan_core.detail.kept_objects import HALF, measure_share
from singan_core.detail.photo import Photo
from singan_core.errors import RequestError
from singan_core.limits import read_share, show
from singan_core.manifest import Manifest
from singan_core.masks import ALPHA, is_alpha
from singan_core.masks import read as read_mask
from singan_runtime.parsing import Place


@dataclass(frozen=True, eq=False)
class Keep:
    """An object of the photo that is to stand whole in a picture, and where.

    mask is bool (H, W), of the model's photo. An object may also be given by its name alone, a
    label of the model or 'alpha'; the Sampler then finds the mask. x and y are the place of the
    object's centre in shares of the picture, 0 to 1. None leaves it where the photo has it, so that
    what touches an edge or stands in the middle goes on doing so. An object that would stick out
    is moved inwards.
    """

    mask: Mask | None = None
    x: float | None = None
    y: float | None = None
    name: str = ""  # a label of the model or 'alpha'; empty for a mask of the user's

    def __post_init__(self) -> None:
        """Raise RequestError unless there is a mask or a name, and a place of numbers."""
        read_word(self.name, "name of an object")
        if self.mask is not None:
            read_mask_array(self.mask, "mask of an object")
        for axis in ("x", "y"):
            share = read_share(getattr(self, axis), f"place {axis}")
            object.__setattr__(self, axis, share)

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

    def to_dict(self) -> dict[str, Any]:
        """Return the object's place and its name or, without one, the digest of its mask.

        All are JSON's types.
        """
        which = {"name": self.name} if self.name else {"mask_sha256": self._digest}
        return {**which, "place": [self.x, self.y]}

    def describe(self) -> dict[str, Any]:
        """Return what to_dict does with the digest of the mask, for a picture's own record."""
        described: dict[str, Any] = {"name": self.name} if self.name else {}
        if self._digest is not None:
            described["mask_sha256"] = self._digest
        return described | {"place": [self.x, self.y]}

    @classmethod
    def from_dict(cls, described: Any) -> Keep:
        """Read what to_dict returns. Raises RequestError for an object that has no name."""
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


def read_objects(
    manifest: Manifest,
    names: Sequence[str],
    places: Sequence[Place] = (),
    labels: Mask | None = None,
    alpha: Mask | None = None,
) -> tuple[Keep, ...]:
    """Read the objects to keep: labels, 'alpha' or mask files, each with its place if any has one.

    labels (H, W, labels) and alpha (H, W) are the photo's own. Raises RequestError or ImageError.
    """
    for what, given in (("names", names), ("places", places)):
        if not isinstance(given, list | tuple):
            raise RequestError(f"{what} {show(given)} are not possible: give a list")
    names = [str(read_path(name, "object")) for name in names]
    if places and len(places) != len(names):
        raise RequestError(
            f"{len(names)} objects are kept, but {len(places)} places given: "
            "give each its place, or none"
        )

    where = places or [(None, None)] * len(names)
    found = []
    for name, at in zip(names, where, strict=True):
        if (labels is not None and name in manifest.labels) or is_alpha(name):
            found.append(find_object(manifest, Keep(None, *at, name=name), labels, alpha))
        else:
            found.append(Keep(_read_file(manifest, name), *at))
    return tuple(found)


def find_object(manifest: Manifest, keep: Keep, labels: Mask | None, alpha: Mask | None) -> Keep:
    """Find the mask of an object that has a name alone, without opening a file.

    Raises RequestError.
    """
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


def _read_file(manifest: Manifest, name: str) -> Mask:
    """Read a mask of the photo at either of its sizes, and bring it to the stored one."""
    size = manifest.pyramid.finest
    sizes = {manifest.photo_size: "the photo", size: "the photo as the model stores it"}
    mask = measure_share(read_mask(Path(name), sizes), size) >= HALF
    _check_any(mask, name)
    return mask


def _check_any(mask: Mask, name: str) -> None:
    if not mask.any():
        raise RequestError(
            f"{name}: nothing of the object is left at the photo's stored size; paint a larger mask"
        )


def find_opaque(photo: Photo | None) -> Mask | None:
    """Find what of a stored photo is opaque, or None if it has no alpha channel."""
    if photo is None or photo.pixels.shape[2] != 4:
        return None
    return photo.pixels[..., 3] > 127
