"""Animated PNG: a frame is the box that has changed since the last one, one pixel at least.

Pillow encodes the boxes. It does not put them together, since it makes one longer frame of
identical neighbours.
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageChops

from singan_core.encoding import make_png_text
from singan_core.metadata import Metadata

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 6  # of the compression
Box = tuple[int, int, int, int]


def save(
    path: Path,
    pictures: Sequence[Image.Image],
    lasting: Sequence[int],
    metadata: Metadata | None = None,
) -> None:
    """Write pictures of one size and mode (L, RGB or RGBA), each for its milliseconds.

    They repeat endlessly; a single one becomes a still picture. Source: PNG specification, third
    edition, animation chunks.
    """
    animated = len(pictures) > 1
    numbers = itertools.count()  # fcTL and fdAT chunks are counted together
    with open(path, "wb") as file:
        file.write(_SIGNATURE)
        for index, (picture, milliseconds) in enumerate(zip(pictures, lasting, strict=True)):
            box = find_change(pictures[index - 1], picture) if index else (0, 0, *picture.size)
            chunks = list(encode(picture.crop(box), metadata if index == 0 else None))
            if index == 0:
                header = next(body for kind, body in chunks if kind == b"IHDR")
                file.write(_encode_chunk(b"IHDR", header))
                if animated:
                    count = struct.pack(">II", len(pictures), 0)
                    file.write(_encode_chunk(b"acTL", count))

            for kind, body in chunks:
                if kind == b"iTXt":
                    file.write(_encode_chunk(kind, body))
            if animated:
                control = _encode_number(next(numbers)) + _encode_control(box, milliseconds)
                file.write(_encode_chunk(b"fcTL", control))
            for kind, body in chunks:
                if kind != b"IDAT":
                    continue
                if index == 0:
                    file.write(_encode_chunk(b"IDAT", body))
                else:
                    file.write(_encode_chunk(b"fdAT", _encode_number(next(numbers)) + body))
        file.write(_encode_chunk(b"IEND", b""))


def find_change(before: Image.Image, after: Image.Image) -> Box:
    """Find the smallest box around all that differs, or the first pixel if nothing does."""
    difference = ImageChops.difference(before, after)
    return difference.getbbox(alpha_only=False) or (0, 0, 1, 1)


def encode(picture: Image.Image, metadata: Metadata | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Encode a picture as a PNG of its own and yield its chunks, kind and body."""
    buffer = io.BytesIO()
    text = make_png_text(metadata) if metadata else None
    picture.save(buffer, "PNG", compress_level=_LEVEL, pnginfo=text)
    data, at = buffer.getvalue(), len(_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _encode_control(box: Box, milliseconds: int) -> bytes:
    """Encode a frame control without its number: place, time, nothing disposed of or mixed."""
    left, top, right, bottom = box
    delay = Fraction(milliseconds, 1000)  # of a second
    place = right - left, bottom - top, left, top
    return struct.pack(">IIIIHHBB", *place, delay.numerator, delay.denominator, 0, 0)


def _encode_number(number: int) -> bytes:
    """Encode the number of a chunk of the animation."""
    return struct.pack(">I", number)


def _encode_chunk(kind: bytes, body: bytes) -> bytes:
    """Encode a PNG chunk with its length and its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
