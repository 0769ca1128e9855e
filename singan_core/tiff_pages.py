"""TIFF directories: which page of a file is the photo, and pages whose values do not fill whole bytes."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core.errors import ImageError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION = 274
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _SUBDIRECTORIES, _FORMAT, _SUBSAMPLING = (
    277,
    284,
    317,
    322,
    330,
    339,
    530,
)
_DEFAULTS = {
    _SUBFILE: 0,
    _BITS: 1,
    _COMPRESSION: 1,
    _SAMPLES: 1,
    _PLANAR: 1,
    _PREDICTOR: 1,
    _FORMAT: 1,
    ORIENTATION: 1,
}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # codes of struct by TIFF's types
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_MOST_PAGES = 10_000
_COMPRESSIONS = {
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    32771,
    32773,
    32946,
    34676,
    34677,
    34925,
    50000,
}
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _YCBCR = 0, 1, 2, 6
_REDUCED, _MASK = 1, 4  # bits of the subfile type: a smaller copy, a transparency mask
_FORMATS = {
    1: "integers",
    2: "signed integers",
    3: "floating point",
    5: "complex integers",
    6: "complex numbers",
}


@dataclass(frozen=True)
class Page:
    """One directory: its small whole-number tags, and where each one's entry stands in the file."""

    index: int
    order: str  # of bytes, as struct writes it: < or >
    big: bool
    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    entries: dict[int, int] = field(default_factory=dict)

    def get(self, tag: int) -> int:
        """Return the first value of a tag, or what the format says where it is missing."""
        found = self.values.get(tag)
        return found[0] if found else _DEFAULTS.get(tag, 0)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.get(_HEIGHT), self.get(_WIDTH)

    @property
    def is_photo(self) -> bool:
        """Whether the page is no thumbnail, overview or mask."""
        return not self.get(_SUBFILE) & (_REDUCED | _MASK)

    @property
    def is_floating(self) -> bool:
        """Whether its values are no whole numbers from zero on, so that nobody knows its white.

        Signed ones of 16 and 32 bits may be, which shows when they are decoded.
        """
        return self.get(_FORMAT) in (3, 5, 6) or (self.get(_FORMAT) == 2 and self.get(_BITS) == 8)

    @property
    def is_decodable(self) -> bool:
        """Whether Pillow's libtiff undoes its compression, or the sharing of colours among pixels where it has none."""
        shared = self.get(_PHOTOMETRIC) == _YCBCR and self.values.get(_SUBSAMPLING, (2, 2)) != (
            1,
            1,
        )
        return self.get(_COMPRESSION) in _COMPRESSIONS and not (
            shared and self.get(_COMPRESSION) == 1
        )

    @property
    def needs_unpacking(self) -> bool:
        """Whether its values have a width, or 16 bits with white at zero, that Pillow reads wrongly or not at all."""
        plain = (self.get(_PHOTOMETRIC), self.get(_SAMPLES)) in (
            (_MIN_IS_WHITE, 1),
            (_MIN_IS_BLACK, 1),
            (_RGB, 3),
        )
        bits = self.values.get(_BITS, (1,))
        whole = (8,) if self.get(_PHOTOMETRIC) == _RGB else (1, 2, 4, 8)  # what Pillow knows
        packed = (0 < bits[0] < 16 and bits[0] not in whole) or (
            bits[0] == 16 and self.get(_PHOTOMETRIC) == _MIN_IS_WHITE
        )
        fits = self.get(_PLANAR) == 1 or self.get(_SAMPLES) == 1
        return plain and packed and fits and len(set(bits)) == 1 and self.get(_FORMAT) == 1

    def describe(self) -> str:
        """Return what its values are, for a sentence."""
        bits, samples = self.get(_BITS), self.get(_SAMPLES)
        kind = _FORMATS.get(self.get(_FORMAT), "of an unknown kind")
        compressed = "" if self.is_decodable else f", compression {self.get(_COMPRESSION)}"
        return f"{bits}-bit {kind}, {samples} channel{'s' if samples > 1 else ''}{compressed}"


def read_pages(path: Path) -> list[Page]:
    """Read the directories of a TIFF in their order, up to the first that is broken or met before.

    Empty if the file is no TIFF. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(16)
        if head[:4] not in MAGIC:
            return []
        order, big = ("<" if head[:2] == b"II" else ">"), head[2:4] in (b"+\0", b"\0+")
        pages: list[Page] = []
        seen: set[int] = set()
        try:
            place = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head, 8 if big else 4)[0]
            while place and place not in seen and len(pages) < _MOST_PAGES:
                seen.add(place)
                page, place = _read_page(file, place, len(pages), order, big)
                if min(page.size) > 0:
                    pages.append(page)
                else:
                    break
        except (struct.error, OverflowError):
            pass  # the file ends within a directory: what came before counts
        return pages


def _read_page(file: BinaryIO, place: int, index: int, order: str, big: bool) -> tuple[Page, int]:
    """The directory at a place of the file, and the place of the next one."""
    counts, length, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    page = Page(index, order, big)
    file.seek(place)
    number = struct.unpack(order + counts, file.read(struct.calcsize(counts)))[0]
    start = file.tell()
    block = file.read(min(number, 65536) * length)
    following = file.read(inline)
    for at in range(0, len(block) - length + 1, length):
        tag, kind, count = struct.unpack_from(f"{order}HH{'Q' if big else 'I'}", block, at)
        if kind not in _INTEGERS or not 0 < count <= 64:
            continue
        bytes_of = _SIZES[kind] * count
        content = block[at + length - inline : at + length]
        if bytes_of > inline:
            file.seek(struct.unpack(order + ("Q" if big else "I"), content)[0])
            content = file.read(bytes_of)
        page.values[tag] = struct.unpack_from(f"{order}{count}{_INTEGERS[kind]}", content)
        page.entries[tag] = start + at
    return page, struct.unpack(order + ("Q" if big else "I"), following)[0]


def choose_page(pages: list[Page], path: Path) -> Page:
    """Return the first page that is no thumbnail, overview or mask. Raises ImageError for a raw photo."""
    photos = [page for page in pages if page.is_photo]
    if photos:
        return photos[0]
    if any(_SUBDIRECTORIES in page.values for page in pages):
        raise ImageError(f"{path}: a camera's raw file; develop it and save it as PNG or JPEG")
    return pages[0]


def unpack(path: Path, page: Page) -> Image.Image:
    """Decode a page that needs unpacking: grey as 16 bits, white at 65535, or RGB as 8 bits.

    A copy of the file is told to Pillow as lines of bytes, so that it undoes any compression; the
    values are cut out of these bytes here. Raises what Pillow raises.
    """
    height, width = page.size
    bits, samples = page.get(_BITS), page.get(_SAMPLES)
    if bits == 16:
        changed = {_PHOTOMETRIC: _MIN_IS_BLACK, ORIENTATION: 1}
    else:
        if page.get(_PREDICTOR) != 1:
            raise ImageError(
                f"{path}: unsupported ({page.describe()}, with a predictor); save it as PNG"
            )
        changed = {_WIDTH: _bytes_of(width, samples, bits), _BITS: 8, _SAMPLES: 1, ORIENTATION: 1}
        changed |= {_PHOTOMETRIC: _MIN_IS_BLACK, _FORMAT: 1}
        if _TILE_WIDTH in page.values:
            changed[_TILE_WIDTH] = _bytes_of(page.get(_TILE_WIDTH), samples, bits)
            if width % page.get(
                _TILE_WIDTH
            ):  # lines of the last column of tiles go on beyond the picture
                changed[_WIDTH] = -(-width // page.get(_TILE_WIDTH)) * changed[_TILE_WIDTH]

    with Image.open(
        io.BytesIO(_change(path.read_bytes(), page, changed)), formats=("TIFF",)
    ) as image:
        image.seek(page.index)
        lines = np.asarray(image)
        profile = image.info.get("icc_profile")
    values = lines.astype(np.uint16) if bits == 16 else _cut(lines, bits)[:, : width * samples]
    unpacked = _to_image(
        values.reshape(height, width, samples), bits, page.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    )
    unpacked.getexif()[ORIENTATION] = page.get(ORIENTATION)
    if profile:
        unpacked.info["icc_profile"] = profile
    return unpacked


def _to_image(values: NDArray[np.uint16], bits: int, white_is_zero: bool) -> Image.Image:
    """Values (H, W, 1 or 3) of so many bits, stretched to 16 bits of grey or 8 of RGB."""
    white = 2**bits - 1
    if white_is_zero:
        values = np.uint16(white) - values
    if values.shape[2] == 1:
        stretched = (values[..., 0].astype(np.uint32) * 65535 + white // 2) // white
        return Image.fromarray(stretched.astype(np.uint16))
    return Image.fromarray(
        ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
    )


def _bytes_of(width: int, samples: int, bits: int) -> int:
    """Bytes of a line: it ends with a whole one."""
    return -(-width * samples * bits // 8)


def _cut(lines: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """The whole numbers (H, n) of so many bits that lines of bytes (H, bytes) hold, highest bit first."""
    single = np.unpackbits(lines, axis=1)
    count = single.shape[1] // bits
    groups = single[:, : count * bits].reshape(len(lines), count, bits)
    values = np.zeros(groups.shape[:2], np.uint16)
    for bit in range(bits):
        values = values << np.uint16(1) | groups[..., bit]
    return values


def _change(data: bytes, page: Page, values: dict[int, int]) -> bytes:
    """The file with single values in place of a page's tags, as far as it has them."""
    changed = bytearray(data)
    head, content = ("HHQ", "Q") if page.big else ("HHI", "I")
    for tag, value in values.items():
        if tag in page.entries:
            place = page.entries[tag]
            struct.pack_into(page.order + head, changed, place, tag, 16 if page.big else 4, 1)
            struct.pack_into(
                page.order + content, changed, place + struct.calcsize("<" + head), value
            )
    return bytes(changed)
