"""Picture files as people have them: pages, depths, transparency and profiles."""

import struct
import zlib

import numpy as np
import pytest
from awkward_pictures import (
    RAMP,
    H,
    W,
    bitfields_bmp,
    directory,
    grey,
    grey_profile,
    one_error,
    pack,
    pixels,
    png,
    saved,
    scene,
    tiff,
)
from PIL import Image, ImageCms
from PIL import __version__ as pillow_version

from singan_core import images, resample

RNG = np.random.default_rng(0)
REDDISH = (200, 60, 30)

needs_pillow_13 = pytest.mark.skipif(
    int(pillow_version.partition(".")[0]) < 13, reason="Pillow before 13 refuses such files"
)


# what was read before is read alike


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_eight_bit_photos_are_their_values_over_255(tmp_path, channels):
    photo = RNG.integers(0, 256, (H, W, channels), np.uint8)
    path = saved(tmp_path / "a.png", photo[..., 0] if channels == 1 else photo)
    unit = photo.astype(np.float32) / np.float32(255)
    if channels == 4:
        unit[..., :3] *= unit[..., 3:]
    assert np.array_equal(images.read(path)[0], (unit * 2 - 1).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["grey", "deep", "rgb", "rgba", "labels", "white"])
def test_a_photo_resized_in_strips_has_the_bits_of_the_whole(tmp_path, kind):
    photo = RNG.integers(0, 256, (150, 90, 4), np.uint8)
    shown = {"grey": photo[..., 0], "deep": photo[..., 0].astype(np.uint16) * 250}.get(
        kind, photo[..., :3]
    )
    path = saved(tmp_path / "a.png", photo if kind in ("rgba", "white") else shown)
    mask = saved(tmp_path / "mask.png", photo[..., 3])
    opened = images.open_labelled_photo(
        path, [mask] if kind == "labels" else [], "3" if kind == "white" else "auto"
    )
    for size in ((70, 40), (33, 90), (150, 90), (180, 100)):
        assert np.array_equal(opened.resize(size), resample.resize(opened.to_floats(), size))


# pages


def test_a_broken_second_page_leaves_the_first(tmp_path):
    broken = struct.pack("<HHHIII", 1, 259, 3, 1, 1, 0)
    path = tiff(tmp_path / "a.tif", RAMP.tobytes(), 8, 1, following=broken)
    assert np.array_equal(pixels(path)[..., 0], RAMP)
    path = tiff(tmp_path / "b.tif", RAMP.tobytes(), 8, 1, following=b"\xff\xff")
    assert np.array_equal(pixels(path)[..., 0], RAMP)


def test_the_thumbnail_behind_a_photo_is_no_animation(tmp_path):
    photo = Image.fromarray(scene())
    photo.save(tmp_path / "a.tif", save_all=True, append_images=[photo.resize((18, 12))])
    assert np.array_equal(pixels(tmp_path / "a.tif"), scene())


def test_a_thumbnail_before_the_photo_is_skipped(tmp_path):
    start = 8 + len(RAMP.tobytes())
    grey_8 = [(258, 3, 8), (262, 3, 1), (273, 4, 8)]
    small = [(254, 4, 1), (256, 4, 12), (257, 4, 12), *grey_8, (278, 4, 12), (279, 4, 144)]
    large = [(256, 4, W), (257, 4, H), *grey_8, (278, 4, H), (279, 4, RAMP.size)]
    first = directory("<", small, 0, start + 2 + 12 * len(small) + 4)
    content = (
        b"II*\0" + struct.pack("<I", start) + RAMP.tobytes() + first + directory("<", large, 0, 0)
    )
    (tmp_path / "a.tif").write_bytes(content)
    assert np.array_equal(pixels(tmp_path / "a.tif")[..., 0], RAMP)


def test_the_first_of_several_full_pages_is_used_and_said(tmp_path):
    pages = [Image.fromarray(np.roll(scene(), k, axis=1)) for k in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.warns(UserWarning, match=r"a\.tif: 3 pages; the first one is used"):
        assert np.array_equal(pixels(tmp_path / "a.tif"), scene())


def test_layers_and_raw_files_are_named(tmp_path):
    path = tmp_path / "a.psd"
    for content, said in (
        (b"8BPS\0\1" + b"\0" * 60, "a Photoshop file with layers"),
        (b"gimp xcf v011" + b"\0" * 60, "a GIMP file with layers"),
        (b"PK\3\4" + b"\0" * 26 + b"mimetypeimage/openraster", "an OpenRaster file with layers"),
        (b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 60, "a camera's raw file"),
    ):
        path.write_bytes(content)
        assert said in one_error(path)


# depth


@pytest.mark.parametrize("photometric", [0, 1], ids=["white is zero", "black is zero"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [3, 7, 10, 12, 14, 16])
@pytest.mark.parametrize("compression", [1, 8], ids=["plain", "deflate"])
def test_white_is_white_at_every_depth(tmp_path, bits, order, photometric, compression):
    values = grey(bits) if photometric else 2**bits - 1 - grey(bits)
    data = values.astype(order + "u2").tobytes() if bits == 16 else pack(values, bits)
    data = zlib.compress(data) if compression == 8 else data
    path = tiff(tmp_path / "a.tif", data, bits, photometric, order, compression)
    unit = (images.read(path)[0, 0] + 1) / 2
    assert unit[0, 0] == 0 and unit[0, -1] == 1
    assert np.abs(unit - grey(bits) / (2**bits - 1)).max() < 1e-5


def test_colours_of_twelve_bits_are_read(tmp_path):
    values = scene().astype(np.int64) * 4095 // 255
    path = tiff(tmp_path / "a.tif", pack(values.reshape(H, -1), 12), 12, 2, samples=3)
    assert np.abs(pixels(path).astype(int) - scene()).max() <= 1


def test_a_packed_page_stands_upright_and_keeps_its_profile(tmp_path):
    path = tiff(tmp_path / "a.tif", pack(grey(12), 12), 12, 1, extra=[(274, 3, 6)])
    assert np.array_equal(pixels(path)[..., 0], np.rot90(RAMP, -1))


def test_floats_are_named_in_grey_and_colour(tmp_path):
    whole = np.zeros((H, W, 3), "<f4").tobytes()
    grey_path = tiff(tmp_path / "a.tif", whole[: H * W * 4], 32, 1, extra=[(339, 3, 3)])
    rgb_path = tiff(tmp_path / "b.tif", whole, 32, 2, samples=3, extra=[(339, 3, 3)])
    assert "no defined white: 32-bit floating point, 1 channel;" in one_error(grey_path)
    assert "no defined white: 32-bit floating point, 3 channels;" in one_error(rgb_path)


# transparency


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_level_of_grey_counts_at_every_depth(tmp_path, bits):
    values = grey(bits)
    values[:, : W // 3] = key = 1 if bits < 16 else 7
    lines = np.frombuffer(pack(values, bits), np.uint8).reshape(H, -1)
    read = pixels(png(tmp_path / "a.png", bits, 0, lines, [(b"tRNS", struct.pack(">H", key))]))
    assert read.shape == (H, W, 4)
    assert np.array_equal(read[..., 3], np.where(values == key, 0, 255))


def test_a_transparent_colour_is_that_very_colour_at_8_and_16_bits(tmp_path):
    lines = scene().reshape(H, -1)
    key = struct.pack(">3H", *scene()[3, 4])
    assert pixels(png(tmp_path / "a.png", 8, 2, lines, [(b"tRNS", key)]))[3, 4, 3] == 0
    deep = scene().astype(np.uint16) * 256 + 7
    deep[3, 5] = deep[3, 4] + [0, 0, 1]  # its upper byte is the same
    lines = deep.astype(">u2").view(np.uint8).reshape(H, -1)
    read = pixels(
        png(tmp_path / "b.png", 16, 2, lines, [(b"tRNS", struct.pack(">3H", *deep[3, 4]))])
    )
    assert (
        np.array_equal(read[..., 3] == 0, (deep == deep[3, 4]).all(axis=2)) and read[3, 5, 3] == 255
    )
    assert np.array_equal(read[read[..., 3] > 0][:, :3], (deep >> 8)[read[..., 3] > 0])


@needs_pillow_13
def test_premultiplied_grey_is_read(tmp_path):
    alpha = np.full((H, W), 255, np.uint8)
    alpha[:, : W // 2] = 0
    data = np.dstack([RAMP * (alpha > 0), alpha]).tobytes()
    path = tiff(tmp_path / "a.tif", data, 8, 1, samples=2, extra=[(338, 3, 1)])
    read = pixels(path)
    assert np.array_equal(read[..., 3], alpha) and np.array_equal(
        read[:, W // 2 :, 0], RAMP[:, W // 2 :]
    )


def test_a_palette_with_alpha_is_read_without_a_word(tmp_path, capfd):
    image = Image.fromarray(scene()).quantize(8)
    image.save(tmp_path / "a.png", transparency=bytes([0, 40, 128] + [255] * 5))
    indices = np.asarray(image)
    assert np.array_equal(
        pixels(tmp_path / "a.png")[..., 3], np.array([0, 40, 128] + [255] * 5, np.uint8)[indices]
    )
    assert capfd.readouterr() == ("", "")


@needs_pillow_13
def test_a_colour_map_with_alpha_is_kept(tmp_path):
    """A Targa file whose palette has four bytes an entry."""
    head = struct.pack("<BBBHHBHHHHBB", 0, 1, 1, 0, 2, 32, 0, 0, W, H, 8, 0x20)
    indices = (RAMP > 127).astype(np.uint8)
    (tmp_path / "a.tga").write_bytes(
        head + bytes([10, 20, 30, 0, 40, 50, 60, 255]) + indices.tobytes()
    )
    read = pixels(tmp_path / "a.tga")
    assert np.array_equal(read[..., 3], indices * 255) and read[0, -1].tolist() == [60, 50, 40, 255]


def test_the_alpha_bit_of_a_bmp_is_not_dropped(tmp_path):
    assert (
        np.abs(pixels(bitfields_bmp(tmp_path / "a.bmp", (5, 5, 5, 0))).astype(int) - scene()).max()
        < 8
    )
    assert "a BMP of 16 bits with transparency" in one_error(
        bitfields_bmp(tmp_path / "a.bmp", (5, 5, 5, 1))
    )


# profiles


def test_a_grey_profile_counts_with_alpha_and_at_16_bits(tmp_path):
    profile = grey_profile(1.0)
    plain = Image.fromarray(RAMP)
    alpha = Image.new("L", plain.size, 255)
    alpha.putpixel((0, 0), 254)
    plain.save(tmp_path / "l.png", icc_profile=profile)
    Image.merge("LA", (plain, alpha)).save(tmp_path / "la.png", icc_profile=profile)
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / "deep.png", icc_profile=profile)
    expected = pixels(tmp_path / "l.png")[..., 0]
    assert expected[0, W // 2] > RAMP[0, W // 2] + 40
    assert np.abs(pixels(tmp_path / "la.png")[1:, 1:, 0].astype(int) - expected[1:, 1:]).max() == 0
    assert np.abs(pixels(tmp_path / "deep.png")[..., 0].astype(int) - expected).max() <= 1


def test_a_profile_counts_in_palettes(tmp_path):
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = (
        slice(at + 4, at + 12) for at in (swapped.index(name, 128) for name in (b"rXYZ", b"bXYZ"))
    )
    swapped[red], swapped[blue] = swapped[blue], swapped[red]
    image = Image.fromarray(scene()).quantize(16)
    image.save(tmp_path / "a.png", icc_profile=bytes(swapped))
    image.save(
        tmp_path / "b.png", icc_profile=bytes(swapped), transparency=bytes([255] * 15 + [128])
    )
    straight = np.asarray(image.convert("RGB")).astype(int)
    for name in ("a.png", "b.png"):
        assert np.abs(pixels(tmp_path / name)[..., 2::-1] - straight).max() <= 1


def test_lab_pictures_are_read(tmp_path):
    lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    ImageCms.applyTransform(Image.new("RGB", (W, H), REDDISH), lab).save(tmp_path / "a.tif")
    assert np.abs(pixels(tmp_path / "a.tif").astype(int) - REDDISH).max() <= 2
