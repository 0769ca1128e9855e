"""The photo inside a run or bundle, from which every detail level is made, and its masks.

The photo is one lossless picture file. A digest of its decoded pixels vouches for it, since
decoders of lossy formats differ and files can be swapped.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.arrays import Mask, Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError, say_reason
from singan_core.file_names import MASKS, PHOTO
from singan_core.listed_files import read_listed
from singan_core.pyramid import Size

_OPTIONS = {"lossless": True, "exact": True, "quality": 50, "method": 2}
"""More effort takes ten times as long and saves 3 %."""


def hash_pixels(pixels: Pixels) -> str:
    """Compute the sha256 of pixels (h, w, C), row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def write_photo(folder: Path, pixels: Pixels) -> None:
    """Write the photo (h, w, 1, 3 or 4), straight, without EXIF or names. Raises OutputError."""
    image = Image.fromarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)
    with atomic_file(folder / PHOTO) as temporary:
        image.save(temporary, "WEBP", **_OPTIONS)


def read_photo(
    folder: Path, files: Mapping[str, str] | None, size: Size, channels: int, sha256: str
) -> Pixels:
    """Read the stored photo (h, w, C) of a folder with these files, name -> sha256.

    Raises BundleError unless it has the size and the pixels that the manifest states.
    """
    path = folder / PHOTO
    image = _decode(path, read_listed(folder, files, PHOTO, _count_bytes(size)), size, "WEBP")
    pixels = np.asarray(image.convert("RGBA" if channels == 4 else "RGB"))
    pixels = np.ascontiguousarray(pixels[..., :channels])

    if (found := hash_pixels(pixels)) != sha256:
        raise BundleError(
            f"{path}: not the photo of this model (pixels {found[:12]}..., "
            f"expected {sha256[:12]}...); export it again"
        )
    return pixels


def write_masks(folder: Path, masks: Mask) -> None:
    """Write masks (h, w, labels) as a picture of bytes. Raises OutputError.

    A byte holds eight labels, the first in its lowest bit. Planes of further labels follow below.
    """
    planes = np.packbits(masks, axis=2, bitorder="little").transpose(2, 0, 1)
    with atomic_file(folder / MASKS) as temporary:
        Image.fromarray(planes.reshape(-1, masks.shape[1])).save(temporary, "PNG")


def read_masks(folder: Path, files: Mapping[str, str] | None, size: Size, labels: int) -> Mask:
    """Read the stored masks (h, w, labels) of a folder with these files, name -> sha256.

    Raises BundleError if they have another size.
    """
    planes = -(-labels // 8)
    whole = size[0] * planes, size[1]
    data = read_listed(folder, files, MASKS, _count_bytes(whole))
    image = _decode(folder / MASKS, data, whole, "PNG")
    stored = np.asarray(image.convert("L")).reshape(planes, *size).transpose(1, 2, 0)
    return np.unpackbits(stored, axis=2, count=labels, bitorder="little").astype(bool)


def _count_bytes(size: Size) -> int:
    """Count the bytes that a picture's file has at most."""
    return 8 * size[0] * size[1] + (1 << 20)


def _decode(path: Path, data: bytes, size: Size, format: str) -> Image.Image:
    """Decode the bytes of a picture file. Raises BundleError unless it has this size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=(format,))
            if (image.height, image.width) != size:
                raise BundleError(
                    f"{path}: {image.width}x{image.height}, the manifest says {size[1]}x{size[0]}; "
                    "export it again"
                )
            image.load()

    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as error:
        raise BundleError(
            f"{path}: missing or damaged ({say_reason(error)}); export it again"
        ) from error
    return image
