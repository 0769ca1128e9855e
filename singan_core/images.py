"""Picture files and uint8 pixels <-> float32 NCHW in [-1, 1]; the only such conversion.

Channels: 1 grey, 3 RGB, 4 RGBA (premultiplied while in float, straight in files), or RGB and labels
(1 on the object, -1 elsewhere), which become masks instead of pixels.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from singan_core import masks as mask_files
from singan_core import resample
from singan_core.atomic import atomic_file
from singan_core.colours import Values, to_values
from singan_core.errors import ImageError, RequestError
from singan_core.picture_files import explain_failures, open_picture
from singan_core.pyramid import Size

CHANNELS = ("auto", "1", "3", "4")
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_MOST = {"jpeg": 65535, "webp": 16383}  # px, longest side that a format can hold
_STRIP, _ROWS = 32, 256  # rows of a resized photo and of a photo as floats that are made at once
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_QUALITY = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"quality": 95, "method": 4}}

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as read, in the depth of its file, from which floats are made as they are needed."""

    values: Values  # straight, (H, W, 1, 3 or 4)
    size: Size  # of the file, upright; values of a huge one are smaller
    channels: int | None = None  # to convert to; None keeps those of the values
    masks: Pixels | None = (
        None  # (H, W, labels): 255 inside, 0 outside, between where a huge one was reduced
    )

    def alpha(self) -> Pixels:
        """Return how opaque each pixel is, uint8 (H, W)."""
        if self.values.shape[2] != 4:
            return np.full(self.values.shape[:2], 255, np.uint8)
        alpha = self.values[..., 3]
        return np.asarray(alpha if alpha.dtype == np.uint8 else np.rint(alpha * 255), np.uint8)

    def floats(self, start: int = 0, stop: int | None = None) -> Floats:
        """Return rows of the photo and its labels, (1, C + labels, h, W) float32 in [-1, 1]."""
        height, width = self.values.shape[:2]
        stop = height if stop is None else stop
        labels = 0 if self.masks is None else self.masks.shape[2]
        image = np.empty(
            (1, (self.channels or self.values.shape[2]) + labels, stop - start, width), np.float32
        )

        for top in range(
            start, stop, _ROWS
        ):  # block by block, so that no second whole is ever in memory
            rows = slice(top, min(top + _ROWS, stop))
            part = image[:, :, rows.start - start : rows.stop - start]
            unit = _unit(self.values[rows])
            if self.channels is not None:
                unit = _convert(unit, self.channels)
            part[:, : unit.shape[2]] = _floats(unit)
            if self.masks is not None:
                part[:, unit.shape[2] :] = _floats(_unit(self.masks[rows]), premultiply=False)
        return image

    def resized(self, size: Size) -> Floats:
        """Return what resample.resize makes of all the floats, bit for bit, without ever holding them."""
        height, width = self.values.shape[:2]
        if (height, width) == size:
            return self.floats()
        rows, columns = resample.taps(height, size[0]), resample.taps(width, size[1])
        parts = []
        for top in range(0, size[0], _STRIP):
            indices, weights = rows.indices[top : top + _STRIP], rows.weights[top : top + _STRIP]
            first, last = int(indices.min()), int(indices.max())
            strip = self.floats(first, last + 1)
            parts.append(resample.apply(strip, resample.Taps(indices - first, weights), columns))
        return np.concatenate(parts, axis=2)


def open_photo(path: Path, channels: str = "auto", side: int | None = None) -> Photo:
    """Read the photo of a file. Channels auto drops an alpha channel that is opaque everywhere and equal RGB channels.

    side is the longer side in px that is needed at least: a huge photo may then be read reduced, to
    twice that or more. Raises ImageError for a file that is missing, empty, truncated, animated, no
    picture, too large or under 11 px.
    """
    image, size = open_picture(path, side)
    with explain_failures(path):
        values = to_values(image, path)
    if channels != "auto":
        return Photo(values, size, int(channels))
    white = 255 if values.dtype == np.uint8 else 1
    if values.shape[2] == 4 and (values[..., 3] == white).all():
        values = values[..., :3]
    if values.shape[2] == 3 and all((values[..., 0] == values[..., k]).all() for k in (1, 2)):
        values = values[..., :1]
    return Photo(values, size)


def open_labelled(
    path: Path, masks: Sequence[Path], channels: str = "auto", side: int | None = None
) -> Photo:
    """Read a photo as RGB with a label per mask; without masks as open_photo.

    A mask named alpha is the photo's own alpha channel, whose colours then count as they are, seen
    or not; channels 3 puts them on white. Raises ImageError for a file that is refused or a photo
    whose transparency is no mask; RequestError for channels other than auto or 3.
    """
    if not masks:
        return open_photo(path, channels, side)
    if channels not in ("auto", "3"):
        raise RequestError(
            f"channels {channels} cannot have masks: labels go with RGB; choose auto or 3"
        )
    photo = open_photo(path, channels, side)
    values, transparent = photo.values, photo.values.shape[2] == 4
    by_alpha = any(mask_files.is_alpha(mask) for mask in masks)
    if transparent and channels == "auto" and not by_alpha:
        raise ImageError(
            f"{path}: partly transparent, but labels go with RGB; --channels 3 puts it on white, --mask alpha makes a "
            "label of what is opaque"
        )

    sizes = {photo.size: "the photo"}
    planes = [
        _plane(mask_files.from_alpha(photo.alpha(), path), values.shape[:2])
        if mask_files.is_alpha(mask)
        else _plane(mask_files.read(mask, sizes), values.shape[:2])
        for mask in masks
    ]
    if channels == "auto":
        values = values[..., :3]
    return Photo(values, photo.size, 3, np.stack(planes, axis=2))


def _plane(mask: mask_files.Mask, size: Size) -> Pixels:
    """A mask as uint8, reduced as the photo was."""
    plane = mask * np.uint8(255)
    if mask.shape == size:
        return plane
    factor = round(mask.shape[0] / size[0])
    return np.asarray(Image.fromarray(plane).reduce(factor))


def read(path: Path, channels: str = "auto") -> Floats:
    """Read the picture of a file, upright and in sRGB, as (1, C, H, W) float32 in [-1, 1]; as open_photo."""
    return open_photo(path, channels).floats()


def from_pixels(pixels: Pixels) -> Floats:
    """One picture, uint8 (H, W, 1, 3 or 4) with straight colours, as (1, C, H, W) float32 in [-1, 1]."""
    return _floats(_unit(pixels))


def _unit(values: Values) -> Floats:
    """Values as float32 in [0, 1]."""
    return (
        values.astype(np.float32) / np.float32(255)
        if values.dtype == np.uint8
        else values.astype(np.float32)
    )


def _floats(unit: Floats, premultiply: bool = True) -> Floats:
    """(1, C, H, W) in [-1, 1], premultiplied, of straight (H, W, C) in [0, 1]."""
    if unit.shape[2] == 4 and premultiply:
        unit = np.concatenate([unit[..., :3] * unit[..., 3:], unit[..., 3:]], axis=2)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * 2 - 1, np.float32)


def _convert(unit: Floats, channels: int) -> Floats:
    """Grey, RGB or RGBA (H, W, C) with the asked-for number of channels; transparency falls on white."""
    if unit.shape[2] == 1:
        unit = np.repeat(unit, 3, axis=2)
    if channels == 4:
        return (
            unit
            if unit.shape[2] == 4
            else np.concatenate([unit, np.ones_like(unit[..., :1])], axis=2)
        )
    if unit.shape[2] == 4:
        unit = unit[..., :3] * unit[..., 3:] + 1 - unit[..., 3:]
    return (unit @ mask_files.LUMA)[..., None] if channels == 1 else unit


def to_pixels(image: Floats) -> Pixels:
    """uint8 (B, H, W, C) of float images (B, C, H, W) in [-1, 1]; RGBA becomes straight again."""
    unit = (image.transpose(0, 2, 3, 1) + 1) * np.float32(0.5)
    if unit.shape[3] == 4:
        alpha = unit[..., 3:].clip(0, 1)
        colour = np.divide(
            unit[..., :3], alpha, out=np.zeros_like(unit[..., :3]), where=alpha > 0.5 / 255
        )
        unit = np.concatenate([colour, alpha], axis=3)
    return (unit.clip(0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def to_masks(labels: Floats) -> Pixels:
    """Masks, uint8 (B, H, W, labels) of 0 or 255, of label channels (B, labels, H, W): 255 where above 0."""
    return np.where(labels.transpose(0, 2, 3, 1) > 0, np.uint8(255), np.uint8(0))


def to_pillow(pixels: Pixels) -> Image.Image:
    """A Pillow picture of one uint8 (H, W, C)."""
    return Image.fromarray(
        pixels[..., 0] if pixels.shape[2] == 1 else pixels, _MODES[pixels.shape[2]]
    )


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
        raise RequestError(
            f"unknown format {format!r}: choose {', '.join(known[:-1])} or {known[-1]}{hint}"
        )


def check_format(format: str, size: tuple[int, int]) -> None:
    """Raise RequestError unless pictures of the size (height, width) can be saved in the format."""
    check_name(format, tuple(FORMATS))
    most = _MOST.get(format, max(size))
    if max(size) > most:
        raise RequestError(
            f"{size[1]}x{size[0]} is too large for {format}: sides up to {most} px; use png or tiff"
        )


def save(
    path: Path,
    pixels: Pixels,
    format: str = "png",
    background: tuple[int, int, int] = (255, 255, 255),
    text: dict[str, str] | None = None,
) -> None:
    """Write one picture, uint8 (H, W, C), as png, jpeg or webp, whole or not at all.

    text becomes PNG text chunks (ignored by the others); JPEG, which has no alpha, composes on the
    background. Raises RequestError for another format, OutputError if the file cannot be written.
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
