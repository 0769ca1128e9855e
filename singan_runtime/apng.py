"""Animated PNG: every frame is the box that has changed since the last one, and one pixel where nothing has.

Pillow encodes the boxes. It does not put them together, since it makes one longer frame of identical neighbours.
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

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DATA = b"IDAT"
_LEVEL = 6  # of the compression
Box = tuple[int, int, int, int]


def save(path: Path, pictures: Sequence[Image.Image], lasting: Sequence[int]) -> None:
    """Write pictures of one size and mode (L, RGB or RGBA), each for its milliseconds, endlessly repeating.

    A single one becomes a still picture. Source: PNG specification, third edition, animation chunks.
    """
    numbers = itertools.count()  # fcTL and fdAT chunks are counted together
    with open(path, "wb") as file:
        for index, (picture, milliseconds) in enumerate(zip(pictures, lasting, strict=True)):
            box = find_change(pictures[index - 1], picture) if index else (0, 0, *picture.size)
            chunks = list(encode(picture.crop(box)))
            if index == 0:
                file.write(
                    _SIGNATURE
                    + b"".join(_chunk(kind, body) for kind, body in chunks if kind == b"IHDR")
                )
                if len(pictures) > 1:
                    file.write(_chunk(b"acTL", struct.pack(">II", len(pictures), 0)))

            if len(pictures) > 1:
                file.write(
                    _chunk(b"fcTL", struct.pack(">I", next(numbers)) + _describe(box, milliseconds))
                )
            for body in (body for kind, body in chunks if kind == _DATA):
                file.write(
                    _chunk(b"fdAT", struct.pack(">I", next(numbers)) + body)
                    if index
                    else _chunk(_DATA, body)
                )
        file.write(_chunk(b"IEND", b""))


def find_change(before: Image.Image, after: Image.Image) -> Box:
    """Find the smallest box around all that differs; the first pixel alone if nothing does."""
    difference = ImageChops.difference(before, after)
    return difference.getbbox(alpha_only=False) or (0, 0, 1, 1)


def encode(picture: Image.Image) -> Iterator[tuple[bytes, bytes]]:
    """Encode a picture as a PNG of its own and yield its chunks, kind and body."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_LEVEL)
    data, at = buffer.getvalue(), len(_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _describe(box: Box, milliseconds: int) -> bytes:
    """Lay out a frame control without its number: place, time as a fraction of a second, nothing disposed or mixed."""
    left, top, right, bottom = box
    delay = Fraction(milliseconds, 1000)
    return struct.pack(
        ">IIIIHHBB", right - left, bottom - top, left, top, delay.numerator, delay.denominator, 0, 0
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
