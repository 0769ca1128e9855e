"""Whatever a picture's file holds, reading it gives a photo or one of our errors, within limits.

The limits are 2 GB and 20 s a picture. Photos and masks of every format that is read are cut short,
altered at random, given absurd sizes and metadata, and swollen to as many pixels as are decoded.
"""

import io
import struct
import zlib

import awkward_pictures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limited_reader import LimitedReader
from PIL import Image, ImageCms, features

from singan_core.bounded_file import BoundedFile

EXTREMES = [0, 1, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 10**5, 46341]
"""Numbers that a damaged or hostile header may hold instead of a size, a count or a place."""

BOMB = 9400  # px a side: just below the most that is decoded without being reduced


def list_seeds(folder):
    """Make a whole picture of every format and of many kinds, in bytes, by name."""
    scene = awkward_pictures.scene()
    pictures = {
        "RGB": Image.fromarray(scene),
        "L": Image.fromarray(scene[..., 0]),
        "RGBA": Image.fromarray(np.dstack([scene, scene[..., 0]])),
        "P": Image.fromarray(scene).quantize(17),
        "1": Image.fromarray(scene[..., 0] > 99),
        "I;16": Image.fromarray(awkward_pictures.grey(16)),
        "CMYK": Image.fromarray(scene).convert("CMYK"),
        "LA": Image.fromarray(scene).convert("LA"),
    }
    kinds = [
        ("PNG", ("RGB", "L", "RGBA", "P", "1", "I;16", "LA"), {}),
        ("JPEG", ("RGB", "L", "CMYK"), {}),
        ("JPEG", ("RGB",), {"progressive": True}),
        ("WEBP", ("RGB", "RGBA"), {"lossless": True}),
        ("TIFF", ("RGB", "RGBA", "L", "I;16", "CMYK", "1"), {}),
        ("TIFF", ("RGB",), {"compression": "tiff_lzw"}),
        ("TIFF", ("RGB",), {"compression": "jpeg"}),
        ("TIFF", ("1",), {"compression": "group4"}),
        ("TIFF", ("RGB",), {"compression": "tiff_deflate", "big_tiff": True}),
        ("BMP", ("RGB", "L", "P", "1"), {}),
        ("GIF", ("P", "L"), {}),
        ("JPEG2000", ("RGB", "L"), {}),
        ("PPM", ("RGB", "L", "1"), {}),
        ("TGA", ("RGB", "RGBA", "P"), {}),
        ("TGA", ("RGB",), {"compression": "tga_rle"}),
    ]
    if features.check("avif"):
        kinds.append(("AVIF", ("RGB", "RGBA"), {}))

    seeds = {}
    for format, modes, options in kinds:
        for mode in modes:
            file = io.BytesIO()
            pictures[mode].save(file, format, **options)
            seeds[f"{format} {mode} {options or ''}"] = file.getvalue()

    with_metadata = io.BytesIO()
    exif = Image.Exif()
    exif[274], exif[270] = 6, "a scene"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pictures["RGB"].save(with_metadata, "JPEG", exif=exif, icc_profile=profile, comment=b"seen")
    seeds["JPEG with metadata"] = with_metadata.getvalue()
    for name, write in (
        ("bitfields", lambda path: awkward_pictures.bitfields_bmp(path, (5, 6, 5, 0))),
        ("12 bits", lambda path: awkward_pictures.tiff(
            path, awkward_pictures.pack(awkward_pictures.grey(12), 12), 12, 1)),
        ("RGB of 4 bits", lambda path: awkward_pictures.tiff(
            path, awkward_pictures.pack(scene.reshape(24, -1) >> 4, 4), 4, 2, samples=3)),
    ):  # fmt: skip
        seeds[name] = write(folder / "seed").read_bytes()
    if "AVIF RGB " in seeds:  # begins as HEIC, which another decoder reads
        seeds["HEIC"] = (
            seeds["AVIF RGB "].replace(b"ftypavif", b"ftypheic").replace(b"avif", b"heic")
        )
    return seeds


class Reading:
    """Whole pictures of every kind, and a process that reads what becomes of them."""

    def __init__(self, folder):
        self.seeds = list_seeds(folder)
        self.reader = LimitedReader()
        self.path = folder / "picture"

    def check(self, content, kinds=("photo", "mask")):
        """Raise AssertionError unless such a file is read, or refused in our words."""
        self.path.write_bytes(content)
        answers = {kind: self.reader.read(kind, self.path) for kind in kinds}
        for kind, answer in answers.items():
            assert answer == "ok" or answer.startswith("SinGANError "), f"{kind}: {answer}"
        return answers

    def check_altered(self, name, edits):
        content = self.seeds[sorted(self.seeds)[name % len(self.seeds)]]
        for edit in edits:
            content = apply(content, edit)
        self.check(content, ("photo", "mask") if name % 5 == 0 else ("photo",))


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    made = Reading(tmp_path_factory.mktemp("read"))
    yield made
    made.reader.stop()


EDITS = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1)),
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(0, 7)),
    st.tuples(st.just("byte"), st.floats(0, 1), st.integers(0, 255)),
    st.tuples(st.just("number"), st.floats(0, 1), st.sampled_from(EXTREMES), st.booleans()),
    st.tuples(st.just("head"), st.integers(0, 80), st.sampled_from(EXTREMES), st.booleans()),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(max_size=40)),
    st.tuples(st.just("repeat"), st.floats(0, 1), st.integers(1, 3000)),
)
"""Changes of a file, at a share of its length, or among the numbers that it begins with."""


def apply(content, edit):
    kind, place, *rest = edit
    at = place if kind == "head" else int(place * len(content))
    match kind:
        case "cut":
            return content[:at]
        case "flip" if at < len(content):
            return content[:at] + bytes([content[at] ^ 1 << rest[0]]) + content[at + 1 :]
        case "byte":
            return content[:at] + bytes(rest[:1]) + content[at + 1 :]
        case "number" | "head":
            number, is_big = rest
            return content[:at] + struct.pack(">I" if is_big else "<I", number) + content[at + 4 :]
        case "insert":
            return content[:at] + rest[0] + content[at:]
        case "repeat":
            return content[:at] + content[at : at + 30] * rest[0] + content[at:]
    return content


ALTERED = {"name": st.integers(0, 10_000), "edits": st.lists(EDITS, min_size=1, max_size=4)}


@given(**ALTERED)
@settings(max_examples=600)
def test_no_altered_picture_ends_in_another_error(reading, name, edits):
    reading.check_altered(name, edits)


PARTS = {"JPEG2000 RGB ": b"jp2h", "PNG RGB ": b"IDAT"}
"""Parts that Pillow asks for in one read, by the picture that has them."""


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_a_picture_that_states_gigabytes_takes_none(reading, name):
    content = bytearray(reading.seeds[name])
    at = content.index(PARTS[name]) - 4
    content[at : at + 4] = struct.pack(">I", 0xF0000000)
    answer = reading.check(bytes(content))["photo"]
    assert "damaged" in answer or name.startswith("PNG")  # whose lines are all there


@given(content=st.binary(max_size=40), place=st.integers(0, 60), size=st.integers(-2, 2**62))
def test_a_bounded_file_reads_what_the_file_holds(tmp_path_factory, content, place, size):
    path = tmp_path_factory.mktemp("held") / "file"
    path.write_bytes(content)
    with BoundedFile(path) as file:
        file.seek(place)
        assert file.read(size) == (content[place:] if size < 0 else content[place : place + size])


@pytest.mark.slow
@given(**ALTERED)
@settings(max_examples=5_000)
def test_none_of_many_altered_pictures_ends_in_another_error(reading, name, edits):
    reading.check_altered(name, edits)


def test_every_whole_picture_is_read(reading):
    for name, content in reading.seeds.items():
        if name != "HEIC":
            assert reading.check(content)["photo"] == "ok", name


def test_the_first_bytes_of_any_picture_alone_are_refused(reading):
    for content in {content[:length] for content in reading.seeds.values() for length in range(17)}:
        assert reading.check(content, ["photo"])["photo"].startswith("SinGANError "), content


# PNG, whose chunks have checksums that random changes do not meet


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, bits, colour, lines, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    rest = b"".join((*chunks, chunk(b"IDAT", lines), chunk(b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + header + rest


CHUNKS = [b"iCCP", b"tRNS", b"PLTE", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"pHYs",
          b"acTL", b"fcTL", b"fdAT", b"sRGB", b"IDAT", b"IHDR", b"abcd"]  # fmt: skip


@given(
    size=st.tuples(*2 * [st.sampled_from([11, 40, 300, *EXTREMES])]),
    bits=st.sampled_from([1, 2, 4, 8, 16, 3, 255]),
    colour=st.integers(0, 7),
    chunks=st.lists(st.tuples(st.sampled_from(CHUNKS), st.binary(max_size=60)), max_size=3),
    lines=st.integers(0, 5000),
)
@settings(max_examples=200)
def test_no_chunk_of_a_png_ends_in_another_error(reading, size, bits, colour, chunks, lines):
    extra = [chunk(name, data) for name, data in chunks]
    reading.check(png(*size, bits, colour, zlib.compress(bytes(lines)), *extra))


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt", b"iTXt", b"eXIf"])
def test_metadata_that_swells_or_has_no_end_is_refused_or_passed_over(reading, name):
    swollen = zlib.compress(bytes(2**26), 9)
    before = {b"iCCP": b"p\0\0", b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0"}.get(name, b"MM\0*")
    lines = zlib.compress(bytes(30 * 31))
    reading.check(png(30, 30, 8, 0, lines, chunk(name, before + swollen)))
    reading.check(png(30, 30, 8, 0, lines, *[chunk(name, before + b"x" * 99)] * 2000))


def swell(row, rows):
    """Compress many equal rows quickly."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()


PNG_BOMBS = {
    "PNG 1": (1, 0),
    "PNG L": (8, 0),
    "PNG P": (8, 3),
    "PNG RGB": (8, 2),
    "PNG RGBA": (8, 6),
    "PNG L 16": (16, 0),
    "PNG LA 16": (16, 4),
    "PNG RGB 16": (16, 2),
    "PNG RGBA 16": (16, 6),
    "PNG L 16 with a transparent level": (16, 0),
    "PNG RGB 16 with a transparent colour": (16, 2),
    "PNG RGB with a profile": (8, 2),
}
"""Bits of a value and the kind of colour, by name."""

TIFF_BOMBS = {"TIFF L 12": (12, 1), "TIFF RGB 4": (4, 3), "TIFF L 16": (16, 1)}
"""Bits of a value and values of a pixel, by name."""

PILLOW_BOMBS = {
    "JPEG RGB": {"progressive": True},
    "JPEG CMYK": {},
    "WEBP RGBA": {"lossless": True, "method": 0, "quality": 0},
    "JPEG2000 RGBA": {},
    "AVIF RGBA": {"speed": 10},
    "GIF L": {},
    "TIFF 1": {"compression": "group4"},
}
"""What Pillow is told when it writes one, by format and mode."""


def make_bomb(kind, path):
    """Make a small file of nearly as many pixels as are decoded whole."""
    if kind in PILLOW_BOMBS:
        format, mode = kind.split()
        made = io.BytesIO()
        Image.new(mode, (BOMB, BOMB)).save(made, format, **PILLOW_BOMBS[kind])
        return made.getvalue()

    if kind in TIFF_BOMBS:
        bits, samples = TIFF_BOMBS[kind]
        half = BOMB * bits * samples // 16
        data = swell(bytes(half) + b"\xff" * half, BOMB)
        size = (BOMB, BOMB)
        awkward_pictures.tiff(path, data, bits, 2 if samples == 3 else 0, "<", 8, size, samples)
        return path.read_bytes()

    bits, colour = PNG_BOMBS[kind]
    length = -(-BOMB * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * bits // 8)
    row = bytes(1 + length // 2) + bytes([0 if colour == 3 else 255]) * (length - length // 2)
    return png(BOMB, BOMB, bits, colour, swell(row, BOMB), *make_chunks(kind))


def make_chunks(kind):
    """Make the chunks that give a PNG transparency or a profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "PNG RGB 16 with a transparent colour": [chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))],
        "PNG L 16 with a transparent level": [chunk(b"tRNS", struct.pack(">H", 1))],
        "PNG RGB with a profile": [chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))],
        "PNG P": [chunk(b"PLTE", bytes(range(48))), chunk(b"tRNS", bytes(range(16)))],
    }.get(kind, [])


def test_a_jpeg_of_endless_scans_is_refused(reading):
    """A scan of three bytes passes over all pixels again."""
    content = make_bomb("JPEG RGB", reading.path)
    start = content.rindex(b"\xff\xda")
    endless = content[:-2] + content[start:-2] * 500 + content[-2:]
    assert "scans of 9400x9400 px" in reading.check(endless, ["photo"])["photo"]


def test_the_frames_of_a_long_animation_are_not_counted(reading):
    frames = [Image.new("L", (12, 12), shade) for shade in (0, 255)]
    made = io.BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:])
    content = made.getvalue()
    second = content[content.rindex(b"\x21\xf9") : -1]
    endless = content[:-1] + second * (2**23 // len(second)) + content[-1:]
    answer = reading.check(endless, ["photo"])["photo"]
    assert "an animation of many frames" in answer


def test_directories_of_a_tiff_that_lie_in_each_other_end_the_search(reading):
    """Ten thousand directories of 65,535 entries each, four bytes apart."""
    pages, following = 10_000, 8 + 2 + 65_535 * 12
    places = [8 + 4 * page for page in range(1, pages)]
    content = b"II*\0" + struct.pack("<I", 8)
    content = content.ljust(following, b"\xff") + struct.pack(f"<{pages - 1}I", *places)
    reading.check(content.ljust(following + 8 * pages, b"\xff"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*PNG_BOMBS, *TIFF_BOMBS, *PILLOW_BOMBS])
def test_no_picture_of_88_megapixels_takes_more_than_the_limits(reading, kind):
    kinds = ("photo", "mask") if kind in ("PNG RGBA", "PNG L") else ("photo",)
    reading.check(make_bomb(kind, reading.path), kinds)
