"""Decoded Pillow pictures -> straight values in sRGB, with whatever is transparent in an alpha channel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from singan_core.errors import ImageError

Values = NDArray[np.uint8] | NDArray[np.float32]
"""Straight values (H, W, 1, 3 or 4): uint8 up to 255, or float32 up to 1 where the file has 16 bits of grey."""

DEEP_WHITE = 65535


def to_values(image: Image.Image, path: Path, use_profile: bool = True) -> Values:
    """Return the straight values of a decoded picture, through its ICC profile if it has a usable one.

    Grey has one channel, colour three; a picture with anything transparent has four. Raises
    ImageError for values that have no defined white.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_values(image, path, use_profile)
    alpha = None
    if image.has_transparency_data:
        image, alpha = _split(image)
    colours = _to_srgb(image, use_profile)
    if alpha is not None:
        colours = Image.merge("RGBA", (*colours.convert("RGB").split(), alpha))
    values = np.asarray(colours)
    return values[..., None] if values.ndim == 2 else values


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The picture without its transparency, and that as a picture of its own."""
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


def _deep_values(image: Image.Image, path: Path, use_profile: bool) -> Values:
    """Grey of 16 bits, with a transparent level if the file names one."""
    numbers = np.asarray(image)
    if image.mode == "F" or numbers.min() < 0 or numbers.max() > DEEP_WHITE:
        kind = "floating point" if image.mode == "F" else "whole numbers beyond 16 bits"
        raise ImageError(
            f"{path}: its values have no defined white: {kind}; save it with 8 or 16 bits per channel"
        )

    grey: Values = numbers.astype(np.float32)[..., None] / np.float32(DEEP_WHITE)
    profile = image.info.get("icc_profile") if use_profile else None
    if (
        profile
        and (converted := _convert(Image.fromarray(numbers.astype(np.uint16)), profile)) is not None
    ):
        grey = np.asarray(converted)[..., :1].astype(np.float32) / np.float32(255)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return grey
    return np.concatenate(
        [grey, grey, grey, (numbers != key).astype(np.float32)[..., None]], axis=2
    )


def _to_srgb(image: Image.Image, use_profile: bool) -> Image.Image:
    """The grey or RGB picture, through its profile; one that is broken or for another kind of colours is ignored."""
    profile = image.info.get("icc_profile") if use_profile else None
    if image.mode == "LAB":
        lab = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        converted = ImageCms.applyTransform(image, lab)
        assert converted is not None
        return converted
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if profile and (converted := _convert(image, profile)) is not None:
        return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _convert(image: Image.Image, profile: Any) -> Image.Image | None:
    """The picture in sRGB by a profile, or None if it is broken or for another kind of colours."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
