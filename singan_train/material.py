"""What a run is made from: the photo as read, or with detail the photo as stored, which export and drawing see as well.

With detail the masks are stored beside it, and the generators learn colour alone; without they learn labels, too.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import images, pyramid, stored
from singan_core.colours import Values
from singan_core.errors import ImageError, RequestError
from singan_core.images import Photo
from singan_core.pyramid import Pyramid, Size
from singan_train.config import LEAST_SCALES, TrainingConfig

_ROUNDING = 1e-4  # of sums that would be exactly half
_DARK = 16  # of 255: a photo without anything brighter is nearly black
_HIDDEN_SHARE, _HIDDEN_RANGE = (
    0.01,
    32 / 255,
)  # of the pixels, and of white: less than that is an edge's fringe


@dataclass(frozen=True)
class Material:
    """The photo of a run and the pyramid planned for it."""

    image: images.Floats  # (1, C, H, W), what the generators are trained on
    photo_size: Size  # of the file, (height, width)
    pyramid: Pyramid
    sha256: str  # of the decoded pixels and masks
    pixels: images.Pixels | None = None  # with detail levels: what is stored, (h, w, C)
    masks: NDArray[np.bool_] | None = None  # with detail levels: (h, w, labels)

    def store(self, folder: Path) -> None:
        """Write what detail levels are made from into a run, if it has any. Raises OutputError."""
        if self.pixels is not None:
            stored.write_photo(folder, self.pixels)
        if self.masks is not None and self.masks.size:
            stored.write_masks(folder, self.masks)


def read(photo: Path, masks: Sequence[Path], config: TrainingConfig) -> Material:
    """Read a photo and its masks and plan the pyramid. Raises ImageError or RequestError.

    A photo no larger than the hand-over has no detail: generators go up to its own size.
    """
    opened = images.open_labelled(photo, masks, config.channels, config.max_size)
    if config.detail and min(opened.size) > config.hand_over:
        material = _with_detail(opened, masks, config)
    else:
        image = opened.floats()
        plan = replace(
            _plan(opened.size, config, config.max_size), continuation=config.continuation
        )
        material = Material(
            image, opened.size, plan, hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
        )
    check_content(opened, photo)  # last, so that an error stands alone
    return material


def check_content(photo: Photo, path: Path) -> None:
    """Raise ImageError for a photo of which nothing is seen; warn of one colour, of near black, of hidden colours."""
    values = photo.values
    white = 255 if values.dtype == np.uint8 else 1.0
    transparent = values.shape[2] == 4 and photo.masks is None
    if transparent and not values[..., 3].any():
        raise ImageError(f"{path}: all of it is transparent; save it without its alpha channel")

    seen = values[..., :3][values[..., 3] > 0] if transparent else values
    brightest = seen.max() / white * 255
    if (values == values[:1, :1]).all():
        _warn(
            f"{path}: one colour all over, and so will its pictures be; name another photo unless that is meant"
        )
    elif brightest < _DARK:
        _warn(
            f"{path}: nearly black, its brightest value is {brightest:.0f} of 255, and so will its pictures be; "
            "brighten it first unless that is meant"
        )
    if transparent:
        _warn_of_hidden(values, path)


def _warn_of_hidden(values: Values, path: Path) -> None:
    """Warn if pixels that cannot be seen hold different colours, since these are about to be dropped."""
    unseen = values[..., 3] == 0
    if unseen.mean() < _HIDDEN_SHARE:
        return
    hidden = values[..., :3][unseen]
    if np.ptp(hidden, axis=0).max() > _HIDDEN_RANGE * (255 if values.dtype == np.uint8 else 1.0):
        _warn(
            f"{path}: {unseen.mean():.0%} of it is transparent, and the picture hidden there is dropped; --mask alpha "
            "keeps it and makes a label of what is opaque"
        )


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _with_detail(photo: Photo, masks: Sequence[Path], config: TrainingConfig) -> Material:
    """Reduce the photo and its masks to what is stored, and train on that."""
    size = photo.size
    plan = _levels(size, config)
    reduced = photo.resized(plan.finest)

    colours = reduced.shape[1] - len(masks)
    pixels = images.to_pixels(reduced[:, :colours])[0]
    if colours == 4:
        pixels[pixels[..., 3] == 0] = 0  # a colour that nobody sees
    inside = np.ascontiguousarray(
        reduced[0, colours:].transpose(1, 2, 0) >= -_ROUNDING
    )  # half of a pixel or more
    for label, mask in enumerate(masks):
        if not inside[..., label].any():
            height, width = plan.finest
            raise ImageError(
                f"{mask}: nothing of the object is left at {width}x{height} px: raise max size"
            )

    digest = hashlib.sha256(pixels.tobytes() + inside.tobytes()).hexdigest()
    return Material(images.from_pixels(pixels), size, plan, digest, pixels, inside)


def _levels(size: Size, config: TrainingConfig) -> Pyramid:
    """Plan generators up to the hand-over, then levels up to the photo's own size or the maximal one."""
    finest = _scaled(size, min(config.max_size / max(size), 1.0))
    if min(finest) <= config.hand_over:
        needed = math.ceil((config.hand_over + 1) * max(size) / min(size))
        raise RequestError(
            f"a photo of {size[1]}x{size[0]} reduced to {finest[1]}x{finest[0]} has nothing above the hand-over of "
            f"{config.hand_over} px: raise max size to at least {needed}, lower the hand-over or crop the photo"
        )
    last = _scaled(finest, config.hand_over / min(finest))
    plan = _plan(last, config, max(last))
    room = min(last) - config.min_size  # every scale is a pixel larger at least
    if config.scales is None and len(plan.shapes) < LEAST_SCALES <= room + 1:
        plan = _plan(last, replace(config, scales=LEAST_SCALES), max(last))
    return replace(plan, levels=pyramid.detail_levels(finest, last), hand_over=len(plan.shapes) - 1)


def _scaled(size: Size, ratio: float) -> Size:
    return round(size[0] * ratio), round(size[1] * ratio)


def _plan(size: Size, config: TrainingConfig, max_size: int) -> Pyramid:
    return pyramid.plan(
        size, config.min_size, max_size, config.scale_factor, config.scales, config.schedule
    )
