"""What a run is made from: the photo as read, or with detail the photo as stored, which export and drawing see as well.

With detail the masks are stored beside it, and the generators learn colour alone; without they learn labels, too.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import images, pyramid, resample, stored
from singan_core.errors import ImageError, RequestError
from singan_core.pyramid import Pyramid, Size
from singan_train.config import LEAST_SCALES, TrainingConfig

_ROUNDING = 1e-4  # of sums that would be exactly half


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
    image = images.read_labelled(photo, masks, config.channels)
    size = (image.shape[2], image.shape[3])
    if config.detail and min(size) > config.hand_over:
        return _with_detail(image, masks, config)
    plan = _plan(size, config, config.max_size)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Material(image, size, replace(plan, continuation=config.continuation), digest)


def _with_detail(image: images.Floats, masks: Sequence[Path], config: TrainingConfig) -> Material:
    """Reduce the photo and its masks to what is stored, and train on that."""
    size = (image.shape[2], image.shape[3])
    plan = _levels(size, config)
    reduced = resample.resize(image, plan.finest)

    colours = image.shape[1] - len(masks)
    pixels = images.to_pixels(reduced[:, :colours])[0]
    if colours == 4:
        pixels[pixels[..., 3] == 0] = 0  # a colour that nobody sees
    inside = np.ascontiguousarray(reduced[0, colours:].transpose(1, 2, 0) >= -_ROUNDING)  # half of a pixel or more
    for label, mask in enumerate(masks):
        if not inside[..., label].any():
            height, width = plan.finest
            raise ImageError(f"{mask}: nothing of the object is left at {width}x{height} px: raise max size")

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
    return pyramid.plan(size, config.min_size, max_size, config.scale_factor, config.scales, config.schedule)
