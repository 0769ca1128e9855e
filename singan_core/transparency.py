"""Decodes pictures whose transparency Pillow would drop or misplace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.bounded_file import BoundedFile
from singan_core.errors import ImageError

_KEY_STEPS = {"L;2": 85, "L;4": 17}
"""Steps between grey levels of 2 and 4 bits, by raw mode.

Pillow stretches such levels to 8 bits, but not the level that a file names as transparent.
"""


def decode(image: Image.Image, path: Path) -> Image.Image:
    """Decode the pixels, with the transparent level or colour at the same depth.

    Raises ImageError for transparency that Pillow would drop.
    """
    key = image.info.get("transparency")
    raw = image.tile[0].args if getattr(image, "tile", None) else None  # type: ignore[attr-defined]
    raw = raw[0] if isinstance(raw, tuple) else raw
    if image.format == "BMP" and raw == "BGR;15" and _has_alpha_mask(path):
        raise ImageError(
            f"{path}: a BMP of 16 bits with transparency is not supported; save it as PNG"
        )

    image.load()
    if image.format != "PNG":
        return image

    if isinstance(key, int) and raw in _KEY_STEPS:
        image.info["transparency"] = key * _KEY_STEPS[raw]
    if isinstance(key, tuple) and raw == "RGB;16B":
        return _make_transparent(image, path, key)
    return image


def _make_transparent(image: Image.Image, path: Path, key: tuple[int, ...]) -> Image.Image:
    """Turn the transparent colour of a PNG of 16 bits per channel into an alpha channel.

    Pillow decodes the upper bytes alone, by which other colours would become transparent as well.
    So the file is decoded again as if the lower bytes came first, and both are compared with the
    key.
    """
    with BoundedFile(path) as file, Image.open(file, formats=("PNG",)) as lower:
        lower.tile = [part._replace(args="RGB;16L") for part in lower.tile]
        lower.load()
        alpha = np.zeros((image.height, image.width), np.uint8)
        for place, part in enumerate(key):  # a channel at a time, which holds few copies at once
            bytes_of_key = divmod(part, 256)
            for half, byte in zip((image, lower), bytes_of_key, strict=True):
                alpha |= np.asarray(half.getchannel(place)) != byte

    del image.info["transparency"]
    image = image.convert("RGB")
    image.putalpha(Image.fromarray(alpha * np.uint8(255)))
    return image


def _has_alpha_mask(path: Path) -> bool:
    """Whether the header of a BMP gives some bits of each pixel to alpha."""
    with path.open("rb") as file:
        header = file.read(70)
    has_masks = len(header) == 70 and int.from_bytes(header[14:18], "little") >= 56
    return has_masks and any(header[66:70])
