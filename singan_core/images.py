"""Picture files and uint8 pixels <-> float32 NCHW in [-1, 1]; the only such conversion.

Channels: 1 grey, 3 RGB, 4 RGBA (premultiplied while in float, straight in files), or RGB and labels (1 on the object,
-1 elsewhere), which become masks instead of pixels.
"""

from __future__ import annotations

import difflib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from singan_core.atomic import atomic_file
from singan_core.errors import ImageError, RequestError

MIN_SIDE = 11  # the receptive field
CHANNELS = ("auto", "1", "3", "4")
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_MOST = {"jpeg": 65535, "webp": 16383}  # px, longest side that a format can hold
WHITE = 128  # of 255: from here on a mask means the object
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_QUALITY = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"quality": 95, "method": 4}}

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def read(path: Path, channels: str = "auto") -> Floats:
    """The picture of a file, upright and in sRGB, as (1, C, H, W) float32 in [-1, 1].

    Channels auto drops an alpha channel that is opaque everywhere and equal RGB channels. Raises ImageError for a
    file that is missing, empty, truncated, animated, no picture, over Pillow's decompression limit or under 11 px.
    """
    unit = _unit(_open(path), path)
    if channels == "auto":
        if unit.shape[2] == 4 and (unit[..., 3] == 1).all():
            unit = unit[..., :3]
        if unit.shape[2] == 3 and (unit[..., :1] == unit).all():
            unit = unit[..., :1]
    else:
        unit = _convert(unit, int(channels))
    return _floats(unit)


def from_pixels(pixels: Pixels) -> Floats:
    """One picture, uint8 (H, W, 1, 3 or 4) with straight colours, as (1, C, H, W) float32 in [-1, 1]."""
    return _floats(pixels.astype(np.float32) / np.float32(255))


def _floats(unit: Floats) -> Floats:
    """(1, C, H, W) in [-1, 1], premultiplied, of straight (H, W, C) in [0, 1]."""
    if unit.shape[2] == 4:
        unit = np.concatenate([unit[..., :3] * unit[..., 3:], unit[..., 3:]], axis=2)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * 2 - 1, np.float32)


def read_labelled(path: Path, masks: Sequence[Path], channels: str = "auto") -> Floats:
    """A picture as RGB and a label channel per mask, (1, 3 + labels, H, W) float32 in [-1, 1]; without masks as read.

    Raises ImageError for a file that read refuses, a partly transparent picture, or a mask of another size, empty or
    full; RequestError for channels other than auto or 3.
    """
    if not masks:
        return read(path, channels)
    if channels not in ("auto", "3"):
        raise RequestError(f"channels {channels} cannot have masks: labels go with RGB; choose auto or 3")
    image = read(path, channels)
    if image.shape[1] == 4:
        raise ImageError(f"{path}: partly transparent, but labels go with RGB; --channels 3 puts it on white")
    colours = np.broadcast_to(image, (1, 3, *image.shape[2:]))
    return np.concatenate([colours, *(read_mask(mask, image.shape[2:]) for mask in masks)], axis=1)


def read_mask(path: Path, size: tuple[int, ...]) -> Floats:
    """A mask of the size (height, width) as (1, 1, H, W) float32: 1 where it is white (128 or more), else -1.

    Transparent is black. Raises ImageError for another size, a mask without white or without black, or as read.
    """
    unit = _unit(_open(path), path)
    height, width = size
    if unit.shape[:2] != (height, width):
        got = f"{unit.shape[1]}x{unit.shape[0]}"
        raise ImageError(f"{path}: a mask of {got}, but the photo has {width}x{height}; make it that size")
    if unit.shape[2] == 4:
        unit = unit[..., :3] * unit[..., 3:]
    white = np.rint(_convert(unit, 1)[..., 0] * 255) >= WHITE
    if not white.any():
        raise ImageError(f"{path}: the mask is empty; paint the object white ({WHITE} or more of 255)")
    if white.all():
        raise ImageError(f"{path}: the mask is white everywhere; paint black what is not the object")
    return np.where(white, np.float32(1), np.float32(-1))[None, None]


def _open(path: Path) -> Image.Image:
    """The decoded first frame of a still picture file."""
    if not path.is_file():
        raise ImageError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                frames = getattr(image, "n_frames", 1)
                if frames > 1 and image.format != "MPO":  # a camera's JPEG with previews behind it
                    raise ImageError(f"{path}: an animation of {frames} frames; save one frame as a still picture")
                if min(image.size) < MIN_SIDE:
                    size = f"{image.width}x{image.height}"
                    raise ImageError(f"{path}: {size} is too small; both sides need at least {MIN_SIDE} px")
                image.load()
                return image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ImageError(f"{path}: more than {limit} megapixels; shrink the picture first") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not a picture that can be read; save it as PNG, JPEG, WebP, TIFF or BMP") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"{path}: damaged or truncated ({error}); save the picture again") from error


def _unit(image: Image.Image, path: Path) -> Floats:
    """Straight RGB or RGBA in [0, 1], (H, W, 3 or 4), from any mode that Pillow decodes."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(_deep_grey(image, path)[..., None], 3, axis=2)
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    alpha = image.convert("RGBA").getchannel("A") if transparent else None
    colours = _to_srgb(image)
    if alpha is not None:
        colours.putalpha(alpha)
    return np.asarray(colours, np.float32) / np.float32(255)


def _deep_grey(image: Image.Image, path: Path) -> Floats:
    """Sixteen-bit grey as [0, 1]."""
    values = np.asarray(image, np.float32)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path}: its values have no defined white; save it with 8 or 16 bits per channel")
    return values / np.float32(65535)


def _to_srgb(image: Image.Image) -> Image.Image:
    """The RGB picture, through its ICC profile if it has a usable one."""
    if image.mode in ("P", "PA", "RGBA", "LA", "RGBa", "La", "1", "HSV", "YCbCr", "LAB"):
        profile = image.info.get("icc_profile")
        image = image.convert("RGB")
        image.info["icc_profile"] = profile
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile for another colour space or a broken one: the pixels count
    return image.convert("RGB")


def _convert(unit: Floats, channels: int) -> Floats:
    """RGB or RGBA (H, W, 3 or 4) with the asked-for number of channels; transparency falls on white."""
    if channels == 4:
        return unit if unit.shape[2] == 4 else np.concatenate([unit, np.ones_like(unit[..., :1])], axis=2)
    if unit.shape[2] == 4:
        unit = unit[..., :3] * unit[..., 3:] + 1 - unit[..., 3:]
    if channels == 1:
        luma = unit @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow's convert('L')
        return luma[..., None]
    return unit


def to_pixels(image: Floats) -> Pixels:
    """uint8 (B, H, W, C) of float images (B, C, H, W) in [-1, 1]; RGBA becomes straight again."""
    unit = (image.transpose(0, 2, 3, 1) + 1) * np.float32(0.5)
    if unit.shape[3] == 4:
        alpha = unit[..., 3:].clip(0, 1)
        colour = np.divide(unit[..., :3], alpha, out=np.zeros_like(unit[..., :3]), where=alpha > 0.5 / 255)
        unit = np.concatenate([colour, alpha], axis=3)
    return (unit.clip(0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def to_masks(labels: Floats) -> Pixels:
    """Masks, uint8 (B, H, W, labels) of 0 or 255, of label channels (B, labels, H, W): 255 where above 0."""
    return np.where(labels.transpose(0, 2, 3, 1) > 0, np.uint8(255), np.uint8(0))


def to_pillow(pixels: Pixels) -> Image.Image:
    """A Pillow picture of one uint8 (H, W, C)."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels, _MODES[pixels.shape[2]])


def flatten(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """uint8 (..., H, W, 4) composed on a background colour (0..255 each); other channel counts unchanged."""
    if pixels.shape[-1] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255
    mixed = pixels[..., :3] * alpha + np.array(background, np.float32) * (1 - alpha)
    return (mixed + 0.5).astype(np.uint8)


def check_name(format: str, known: tuple[str, ...]) -> None:
    """Raise RequestError, naming the nearest, unless the format is a known one."""
    if format not in known:
        near = difflib.get_close_matches(format.lower(), known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise RequestError(f"unknown format {format!r}: choose {', '.join(known[:-1])} or {known[-1]}{hint}")


def check_format(format: str, size: tuple[int, int]) -> None:
    """Raise RequestError unless pictures of the size (height, width) can be saved in the format."""
    check_name(format, tuple(FORMATS))
    most = _MOST.get(format, max(size))
    if max(size) > most:
        raise RequestError(f"{size[1]}x{size[0]} is too large for {format}: sides up to {most} px; use png or tiff")


def save(
    path: Path,
    pixels: Pixels,
    format: str = "png",
    background: tuple[int, int, int] = (255, 255, 255),
    text: dict[str, str] | None = None,
) -> None:
    """Write one picture, uint8 (H, W, C), as png, jpeg or webp, whole or not at all.

    text becomes PNG text chunks (ignored by the others); JPEG, which has no alpha, composes on the background.
    Raises RequestError for another format, OutputError if the file cannot be written.
    """
    check_format(format, (pixels.shape[0], pixels.shape[1]))
    image = to_pillow(flatten(pixels, background) if format == "jpeg" else pixels)
    options: dict[str, object] = dict(_QUALITY.get(format, {}))
    if format == "png":
        info = PngImagePlugin.PngInfo()
        for key, value in (text or {}).items():
            info.add_itxt(key, value)
        options |= {"pnginfo": info, "compress_level": 4}
    with atomic_file(path) as temporary:
        image.save(temporary, format.upper(), **options)
