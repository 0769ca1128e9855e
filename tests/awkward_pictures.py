"""Small picture files that are valid but unusual, made by hand where Pillow cannot, and read."""

import base64
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from singan_core import images
from singan_core.errors import ImageError

H, W = 24, 36

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABoAABAAAAAAAAAFMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAA"
    "AADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkA"
    "AAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAA"
    "AChjbGFwAAAAJAAAAAEAAAAYAAAAAf///+QAAAAC////2AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAW2"
    "1kYXQAAABPKAGvCchsCBo5I1d//8IrP/9cZaH7T8OXdhDHPtmbppMqZw9pxSiBPycnS3ZZr8fvWzik/cO5danQ2uEK00ayDeSA123OYbhPQKBe"
    "q4rslA=="
)
"""36x24 px, reddish on the left and blue on the right."""


def scene():
    """A smooth colourful picture, uint8 (H, W, 3), from dark to light."""
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 255 // (W - 1), y * 255 // (H - 1), 255 - x * 200 // W], axis=2).astype(
        np.uint8
    )


def grey(bits):
    """Whole numbers of so many bits (H, W), from black on the left to white on the right."""
    return np.tile(np.rint(np.linspace(0, 2**bits - 1, W)).astype(np.uint16), (H, 1))


RAMP = grey(8).astype(np.uint8)


def pack(values, bits):
    """Pack lines of whole numbers (H, n), highest bit first, each line into whole bytes."""
    single = values[..., None] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(single.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def directory(order, tags, place, following, big=False):
    """One TIFF directory with inline values: tags are (tag, type, value)."""
    if big:
        entries = b"".join(
            struct.pack(f"{order}HHQQ", tag, kind, 1, value) for tag, kind, value in tags
        )
        return struct.pack(f"{order}Q", len(tags)) + entries + struct.pack(f"{order}Q", following)
    entries = b""
    for tag, kind, value in tags:
        inline = (
            struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        )
        entries += struct.pack(f"{order}HHI", tag, kind, 1) + inline
    return struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following)


def tiff(
    path,
    data,
    bits,
    photometric,
    order="<",
    compression=1,
    size=(H, W),
    samples=1,
    extra=(),
    following=None,
):
    """Write a TIFF of one page of any bits; following holds the bytes of the next page."""
    start = 8
    tags = [
        (256, 4, size[1]), (257, 4, size[0]), (258, 3, bits), (259, 3, compression),
        (262, 3, photometric), (273, 4, 0), (277, 3, samples), (278, 4, size[0]),
        (279, 4, len(data)), *extra,
    ]  # fmt: skip
    tags.sort()
    length = 2 + 12 * len(tags) + 4
    tags = [(tag, kind, start + length if tag == 273 else value) for tag, kind, value in tags]
    end = start + length + len(data)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    path.write_bytes(
        head + directory(order, tags, start, end if following else 0) + data + (following or b"")
    )
    return path


def png(path, bits, colour, lines, chunks=()):
    """A PNG from its lines of bytes (H, n)."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", W, len(lines), bits, colour, 0, 0, 0))
    body = b"".join(chunk(*one) for one in chunks)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + head
        + body
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )
    return path


def grey_profile(gamma):
    """An ICC profile of grey with a tone curve."""
    parts = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + b"\0" * 74),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)),
        (b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))),
    ]
    place, table, body = 132 + 12 * len(parts), b"", b""
    for name, data in parts:
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s6H", place + len(body), b"none", 0x02100000, b"mntr", b"GRAY", b"XYZ ", *[1] * 6
    )
    head += b"acsp" + b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + body


def bitfields_bmp(path, bits):
    """A BMP of 16 bits a pixel, so many of them for each of red, green, blue and alpha."""
    drops = 8 - np.array(bits[:3])
    places = np.cumsum([0, bits[2], bits[1], bits[0]])  # of blue, green, red and alpha
    small = scene().astype(np.uint32) >> drops
    values = small[..., 0] << places[2] | small[..., 1] << places[1] | small[..., 2]
    data = values[::-1].astype("<u2").tobytes()
    masks = [
        (1 << count) - 1 << int(place)
        for count, place in zip(bits, (*places[2::-1], places[3]), strict=True)
    ]
    head = struct.pack("<IiiHHIIiiII", 108, W, H, 1, 16, 3, len(data), 2835, 2835, 0, 0)
    head += struct.pack("<4I", *masks) + b"BGRs" + b"\0" * 48
    path.write_bytes(b"BM" + struct.pack("<IHHI", 122 + len(data), 0, 0, 122) + head + data)
    return path


def saved(path, pixels, **options):
    """A picture saved by Pillow."""
    Image.fromarray(pixels).save(path, **options)
    return path


def pixels(path, channels="auto"):
    """The pixels that a photo is read as, uint8 (H, W, C)."""
    return images.to_pixels(images.read(path, channels))[0]


def one_error(path):
    """What is said of a picture that is refused, without its path."""
    with pytest.raises(ImageError) as caught:
        images.read(path)
    return str(caught.value).removeprefix(f"{path}: ")
