"""What a run is made from: the photo and its masks, and the pyramid planned for them.

Without detail levels the generators learn the photo as read, labels included. With detail they
learn the photo as stored in the run, in colour alone, and the masks are stored beside it: this is
what export and drawing see as well.
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
from singan_core.arrays import Floats, Pixels
from singan_core.colours import Values
from singan_core.errors import ImageError, RequestError
from singan_core.images import Photo
from singan_core.pyramid import Pyramid, Size
from singan_train.config import LEAST_SCALES, TrainingConfig

_ROUNDING = 1e-4  # of sums that would be exactly half
_DARK = 16  # of 255: a photo without anything brighter is nearly black
_HIDDEN_SHARE = 0.01  # of the pixels: fewer transparent ones are an edge's fringe
_HIDDEN_RANGE = 32 / 255  # of white: so much must hidden colours differ to be a picture


@dataclass(frozen=True)
class TrainingPhoto:
    """The photo of a run and the pyramid planned for it."""

    image: Floats  # (1, C, H, W), what the generators are trained on
    photo_size: Size  # of the file
    pyramid: Pyramid
    sha256: str  # of the decoded pixels and masks
    pixels: Pixels | None = None  # with detail levels: what is stored, (h, w, C)
    masks: NDArray[np.bool_] | None = None  # with detail levels: (h, w, labels)

    def store(self, folder: Path) -> None:
        """Write what detail levels are made from into a run, if it has any. Raises OutputError."""
        if self.pixels is not None:
            stored.write_photo(folder, self.pixels)
        if self.masks is not None and self.masks.size:
            stored.write_masks(folder, self.masks)


def read_training_photo(
    photo: Path, masks: Sequence[Path], config: TrainingConfig
) -> TrainingPhoto:
    """Read a photo and its masks and plan the pyramid.

    A photo no larger than the hand-over has no detail: generators go up to its own size.

    Raises ImageError or RequestError.
    """
    source = images.open_labelled_photo(photo, masks, config.channels, config.max_size)
    if config.detail and min(source.size) > config.hand_over:
        found = _reduce_to_stored(source, masks, config)
    else:
        found = _take_whole(source, config)
    check_content(source, photo)  # last, so that an error stands alone
    return found


def check_content(photo: Photo, path: Path) -> None:
    """Raise ImageError for a photo in which nothing can be seen, and warn of doubtful ones.

    Doubtful are photos of one colour, nearly black ones, and those with a picture behind
    transparent pixels.
    """
    values = photo.values
    white = 255 if values.dtype == np.uint8 else 1.0
    transparent = values.shape[2] == 4 and photo.masks is None
    if transparent and not values[..., 3].any():
        raise ImageError(f"{path}: all of it is transparent; save it without its alpha channel")

    seen = values[..., :3][values[..., 3] > 0] if transparent else values
    brightest = seen.max() / white * 255
    if (values == values[:1, :1]).all():
        _warn(
            f"{path}: one colour all over, and so will its pictures be; "
            "name another photo unless that is meant"
        )
    elif brightest < _DARK:
        _warn(
            f"{path}: nearly black, its brightest value is {brightest:.0f} of 255, and so will its "
            "pictures be; brighten it first unless that is meant"
        )
    if transparent:
        _warn_of_hidden(values, path)


def _warn_of_hidden(values: Values, path: Path) -> None:
    """Warn if transparent pixels hold different colours, which are about to be dropped."""
    unseen = values[..., 3] == 0
    if unseen.mean() < _HIDDEN_SHARE:
        return

    hidden = values[..., :3][unseen]
    white = 255 if values.dtype == np.uint8 else 1.0
    if np.ptp(hidden, axis=0).max() > _HIDDEN_RANGE * white:
        _warn(
            f"{path}: {unseen.mean():.0%} of it is transparent, and the picture hidden there is "
            "dropped; --mask alpha keeps it and makes a label of what is opaque"
        )


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _take_whole(photo: Photo, config: TrainingConfig) -> TrainingPhoto:
    """Plan generators up to the photo's own size, or to the largest that is wanted."""
    image = photo.to_floats()
    plan = _plan_generators(photo.size, config, config.max_size)
    plan = replace(plan, continuation=config.continuation)
    digest = hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
    return TrainingPhoto(image, photo.size, plan, digest)


def _reduce_to_stored(photo: Photo, masks: Sequence[Path], config: TrainingConfig) -> TrainingPhoto:
    """Reduce a photo and its masks to what is stored, and train on that."""
    plan = _plan_with_levels(photo.size, config)
    reduced = photo.resize(plan.finest)

    colours = reduced.shape[1] - len(masks)
    pixels = images.to_pixels(reduced[:, :colours])[0]
    if colours == 4:
        pixels[pixels[..., 3] == 0] = 0  # a colour that nobody sees

    coverage = reduced[0, colours:].transpose(1, 2, 0)
    inside = np.ascontiguousarray(coverage >= -_ROUNDING)  # half of a pixel or more
    for label, mask in enumerate(masks):
        if not inside[..., label].any():
            height, width = plan.finest
            raise ImageError(
                f"{mask}: nothing of the object is left at {width}x{height} px: raise max size"
            )

    digest = hashlib.sha256(pixels.tobytes() + inside.tobytes()).hexdigest()
    return TrainingPhoto(images.to_floats(pixels), photo.size, plan, digest, pixels, inside)


def _plan_with_levels(size: Size, config: TrainingConfig) -> Pyramid:
    """Plan generators up to the hand-over, then detail levels up to the photo's or the max size."""
    finest = _scale_size(size, min(config.max_size / max(size), 1.0))
    if min(finest) <= config.hand_over:
        needed = math.ceil((config.hand_over + 1) * max(size) / min(size))
        raise RequestError(
            f"a photo of {size[1]}x{size[0]} reduced to {finest[1]}x{finest[0]} has nothing above "
            f"the hand-over of {config.hand_over} px: raise max size to at least {needed}, "
            "lower the hand-over or crop the photo"
        )

    last = _scale_size(finest, config.hand_over / min(finest))
    plan = _plan_generators(last, config, max(last))
    most_scales = min(last) - config.min_size + 1  # every scale is a pixel larger at least
    if config.scales is None and len(plan.shapes) < LEAST_SCALES <= most_scales:
        plan = _plan_generators(last, replace(config, scales=LEAST_SCALES), max(last))

    levels = pyramid.plan_detail_levels(finest, last)
    return replace(plan, levels=levels, hand_over=len(plan.shapes) - 1)


def _scale_size(size: Size, ratio: float) -> Size:
    return round(size[0] * ratio), round(size[1] * ratio)


def _plan_generators(size: Size, config: TrainingConfig, max_size: int) -> Pyramid:
    return pyramid.plan(
        size, config.min_size, max_size, config.scale_factor, config.scales, config.schedule
    )
