"""The photo inside a run or bundle, from which every detail level is made, and its masks.

The photo is one lossless picture file. A digest of its decoded pixels vouches for it, since
decoders of lossy formats differ and files can be swapped.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.arrays import Mask, Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError, say_reason
from singan_core.paths import require_file
from singan_core.pyramid import Size

PHOTO, MASKS = "photo.webp", "masks.png"
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


def read_photo(folder: Path, size: Size, channels: int, sha256: str) -> Pixels:
    """Read the stored photo (h, w, C).

    Raises BundleError unless it has the size and the pixels that the manifest states.
    """
    path = folder / PHOTO
    image = _open(path, size, "WEBP")
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


def read_masks(folder: Path, size: Size, labels: int) -> Mask:
    """Read the stored masks (h, w, labels). Raises BundleError if they have another size."""
    planes = -(-labels // 8)
    image = _open(folder / MASKS, (size[0] * planes, size[1]), "PNG")
    stored = np.asarray(image.convert("L")).reshape(planes, *size).transpose(1, 2, 0)
    return np.unpackbits(stored, axis=2, count=labels, bitorder="little").astype(bool)


def _open(path: Path, size: Size, format: str) -> Image.Image:
    """Decode a picture file, which is read once. Raises BundleError unless it has this size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(require_file(path).read_bytes()), formats=(format,))
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
