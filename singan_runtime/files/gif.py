"""Animated GIF: one palette for all frames, and every frame that was asked for.

Pillow writes the file. It makes one longer frame of identical neighbours, so repeats that change
nothing are put in again.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.metadata import Metadata

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B  # how a block begins
_ONE_PIXEL = struct.pack("<BHHHHB", _IMAGE, 0, 0, 1, 1, 0) + bytes([2, 2, 0x44, 0x01, 0])
"""An image block: one pixel of colour 0 at the upper left corner."""
_LOOKED_AT = 8  # frames to which the palette is fitted


def save(
    path: Path,
    pictures: Sequence[Image.Image],
    lasting: Sequence[int],
    metadata: Metadata | None = None,
) -> None:
    """Write pictures of one size, each for its milliseconds, endlessly repeating.

    All share one palette, since a palette of its own per frame makes flat areas flash. There is no
    dithering, whose dots would crawl from frame to frame.
    """
    # Converting a picture in RGB would copy it, which doubles the memory.
    opaque = [one if one.mode == "RGB" else one.convert("RGB") for one in pictures]
    palette = choose_palette(opaque)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in opaque]

    starts = [0, *itertools.accumulate(count_runs(indexed))]
    first, *others = [indexed[start] for start in starts[:-1]]
    lasts = [lasting[start] for start in starts[:-1]]
    # Into memory first: an encoder that writes to a file itself takes a full disk for success.
    encoded = io.BytesIO()
    first.save(encoded, "gif", save_all=True, append_images=others, duration=lasts, loop=0)
    path.write_bytes(encoded.getbuffer())

    repeats = [lasting[start + 1 : stop] for start, stop in itertools.pairwise(starts)]
    add_repeats(path, repeats)
    if metadata is not None:
        add_xmp(path, metadata)


def choose_palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """Choose 256 colours for pictures in RGB, as a picture with that palette.

    They are fitted to a few frames at once. Each distinct colour counts by the root of its pixels:
    by all of them a wide sky would take the palette for itself and leave a small balloon grey.
    """
    few = pictures[:: max(1, len(pictures) // _LOOKED_AT)][:_LOOKED_AT]
    pixels = np.concatenate([np.asarray(picture).reshape(-1, 3) for picture in few])
    pixels = pixels[:: -(-len(pixels) // 2**20)]  # a million tell enough

    coarse = (pixels >> 2).astype(np.uint32) @ np.array([1 << 12, 1 << 6, 1], np.uint32)
    _, first, count = np.unique(coarse, return_index=True, return_counts=True)
    colours = np.repeat(pixels[first], np.sqrt(count).astype(int), axis=0)
    return Image.fromarray(colours[:, None]).quantize(256, kmeans=3)


def count_runs(pictures: Sequence[Image.Image]) -> list[int]:
    """Count the identical neighbours: how many pictures each of the distinct ones stands for."""
    runs = itertools.groupby(pictures, lambda picture: picture.tobytes())
    return [len(list(run)) for _, run in runs]


def add_repeats(path: Path, repeats: Sequence[Sequence[int]]) -> None:
    """Add to each frame of a GIF its repeats, of so many milliseconds each.

    No frame of the file may be disposed of.
    Source: GIF89a specification; the pixel of a repeat has the colour that is named as transparent.
    """
    if not any(repeats):
        return
    data, waiting = path.read_bytes(), iter(repeats)
    at = 13 + _measure_table(data[10])

    with open(path, "wb") as file:
        file.write(data[:at])
        while data[at] != _END:
            # Skip the block's head, then its sub-blocks up to the empty one.
            start, is_image = at, data[at] == _IMAGE
            at += 11 + _measure_table(data[at + 9]) if is_image else 2
            while data[at]:
                at += 1 + data[at]
            at += 1
            file.write(data[start:at])

            for milliseconds in next(waiting) if is_image else ():
                file.write(_encode_repeat(milliseconds))
        file.write(data[at:])


def add_xmp(path: Path, metadata: Metadata) -> None:
    """Add metadata to a GIF, in an extension before its end.

    Readers that know nothing of it take each byte for the length of a block. The 258 bytes at its
    end lead them all out. Source: XMP specification, part 3.
    """
    way_out = bytes([1, *range(255, -1, -1), 0])
    head = bytes([_EXTENSION, 0xFF, 11]) + b"XMP DataXMP"
    with open(path, "rb+") as file:
        file.seek(-1, io.SEEK_END)
        file.write(head + metadata.to_xmp() + way_out + bytes([_END]))


def _encode_repeat(milliseconds: int) -> bytes:
    """Encode a frame that changes nothing: a graphic control, then one transparent pixel."""
    control = (_EXTENSION, 0xF9, 4, 1, milliseconds // 10, 0, 0)
    return struct.pack("<BBBBHBB", *control) + _ONE_PIXEL


def _measure_table(flags: int) -> int:
    """Measure the colour table that the flags of a screen or an image announce, in bytes."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
