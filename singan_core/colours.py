"""Decoded Pillow pictures -> straight values in sRGB, with all transparency in an alpha channel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from singan_core.errors import ImageError

Values = NDArray[np.uint8] | NDArray[np.float32]
"""Straight values (H, W, 1, 3 or 4).

They are uint8 from 0 to 255, or float32 from 0 to 1 where the file has 16 bits of grey.
"""

DEEP_WHITE = 65535
"""White in 16 bits."""


MOST_DEEP = 2**25
"""Pixels of 16 bits with a transparent level at most: each becomes four floats, 16 bytes."""


def to_values(image: Image.Image, path: Path, use_profile: bool = True) -> Values:
    """Convert a decoded picture to straight values, through its ICC profile if that is usable.

    Grey has one channel, colour three, anything with transparency four. Raises ImageError for
    values that have no defined white.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _convert_deep(image, path, use_profile)

    if image.mode == "RGBA" and not (use_profile and image.info.get("icc_profile")):
        return np.asarray(image)  # as it is, since every step below would hold another copy

    alpha = None
    if image.has_transparency_data:
        image, alpha = _split_alpha(image)
    colours = _to_srgb(image, use_profile)
    if alpha is not None:
        colours = Image.merge("RGBA", (*colours.convert("RGB").split(), alpha))

    values = np.asarray(colours)
    return values[..., None] if values.ndim == 2 else values


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Split a picture into its colours, straight and with their profile, and its alpha."""
    profile = image.info.get("icc_profile")
    key = image.info.get("transparency")
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.mode == "1" and isinstance(key, int):
        image = image.convert("L")

    if image.mode == "L" and isinstance(key, int):
        opaque = (np.asarray(image) != key) * np.uint8(255)
        alpha = Image.fromarray(opaque)
        plain = Image.fromarray(np.asarray(image))
    else:
        alpha = image.convert("RGBA").getchannel("A")
        plain = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")

    plain.info = {"icc_profile": profile} if profile else {}
    return plain, alpha


def _convert_deep(image: Image.Image, path: Path, use_profile: bool) -> Values:
    """Convert grey of 16 bits to float32, with alpha if the file names a transparent level."""
    numbers = np.asarray(image)
    key = image.info.get("transparency")
    if isinstance(key, int) and numbers.size > MOST_DEEP:
        raise ImageError(
            f"{path}: too large for a transparent grey level of 16 bits; shrink the picture first"
        )
    if image.mode == "F" or numbers.min() < 0 or numbers.max() > DEEP_WHITE:
        kind = "floating point" if image.mode == "F" else "whole numbers beyond 16 bits"
        raise ImageError(
            f"{path}: its values have no defined white: {kind}; "
            "save it with 8 or 16 bits per channel"
        )

    grey: Values = numbers.astype(np.float32)[..., None] / np.float32(DEEP_WHITE)
    profile = image.info.get("icc_profile") if use_profile else None
    if profile:
        converted = _apply_profile(Image.fromarray(numbers.astype(np.uint16)), profile)
        if converted is not None:
            grey = np.asarray(converted)[..., :1].astype(np.float32) / np.float32(255)

    if not isinstance(key, int):
        return grey
    alpha = (numbers != key).astype(np.float32)[..., None]
    return np.concatenate([grey, grey, grey, alpha], axis=2)


def _to_srgb(image: Image.Image, use_profile: bool) -> Image.Image:
    """Convert a picture to grey or RGB in sRGB.

    A profile that is broken, or made for another kind of colours, is ignored.
    """
    profile = image.info.get("icc_profile") if use_profile else None
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None
        return converted

    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if profile and (converted := _apply_profile(image, profile)) is not None:
        return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _apply_profile(image: Image.Image, profile: Any) -> Image.Image | None:
    """Convert a picture to sRGB by a profile.

    Return None if the profile is broken or made for another kind of colours.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
