"""Encode pictures as PNG, JPEG, WebP or AVIF, in memory or into a file."""

from __future__ import annotations

import difflib
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import PngImagePlugin, features

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError, RequestError
from singan_core.metadata import Metadata

FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}
"""Formats that pictures are saved in, and their file name endings."""

ENDINGS = {ending: name for name, ending in FORMATS.items()} | {".jpeg": "jpeg"}
"""The format that an ending stands for."""

QUALITY = {"jpeg": 90, "webp": 90, "avif": 80}
"""Quality of the lossy formats unless another is asked for, which docs/metadata.md measures."""

WHITE = (255, 255, 255)

_LONGEST = {"jpeg": 65_535, "webp": 16_383, "avif": 16_384}  # px, longest side of a format
_MOST_XMP = 65_000  # bytes, in a JPEG
_OPTIONS: dict[str, dict[str, object]] = {
    "png": {"compress_level": 4},
    "jpeg": {"subsampling": 0},
    "webp": {"method": 4},
    # One thread, since the bytes of an AVIF depend on whether there are more.
    "avif": {"subsampling": "4:4:4", "speed": 8, "max_threads": 1},
}


@dataclass(frozen=True)
class Style:
    """How pictures become files."""

    format: str = "png"
    background: tuple[int, int, int] = WHITE  # behind transparency, in formats without it
    quality: int | None = None  # 1 to 100, of a lossy format; None is its default
    has_metadata: bool = True  # whether files say how their pictures were made


def check_format_name(format: str, known: Collection[str]) -> None:
    """Raise RequestError, with the most similar name, unless the format is a known one."""
    if format not in known:
        near = difflib.get_close_matches(format.lower(), known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise RequestError(f"unknown format {format!r}: choose {_join_names(known)}{hint}")


def check_format(format: str, size: tuple[int, int], quality: int | None = None) -> None:
    """Raise an error unless a picture of (height, width) can be saved in a format.

    Raises RequestError for an unknown format, a size that it cannot hold or a quality that it does
    not have, InstallError if Pillow cannot write it.
    """
    check_format_name(format, FORMATS)
    check_quality(format, quality)
    if format == "avif" and not features.check("avif"):
        raise InstallError(
            "this Pillow was built without AVIF; run: pip install --force-reinstall pillow, "
            "or choose webp"
        )

    longest = _LONGEST.get(format, max(size))
    if max(size) > longest:
        raise RequestError(
            f"{size[1]}x{size[0]} is too large for {format}: sides up to {longest} px; "
            "use png or tiff"
        )


def check_quality(
    format: str, quality: int | None, lossy: Collection[str] = tuple(QUALITY)
) -> None:
    """Raise RequestError for a quality that is not possible, or with a format that has none.

    lossy are the formats that have one and could be chosen instead.
    """
    if quality is None:
        return
    if format not in lossy:
        raise RequestError(
            f"{format} takes no quality: leave out --quality, or choose {_join_names(lossy)}"
        )
    if not 1 <= quality <= 100:
        raise RequestError(f"quality {quality} is not possible: it must be 1 to 100")


def _join_names(names: Collection[str]) -> str:
    """Write names as in 'png, jpeg or webp'."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def encode(
    pixels: Pixels,
    format: str = "png",
    background: tuple[int, int, int] = WHITE,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> bytes:
    """Encode a picture, uint8 (H, W, C), as the bytes of a png, jpeg, webp or avif file.

    The same arguments give the same bytes with the same Pillow. quality is 1 to 100, for the lossy
    formats alone, and None is the default. JPEG has no alpha, so transparency is composed on the
    background. Raises what check_format raises.
    """
    check_format(format, (pixels.shape[0], pixels.shape[1]), quality)
    image = images.to_pillow(images.flatten(pixels, background) if format == "jpeg" else pixels)

    options = dict(_OPTIONS[format])
    if format in QUALITY:
        options["quality"] = QUALITY[format] if quality is None else quality
    if metadata is not None and format == "png":
        options["pnginfo"] = make_png_text(metadata)
    elif metadata is not None:
        options["xmp"] = metadata.to_xmp()
        if format == "jpeg" and len(metadata.to_xmp()) > _MOST_XMP:
            raise RequestError(
                "the request is too long for the metadata of a JPEG: choose another format, "
                "or leave it out with --no-metadata"
            )

    encoded = io.BytesIO()
    image.save(encoded, format.upper(), **options)
    return encoded.getvalue()


def make_png_text(metadata: Metadata) -> PngImagePlugin.PngInfo:
    """Make the text chunks of a PNG file: the record for people, XMP for programs."""
    info = PngImagePlugin.PngInfo()
    for key, value in metadata.text.items():
        info.add_itxt(key, value)
    return info


def save(
    path: Path,
    pixels: Pixels,
    format: str = "png",
    background: tuple[int, int, int] = WHITE,
    quality: int | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Write a picture, uint8 (H, W, C), whole or not at all, as encode encodes it.

    Raises what encode raises, and OutputError if the file cannot be written.
    """
    # Into memory first: encoders that write to a file themselves take a full disk for success. And
    # before the file is begun: who is killed meanwhile leaves nothing.
    content = encode(pixels, format, background, quality, metadata)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
