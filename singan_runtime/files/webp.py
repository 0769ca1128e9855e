"""Animated WebP: every frame that was asked for.

Pillow writes the file by libwebp, which makes one frame of neighbours that look alike; its time
tells how many it stands for. It is split again, into the picture and repeats that change nothing.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from singan_core.encoding import QUALITY
from singan_core.metadata import Metadata

_DISPOSE, _REPLACE = 1, 2
"""Flags of a frame: clear its place afterwards, do not mix it with what is there."""
_ANIMATED_WITH_ALPHA, _WITH_XMP = 0x12, 0x04
"""Flags of a file."""


def save(
    path: Path,
    pictures: Sequence[Image.Image],
    lasting: Sequence[int],
    metadata: Metadata | None = None,
    quality: int | None = None,
) -> None:
    """Write pictures of one size and mode, each for its milliseconds, endlessly repeating."""
    first, *others = pictures
    first.save(
        path,
        "webp",
        save_all=True,
        append_images=others,
        duration=list(lasting),
        loop=0,
        quality=QUALITY["webp"] if quality is None else quality,
        method=4,
        xmp=metadata.to_xmp() if metadata else b"",
    )
    add_repeats(path, lasting, first.size)


def add_repeats(path: Path, lasting: Sequence[int], size: tuple[int, int]) -> None:
    """Add to a WebP of a size (width, height) the frames that are missing of those asked for.

    They last so many milliseconds each. Source: WebP container specification.
    """
    chunks = list(_split_chunks(path.read_bytes()[12:]))
    frames = [body for kind, body in chunks if kind == b"ANMF"]
    if max(len(frames), 1) == len(lasting):
        return

    # If all look alike, libwebp has made a still picture of them: one frame of the whole time.
    width, height = (_encode_three_bytes(side - 1) for side in size)
    if not frames:
        kinds = (b"ALPH", b"VP8 ", b"VP8L")
        picture = b"".join(_encode_chunk(kind, body) for kind, body in chunks if kind in kinds)
        head = bytes(6) + width + height + _encode_three_bytes(sum(lasting)) + bytes([_REPLACE])
        frames = [head + picture]

    waiting = iter(lasting)
    xmp = [body for kind, body in chunks if kind == b"XMP "]
    flags = _ANIMATED_WITH_ALPHA | (_WITH_XMP if xmp else 0)
    canvas = bytes([flags, 0, 0, 0]) + width + height
    with open(path, "wb") as file:
        file.write(b"RIFF    WEBP" + _encode_chunk(b"VP8X", canvas))
        file.write(_encode_chunk(b"ANIM", bytes(6)))  # on nothing, endlessly repeating
        for frame in frames:
            for body in _split_frame(frame, waiting):
                file.write(_encode_chunk(b"ANMF", body))
        for body in xmp:
            file.write(_encode_chunk(b"XMP ", body))

        length = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", length))


def _split_frame(frame: bytes, waiting: Iterator[int]) -> Iterator[bytes]:
    """Split a frame that stands for several into one with its picture, then repeats.

    The last of them clears the frame's place if the frame did.
    """
    total, flags = int.from_bytes(frame[12:15], "little"), frame[15]
    parts = [next(waiting)]
    while sum(parts) < total:
        parts.append(next(waiting))

    for number, milliseconds in enumerate(parts):
        clears = flags & _DISPOSE if number == len(parts) - 1 else 0
        mixes = 0 if number else flags & ~_DISPOSE
        picture = _encode_transparent(frame) if number else frame[16:]
        yield frame[:12] + _encode_three_bytes(milliseconds) + bytes([clears | mixes]) + picture


def _encode_transparent(frame: bytes) -> bytes:
    """Encode the transparent picture that fills a frame's place."""
    width, height = (int.from_bytes(frame[at : at + 3], "little") + 1 for at in (6, 9))
    buffer = io.BytesIO()
    Image.new("RGBA", (width, height)).save(buffer, "WEBP", lossless=True)
    chunks = _split_chunks(buffer.getvalue()[12:])
    return b"".join(_encode_chunk(kind, body) for kind, body in chunks if kind == b"VP8L")


def _split_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split RIFF data into chunks, each a kind and a body.

    Bodies are padded to an even length.
    """
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _encode_chunk(kind: bytes, body: bytes) -> bytes:
    """Encode a RIFF chunk, padded to an even length."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _encode_three_bytes(number: int) -> bytes:
    """Encode a whole number in three bytes, the lowest first."""
    return number.to_bytes(3, "little")
