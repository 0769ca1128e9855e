"""Reads pictures of the user's, which editing, painting, retargeting and upscaling take."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from singan_core import images
from singan_core.arguments import read_path
from singan_core.arrays import Floats, Mask
from singan_core.errors import ImageError, RequestError
from singan_core.masks import make_from_alpha
from singan_runtime.sampler import Sampler

_KINDS = {1: "grey", 3: "RGB", 4: "RGBA (with transparency)"}


def read_image(sampler: Sampler, path: Path) -> Floats:
    """Read a picture with the channels of the training photo, float (1, C, H, W) in [-1, 1].

    Raises ImageError if that would lose its colour or transparency, or for a file that cannot be
    read, and RequestError for a bundle that learnt labels.
    """
    path = read_path(path, "picture")
    return _convert(sampler, path, images.open_photo(path))


def read_masked(sampler: Sampler, path: Path) -> tuple[Floats, Mask]:
    """Read a picture and the mask that its own alpha channel makes: what is opaque is inside.

    A model of opaque photos gets the colours as they are, also where they are transparent. Raises
    as read_image does, and ImageError for a picture without a transparent part.
    """
    photo = images.open_photo(path, "4")
    mask = make_from_alpha(photo.compute_alpha(), path)

    if sampler.manifest.picture_channels != 4:
        values = photo.values[..., :3]
        is_grey = (values == values[..., :1]).all()
        photo = images.Photo(values[..., :1] if is_grey else values, photo.size)
    return _convert(sampler, path, photo), mask


def _convert(sampler: Sampler, path: Path, photo: images.Photo) -> Floats:
    """Convert a picture to the model's channels, or refuse it."""
    labels, channels = sampler.manifest.labels, sampler.manifest.channels
    if labels and sampler.photo is None:
        raise RequestError(
            f"{path}: the bundle was trained with masks ({', '.join(labels)}), this picture has "
            "none: use a bundle trained without --mask"
        )

    found = photo.values.shape[2]
    if found > channels:
        raise ImageError(
            f"{path}: the picture is {_KINDS[found]}, but the bundle was trained on a photo in "
            f"{_KINDS[channels]}: save the picture in {_KINDS[channels]}"
        )
    return dataclasses.replace(photo, channels=channels).to_floats()
