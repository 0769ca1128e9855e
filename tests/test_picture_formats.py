"""Picture files: which formats are read, how large they may be, and what is said of the others."""

import re
import subprocess
import sys

import numpy as np
import pytest
from awkward_pictures import (
    HEIC,
    RAMP,
    H,
    W,
    bitfields_bmp,
    one_error,
    pixels,
    saved,
    scene,
    tiff,
)
from PIL import Image

from singan_core import images, picture_files
from singan_core.errors import ImageError, InstallError

RNG = np.random.default_rng(0)

REDDISH, BLUE = (200, 60, 30), (30, 90, 200)


# formats


def test_avif_is_read(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "a.avif", quality=95, subsampling="4:4:4")
    assert np.abs(pixels(tmp_path / "a.avif").astype(int) - scene()).mean() < 4


def test_heic_is_read(tmp_path):
    pytest.importorskip("pi_heif")
    (tmp_path / "a.heic").write_bytes(HEIC)
    read = pixels(tmp_path / "a.heic").astype(int)
    assert read.shape == (24, 36, 3)
    assert np.abs(read[5, 5] - REDDISH).max() < 12 and np.abs(read[5, 30] - BLUE).max() < 12


def test_heic_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (tmp_path / "a.heic").write_bytes(HEIC)
    with pytest.raises(
        InstallError,
        match=r"a\.heic: HEIC pictures need pi-heif; run: pip install pi-heif \(singan's extra",
    ):
        images.read(tmp_path / "a.heic")


def test_no_file_starts_another_program(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a program was started")

    for name in ("Popen", "run", "check_call", "check_output"):
        monkeypatch.setattr(subprocess, name, refuse)
    (tmp_path / "a.eps").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n"
    )
    assert "a PostScript file" in one_error(tmp_path / "a.eps")


def test_other_formats_are_named(tmp_path):
    for format in ("PCX", "ICO", "SGI"):
        Image.fromarray(scene()).save(tmp_path / "a", format)
        assert (
            f"a file in {format} format, which is not supported; save it as PNG or JPEG"
            in one_error(tmp_path / "a")
        )


# sizes


def test_photos_of_over_100_megapixels_are_reduced_as_they_are_read(tmp_path):
    stripes = np.zeros((95, 100), np.uint8)
    stripes[:, 50:] = 200
    large = Image.fromarray(stripes).resize((10_000, 9_500), Image.Resampling.NEAREST)
    large.save(tmp_path / "a.jpg")
    large.point(lambda level: 255 * (level > 0), "1").save(tmp_path / "a.png")
    for name, bright in (("a.jpg", 200), ("a.png", 255)):
        with pytest.raises(ImageError, match="more than 89 megapixels"):
            images.read(tmp_path / name)
        photo = images.open_photo(tmp_path / name, side=600)
        assert photo.size == (9_500, 10_000) and photo.values.shape == (1_188, 1_250, 1)
        assert (
            abs(int(photo.values[600, 100, 0])) <= 2
            and abs(int(photo.values[600, 1_000, 0]) - bright) <= 2
        )


def test_a_mask_follows_its_huge_photo(tmp_path):
    mask = Image.new("1", (10_000, 9_000))
    mask.paste(1, (5_000, 0, 10_000, 9_000))
    mask.save(tmp_path / "mask.png")
    photo = images.open_labelled_photo(tmp_path / "mask.png", [tmp_path / "mask.png"], side=600)
    assert photo.size == (9_000, 10_000) and photo.values.shape[:2] == photo.masks.shape[:2]
    assert np.array_equal(photo.masks[..., 0], photo.values[..., 0])


def test_bombs_are_refused_by_their_pixels_and_by_their_ratio(tmp_path):
    path = tiff(tmp_path / "a.tif", b"\0" * 100, 8, 1, size=(15_000, 15_000))
    for side, said in (
        (None, "more than 89 megapixels"),
        (600, r"15000x15000 px in a file of \d+ bytes"),
    ):
        with pytest.raises(ImageError, match=said):
            images.open_photo(path, side=side)
    path = tiff(tmp_path / "b.tif", b"\0" * 100_000, 8, 1, size=(20_000, 20_000))
    with pytest.raises(ImageError, match="more than 268 megapixels"):
        images.open_photo(path, side=600)


def test_pillows_own_limit_is_left_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    images.read(saved(tmp_path / "a.png", scene()))
    assert before == Image.MAX_IMAGE_PIXELS == picture_files.WHOLE


# words


def test_what_is_not_supported_is_not_called_damaged(tmp_path):
    said = one_error(bitfields_bmp(tmp_path / "a.bmp", (4, 4, 4, 4)))
    assert "not supported" in said and "damaged" not in said
    Image.fromarray(scene()).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    at = content.index(b"\xff\xc0") + 4  # bits of a sample
    (tmp_path / "a.jpg").write_bytes(content[:at] + b"\x0c" + content[at + 1 :])
    assert "not supported (cannot handle 12-bit layers)" in one_error(tmp_path / "a.jpg")
    assert "compression 50001" in one_error(
        tiff(tmp_path / "a.tif", RAMP.tobytes(), 8, 1, compression=50001)
    )
    deep = tiff(tmp_path / "a.tif", bytes(H * W * 8), 64, 1)
    said = one_error(deep)
    assert (
        "64-bit integers" in said
        and "not supported" in said
        and "damaged" not in said
        and "as TIFF" not in said
    )


def test_names_that_are_no_files_are_told_apart(tmp_path):
    for name, said in (
        ("-", "not from standard input"),
        ("https://example.org/a.jpg", "an address (https)"),
        (str(tmp_path), "a folder; name one picture in it"),
        (str(tmp_path / "none.png"), "no such file"),
        ("a" * 300, "cannot be read"),
    ):
        with pytest.raises(ImageError, match=re.escape(said)):
            images.read(type(tmp_path)(name))


def test_a_decoder_s_own_lines_stay_quiet(tmp_path, capfd):
    Image.fromarray(RNG.integers(0, 256, (64, 96, 3), np.uint8)).save(
        tmp_path / "a.tif", compression="tiff_lzw"
    )
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[200:400] = b"\xff" * 200
    (tmp_path / "a.tif").write_bytes(content)
    assert "damaged or truncated" in one_error(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "TGA"]
)
def test_no_exception_of_a_decoder_reaches_the_user(tmp_path, format):
    path = tmp_path / "a"
    Image.fromarray(scene()).save(path, format)
    whole = path.read_bytes()
    rng = np.random.default_rng(len(whole))
    for trial in range(60):
        content = bytearray(whole)
        for place in rng.integers(
            0, min(len(whole), 400 if trial % 2 else len(whole)), 1 + trial % 5
        ):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content[: rng.integers(20, len(whole))] if trial % 3 == 0 else content)
        try:
            images.read(path)
        except (ImageError, InstallError) as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("Missing dimensions"), AttributeError("y"), RuntimeError()]
)
def test_whatever_a_plugin_raises_is_one_sentence(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    path = saved(tmp_path / "a.ppm", scene())
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert "damaged or truncated" in one_error(path)


@pytest.mark.parametrize("length", range(1, 17))
def test_a_file_of_a_few_bytes_is_refused_in_one_line(tmp_path, length):
    path = tmp_path / "few"
    path.write_bytes(b"x" * length)
    with pytest.raises(ImageError, match="few: not a picture that can be read"):
        images.read(path)
