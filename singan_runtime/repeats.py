"""Frames that show what the one before shows: encoders drop them, here they come back into the file.

A repeat is a frame of its own that changes nothing, a transparent picture of a few bytes.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B  # how a block of a GIF begins
_NOTHING = struct.pack("<BHHHHB", _IMAGE, 0, 0, 1, 1, 0) + bytes(
    [2, 2, 0x44, 0x01, 0]
)  # one pixel of colour 0
_DISPOSE, _REPLACE = (
    1,
    2,
)  # flags of a WebP's frame: clear its place afterwards, do not mix it with what is there
_ANIMATED_WITH_ALPHA = 0x12


def count_runs(pictures: Sequence[Image.Image]) -> list[int]:
    """Count the identical neighbours: how many pictures each of the distinct ones stands for."""
    return [
        len(list(run)) for _, run in itertools.groupby(pictures, lambda picture: picture.tobytes())
    ]


def add_to_gif(path: Path, after: Sequence[Sequence[int]]) -> None:
    """Add to each frame of a GIF, which disposes of none, its repeats, of so many milliseconds each.

    Source: GIF89a specification; the repeat's pixel has the colour that is named as transparent.
    """
    if not any(after):
        return
    data, waiting = path.read_bytes(), iter(after)
    at = 13 + _measure_table(data[10])

    with open(path, "wb") as file:
        file.write(data[:at])
        while data[at] != _END:
            start, is_image = at, data[at] == _IMAGE
            at += 11 + _measure_table(data[at + 9]) if is_image else 2
            while data[at]:
                at += 1 + data[at]
            at += 1
            file.write(data[start:at])
            for milliseconds in next(waiting) if is_image else ():
                file.write(
                    struct.pack("<BBBBHBB", _EXTENSION, 0xF9, 4, 1, milliseconds // 10, 0, 0)
                    + _NOTHING
                )
        file.write(data[at:])


def _measure_table(flags: int) -> int:
    """Measure the colour table that the flags of a GIF's screen or image announce, in bytes."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def add_to_webp(path: Path, lasting: Sequence[int], size: tuple[int, int]) -> None:
    """Add to a WebP of a size (width, height) the frames that are missing of those that last so many milliseconds.

    libwebp makes one frame of neighbours that look alike; its time tells how many it stands for. Source: WebP
    container specification.
    """
    chunks = list(_split(path.read_bytes()[12:]))
    frames = [body for kind, body in chunks if kind == b"ANMF"]
    if max(len(frames), 1) == len(lasting):
        return
    width, height = (_three_bytes(side - 1) for side in size)
    if not frames:  # all look alike, of which libwebp makes a still picture
        picture = b"".join(
            _chunk(kind, body) for kind, body in chunks if kind in (b"ALPH", b"VP8 ", b"VP8L")
        )
        frames = [
            bytes(6) + width + height + _three_bytes(sum(lasting)) + bytes([_REPLACE]) + picture
        ]

    waiting = iter(lasting)
    with open(path, "wb") as file:
        file.write(
            b"RIFF    WEBP"
            + _chunk(b"VP8X", bytes([_ANIMATED_WITH_ALPHA, 0, 0, 0]) + width + height)
        )
        file.write(_chunk(b"ANIM", bytes(6)))  # on nothing, endlessly repeating
        for frame in frames:
            for body in _part(frame, waiting):
                file.write(_chunk(b"ANMF", body))
        length = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", length))


def _part(frame: bytes, waiting: Iterator[int]) -> Iterator[bytes]:
    """Part a frame that stands for several: one with its picture, then repeats, of which the last clears its place."""
    total, flags = int.from_bytes(frame[12:15], "little"), frame[15]
    parts = [next(waiting)]
    while sum(parts) < total:
        parts.append(next(waiting))

    for number, milliseconds in enumerate(parts):
        clears = flags & _DISPOSE if number == len(parts) - 1 else 0
        how = bytes([clears | (0 if number else flags & ~_DISPOSE)])
        yield (
            frame[:12]
            + _three_bytes(milliseconds)
            + how
            + (_draw_nothing(frame) if number else frame[16:])
        )


def _draw_nothing(frame: bytes) -> bytes:
    """Draw the transparent picture that fills a frame's place."""
    width, height = (int.from_bytes(frame[at : at + 3], "little") + 1 for at in (6, 9))
    buffer = io.BytesIO()
    Image.new("RGBA", (width, height)).save(buffer, "WEBP", lossless=True)
    return b"".join(
        _chunk(kind, body) for kind, body in _split(buffer.getvalue()[12:]) if kind == b"VP8L"
    )


def _split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split RIFF data into chunks, kind and body; bodies are padded to an even length."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _three_bytes(number: int) -> bytes:
    return number.to_bytes(3, "little")
