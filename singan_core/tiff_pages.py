"""The pages of a TIFF: which one is the photo, and decoding those that Pillow cannot.

Pillow reads values that fill whole bytes. Pages of other widths (2 to 15 bits) are unpacked here.
"""

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
"""How a TIFF begins: little or big endian, then with 32-bit or 64-bit (BigTIFF) positions."""

ORIENTATION = 274
"""Tag of the orientation, the same in TIFF and EXIF."""

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _PREDICTOR, _TILE_WIDTH = 277, 284, 317, 322
_SUBDIRECTORIES, _FORMAT, _SUBSAMPLING = 330, 339, 530

_DEFAULTS = dict.fromkeys((_BITS, _COMPRESSION, _SAMPLES, _PLANAR, _PREDICTOR, _FORMAT), 1)
_DEFAULTS |= {_SUBFILE: 0, ORIENTATION: 1}
"""Values that the format defines for tags that are missing."""

_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
"""Codes of struct by TIFF's types of unsigned integers."""

_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8}
"""Bytes of these types."""

_COMPRESSIONS = {*range(1, 9), 32771, 32773, 32946, 34676, 34677, 34925, 50000}
"""Compressions that libtiff undoes for Pillow."""

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _YCBCR = 0, 1, 2, 6
_REDUCED, _MASK = 1, 4  # bits of the subfile type: a smaller copy, a transparency mask
_MOST_PAGES = 10_000
_MOST_ENTRIES = 512  # of a page; there are about a hundred tags
_ROWS = 256  # that are unpacked at once: a bit takes a byte meanwhile
_FORMATS = {
    1: "integers",
    2: "signed integers",
    3: "floating point",
    5: "complex integers",
    6: "complex numbers",
}


@dataclass(frozen=True)
class Page:
    """One directory of the file, reduced to the tags that hold a few unsigned integers."""

    index: int
    order: str  # of bytes, as struct writes it: < or >
    big: bool  # whether the file is a BigTIFF
    values: dict[int, tuple[int, ...]] = field(default_factory=dict)  # by tag
    entries: dict[int, int] = field(default_factory=dict)  # position of each tag's entry

    def get(self, tag: int) -> int:
        """Return the first value of a tag, or its default."""
        found = self.values.get(tag)
        return found[0] if found else _DEFAULTS.get(tag, 0)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.get(_HEIGHT), self.get(_WIDTH)

    @property
    def is_photo(self) -> bool:
        """Whether the page is no thumbnail, overview or mask."""
        return not self.get(_SUBFILE) & (_REDUCED | _MASK)

    @property
    def is_floating(self) -> bool:
        """Whether its values are no unsigned integers, so that their white is undefined.

        Signed integers of 16 and 32 bits may all be positive, which shows when they are decoded.
        """
        return self.get(_FORMAT) in (3, 5, 6) or (self.get(_FORMAT) == 2 and self.get(_BITS) == 8)

    @property
    def is_decodable(self) -> bool:
        """Whether libtiff can undo its compression.

        Uncompressed pages whose neighbouring pixels share colours (YCbCr subsampling) are not
        decoded.
        """
        compression = self.get(_COMPRESSION)
        subsampling = self.values.get(_SUBSAMPLING, (2, 2))
        shares_colours = self.get(_PHOTOMETRIC) == _YCBCR and subsampling != (1, 1)
        return compression in _COMPRESSIONS and not (shares_colours and compression == 1)

    @property
    def needs_unpacking(self) -> bool:
        """Whether Pillow reads its values wrongly or not at all, and unpack() reads them right.

        These are grey or RGB values of an unusual number of bits, or of 16 bits where white is
        zero.
        """
        photometric, samples = self.get(_PHOTOMETRIC), self.get(_SAMPLES)
        is_plain = (photometric, samples) in ((_MIN_IS_WHITE, 1), (_MIN_IS_BLACK, 1), (_RGB, 3))
        is_interleaved = self.get(_PLANAR) == 1 or samples == 1
        all_bits = self.values.get(_BITS, (1,))
        is_uniform = len(set(all_bits)) == 1 and self.get(_FORMAT) == 1

        bits = all_bits[0]
        known = (8,) if photometric == _RGB else (1, 2, 4, 8)  # to Pillow
        is_odd = 0 < bits < 16 and bits not in known
        is_inverted = bits == 16 and photometric == _MIN_IS_WHITE
        return is_plain and is_interleaved and is_uniform and (is_odd or is_inverted)

    def describe(self) -> str:
        """Describe its values for a sentence."""
        bits, samples = self.get(_BITS), self.get(_SAMPLES)
        kind = _FORMATS.get(self.get(_FORMAT), "of an unknown kind")
        compressed = "" if self.is_decodable else f", compression {self.get(_COMPRESSION)}"
        return f"{bits}-bit {kind}, {samples} channel{'s' if samples > 1 else ''}{compressed}"


def read_pages(path: Path) -> list[Page]:
    """Read the directories of a TIFF in their order.

    A file that is no TIFF has none. Reading stops at a directory that is broken or was read before.
    Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(16)
        if head[:4] not in MAGIC:
            return []
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")

        pages: list[Page] = []
        visited: set[int] = set()
        try:
            (place,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head, 8 if big else 4)
            while place and place not in visited and len(pages) < _MOST_PAGES:
                visited.add(place)
                page, place = _read_page(file, place, len(pages), order, big)
                if min(page.size) <= 0:
                    break
                pages.append(page)
        except (struct.error, OverflowError):
            pass  # a directory is cut short or absurd; those before it count
        return pages


def _read_page(file: BinaryIO, place: int, index: int, order: str, big: bool) -> tuple[Page, int]:
    """Read the directory at a position of the file, and the position of the next one.

    An entry is its tag, type and count, then the values, or their position if they do not fit.
    Raises struct.error for a directory that is cut short or has too many entries.
    """
    number_code, position_code = ("Q", "Q") if big else ("H", "I")
    entry_length, inline_length = (20, 8) if big else (12, 4)
    page = Page(index, order, big)

    file.seek(place)
    number = struct.unpack(order + number_code, file.read(struct.calcsize(number_code)))[0]
    if number > _MOST_ENTRIES:
        raise struct.error(f"{number} entries")
    start = file.tell()
    block = file.read(number * entry_length)
    following = file.read(inline_length)

    for at in range(0, len(block) - entry_length + 1, entry_length):
        tag, kind, count = struct.unpack_from(f"{order}HH{position_code}", block, at)
        if kind not in _INTEGERS or not 0 < count <= 64:
            continue
        length = _SIZES[kind] * count
        content = block[at + entry_length - inline_length : at + entry_length]
        if length > inline_length:
            file.seek(struct.unpack(order + position_code, content)[0])
            content = file.read(length)
        page.values[tag] = struct.unpack_from(f"{order}{count}{_INTEGERS[kind]}", content)
        page.entries[tag] = start + at

    return page, struct.unpack(order + position_code, following)[0]


def choose_page(pages: list[Page], path: Path) -> Page:
    """Choose the first page that is no thumbnail, overview or mask.

    Raises ImageError for a camera's raw file.
    """
    for page in pages:
        if page.is_photo:
            return page
    if any(_SUBDIRECTORIES in page.values for page in pages):
        raise ImageError(f"{path}: a camera's raw file; develop it and save it as PNG or JPEG")
    return pages[0]


def unpack(path: Path, page: Page) -> Image.Image:
    """Decode a page that needs unpacking: grey to 16 bits with white at 65535, or RGB to 8 bits.

    In a copy of the file, the page is declared as grey lines of whole bytes (or of 16 bits), so
    that Pillow undoes any compression. The values are then cut out of these bytes. Raises
    ImageError for a predictor, which works on whole values, and whatever Pillow raises.
    """
    height, width = page.size
    bits, samples = page.get(_BITS), page.get(_SAMPLES)
    if bits != 16 and page.get(_PREDICTOR) != 1:
        raise ImageError(
            f"{path}: unsupported ({page.describe()}, with a predictor); save it as PNG"
        )

    copy = io.BytesIO(_replace_tags(path.read_bytes(), page, _declare_as_bytes(page)))
    with Image.open(copy, formats=("TIFF",)) as image:
        image.seek(page.index)
        lines = np.asarray(image)
        profile = image.info.get("icc_profile")

    is_inverted = page.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    parts = []
    for top in range(0, height, _ROWS):
        values = _cut_values(lines[top : top + _ROWS], bits)[:, : width * samples]
        parts.append(_stretch(values.reshape(-1, width, samples), bits, is_inverted))
    unpacked = Image.fromarray(np.concatenate(parts))

    unpacked.getexif()[ORIENTATION] = page.get(ORIENTATION)
    if profile:
        unpacked.info["icc_profile"] = profile
    return unpacked


def _declare_as_bytes(page: Page) -> dict[int, int]:
    """Choose the tags that declare a page's lines as grey values of 8 or 16 bits."""
    width, samples, bits = page.get(_WIDTH), page.get(_SAMPLES), page.get(_BITS)
    tags = {_PHOTOMETRIC: _MIN_IS_BLACK, ORIENTATION: 1}
    if bits == 16:
        return tags

    tags |= {_WIDTH: _count_bytes(width, samples, bits), _BITS: 8, _SAMPLES: 1, _FORMAT: 1}
    if _TILE_WIDTH in page.values:
        tile = page.get(_TILE_WIDTH)
        tags[_TILE_WIDTH] = _count_bytes(tile, samples, bits)
        if width % tile:  # lines of the last column of tiles go on beyond the picture
            tags[_WIDTH] = -(-width // tile) * tags[_TILE_WIDTH]
    return tags


def _stretch(
    values: NDArray[np.uint16], bits: int, is_inverted: bool
) -> NDArray[np.uint16] | NDArray[np.uint8]:
    """Stretch values (h, W, 1 or 3) of this many bits to 16 bits of grey, or to 8 bits of RGB."""
    white = 2**bits - 1
    if is_inverted:
        values = np.uint16(white) - values
    if values.shape[2] == 1:
        grey = (values[..., 0].astype(np.uint32) * 65535 + white // 2) // white
        return grey.astype(np.uint16)
    colours = (values.astype(np.uint32) * 255 + white // 2) // white
    return colours.astype(np.uint8)


def _count_bytes(width: int, samples: int, bits: int) -> int:
    """Count the bytes of a line, which ends with a whole one."""
    return -(-width * samples * bits // 8)


def _cut_values(lines: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """Cut lines of bytes (h, bytes) into values (h, n) of this many bits, highest bit first.

    Lines of 16 bits are such values already.
    """
    if bits == 16:
        return lines.astype(np.uint16)
    single = np.unpackbits(lines, axis=1)
    count = single.shape[1] // bits
    groups = single[:, : count * bits].reshape(len(lines), count, bits)

    values = np.zeros(groups.shape[:2], np.uint16)
    for bit in range(bits):
        values = values << np.uint16(1) | groups[..., bit]
    return values


def _replace_tags(data: bytes, page: Page, tags: dict[int, int]) -> bytes:
    """Replace tags of a page, as far as it has them, by single values in a copy of the file."""
    changed = bytearray(data)
    head, content = ("HHQ", "Q") if page.big else ("HHI", "I")
    kind = 16 if page.big else 4  # an unsigned integer as wide as the place of a value
    for tag, value in tags.items():
        if tag in page.entries:
            place = page.entries[tag]
            struct.pack_into(page.order + head, changed, place, tag, kind, 1)
            value_place = place + struct.calcsize("<" + head)
            struct.pack_into(page.order + content, changed, value_place, value)
    return bytes(changed)
