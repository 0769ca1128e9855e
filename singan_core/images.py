"""Picture files and uint8 pixels <-> float32 images in [-1, 1], the only such conversion.

Channels: 1 grey, 3 RGB, 4 RGBA (premultiplied as floats, straight in files), or RGB and labels,
which are 1 on the object and -1 elsewhere and become masks instead of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import masks as mask_files
from singan_core import resample
from singan_core.arrays import Floats, Mask, Pixels
from singan_core.colours import Values, to_values
from singan_core.errors import ImageError, RequestError
from singan_core.picture_failures import explain_failures
from singan_core.picture_files import open_picture
from singan_core.pyramid import Size

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_STRIP = 32  # rows of a resized photo that are computed at once
_ROWS = 256  # rows of a photo that become floats at once


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo in the depth of its file, from which floats are made as they are needed."""

    values: Values  # straight, (H, W, 1, 3 or 4)
    size: Size  # of the file, upright; a huge photo has fewer values, since it is read reduced
    channels: int | None = None  # to convert to; None keeps those of the values
    masks: Pixels | None = None  # (H, W, labels), 255 inside and 0 outside; reduced ones in between

    def compute_alpha(self) -> Pixels:
        """Return the opacity of each pixel, uint8 (H, W)."""
        if self.values.shape[2] != 4:
            return np.full(self.values.shape[:2], 255, np.uint8)
        alpha = self.values[..., 3]
        return np.asarray(alpha if alpha.dtype == np.uint8 else np.rint(alpha * 255), np.uint8)

    def to_floats(self, start: int = 0, stop: int | None = None) -> Floats:
        """Convert rows of the photo and its labels to float32 (1, C + labels, h, W) in [-1, 1]."""
        height, width = self.values.shape[:2]
        stop = height if stop is None else stop
        labels = 0 if self.masks is None else self.masks.shape[2]
        channels = self.channels or self.values.shape[2]
        image = np.empty((1, channels + labels, stop - start, width), np.float32)

        # Block by block, so that memory never holds a second copy of the whole photo.
        for top in range(start, stop, _ROWS):
            rows = slice(top, min(top + _ROWS, stop))
            part = image[:, :, rows.start - start : rows.stop - start]
            unit = _to_unit(self.values[rows])
            if self.channels is not None:
                unit = _convert(unit, self.channels)
            part[:, :channels] = _to_nchw(_premultiply(unit))
            if self.masks is not None:
                part[:, channels:] = _to_nchw(_to_unit(self.masks[rows]))
        return image

    def resize(self, size: Size) -> Floats:
        """Resize the photo to (height, width), float32 (1, C + labels, height, width) in [-1, 1].

        It equals resample.resize(self.to_floats(), size) bit for bit, but never holds all floats.
        """
        height, width = self.values.shape[:2]
        if (height, width) == size:
            return self.to_floats()

        rows, columns = (
            resample.compute_taps(height, size[0]),
            resample.compute_taps(width, size[1]),
        )
        strips = []
        for top in range(0, size[0], _STRIP):
            indices, weights = rows.indices[top : top + _STRIP], rows.weights[top : top + _STRIP]
            first, last = int(indices.min()), int(indices.max())
            source = self.to_floats(first, last + 1)
            strips.append(resample.apply(source, resample.Taps(indices - first, weights), columns))
        return np.concatenate(strips, axis=2)


def open_photo(path: Path, channels: str = "auto", side: int | None = None) -> Photo:
    """Read the photo of a file.

    Channels auto drops an alpha channel that is opaque everywhere, and colour where all of it is
    grey. side is the longer side that the caller needs at least, in px: a huge photo may then be
    reduced while it is read, to twice that or more. Raises ImageError for a file that is missing,
    empty, truncated, animated, no picture, too large or under 11 px.
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


def open_labelled_photo(
    path: Path, masks: Sequence[Path], channels: str = "auto", side: int | None = None
) -> Photo:
    """Read a photo as RGB with one label per mask. Without masks, read it as open_photo does.

    A mask named alpha is the photo's own alpha channel. Its colours then count as they are, visible
    or not, while channels 3 composes them on white. Raises ImageError for a file that is refused
    and for a photo whose transparency is no mask, RequestError for channels other than auto or 3.
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
            f"{path}: partly transparent, but labels go with RGB; --channels 3 puts it on white, "
            "--mask alpha makes a label of what is opaque"
        )

    planes = [_read_plane(mask, photo, path) for mask in masks]
    if channels == "auto":
        values = values[..., :3]
    return Photo(values, photo.size, 3, np.stack(planes, axis=2))


def _read_plane(name: Path, photo: Photo, path: Path) -> Pixels:
    """Read one mask of the photo at a path as uint8 (H, W), reduced as the photo was."""
    if mask_files.is_alpha(name):
        mask: Mask = mask_files.make_from_alpha(photo.compute_alpha(), path)
    else:
        mask = mask_files.read(name, {photo.size: "the photo"})

    plane = mask * np.uint8(255)
    height = photo.values.shape[0]
    if plane.shape == photo.values.shape[:2]:
        return plane
    return np.asarray(Image.fromarray(plane).reduce(round(plane.shape[0] / height)))


def read(path: Path, channels: str = "auto") -> Floats:
    """Read the picture of a file, upright and in sRGB, as float32 (1, C, H, W) in [-1, 1].

    channels and errors are those of open_photo.
    """
    return open_photo(path, channels).to_floats()


def to_floats(pixels: Pixels) -> Floats:
    """Convert a picture, uint8 (H, W, 1, 3 or 4) with straight colours, to an image.

    The image is float32 (1, C, H, W) in [-1, 1]; RGBA is premultiplied.
    """
    return _to_nchw(_premultiply(_to_unit(pixels)))


def _to_unit(values: Values) -> Floats:
    """Convert values to float32 in [0, 1]."""
    unit = values.astype(np.float32)
    return unit / np.float32(255) if values.dtype == np.uint8 else unit


def _premultiply(unit: Floats) -> Floats:
    """Multiply the colours of RGBA (H, W, 4) in [0, 1] by alpha, and leave all else unchanged."""
    if unit.shape[2] != 4:
        return unit
    return np.concatenate([unit[..., :3] * unit[..., 3:], unit[..., 3:]], axis=2)


def _to_nchw(unit: Floats) -> Floats:
    """Convert (H, W, C) in [0, 1] to (1, C, H, W) in [-1, 1]."""
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * 2 - 1, np.float32)


def _convert(unit: Floats, channels: int) -> Floats:
    """Convert straight grey, RGB or RGBA (H, W, C) in [0, 1] to another number of channels.

    What is transparent is composed on white, unless alpha is kept.
    """
    if unit.shape[2] == 1:
        unit = np.repeat(unit, 3, axis=2)
    if channels == 4:
        opaque = np.ones_like(unit[..., :1])
        return unit if unit.shape[2] == 4 else np.concatenate([unit, opaque], axis=2)
    if unit.shape[2] == 4:
        unit = unit[..., :3] * unit[..., 3:] + 1 - unit[..., 3:]
    return (unit @ mask_files.LUMA)[..., None] if channels == 1 else unit


def to_pixels(image: Floats) -> Pixels:
    """Convert images (B, C, H, W) in [-1, 1] to pictures, uint8 (B, H, W, C).

    Values outside the range are clipped. RGBA becomes straight.
    """
    unit = (image.transpose(0, 2, 3, 1) + 1) * np.float32(0.5)
    if unit.shape[3] == 4:
        alpha = unit[..., 3:].clip(0, 1)
        black = np.zeros_like(unit[..., :3])
        colour = np.divide(unit[..., :3], alpha, out=black, where=alpha > 0.5 / 255)
        unit = np.concatenate([colour, alpha], axis=3)
    return (unit.clip(0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def to_masks(labels: Floats) -> Pixels:
    """Convert label channels (B, labels, H, W) to masks, uint8 (B, H, W, labels) of 0 or 255."""
    return np.where(labels.transpose(0, 2, 3, 1) > 0, np.uint8(255), np.uint8(0))


def to_pillow(pixels: Pixels) -> Image.Image:
    """Convert a picture, uint8 (H, W, 1, 3 or 4), to a Pillow picture."""
    channels = pixels.shape[2]
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, _MODES[channels])


def flatten(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """Compose uint8 (..., H, W, 4) on a background colour (0..255 each).

    Pictures of other numbers of channels are returned unchanged.
    """
    if pixels.shape[-1] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255
    mixed = pixels[..., :3] * alpha + np.array(background, np.float32) * (1 - alpha)
    return (mixed + 0.5).astype(np.uint8)
