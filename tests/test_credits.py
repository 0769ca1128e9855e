"""Credits: whose photo it is goes from its file or its user into all that is drawn from it."""

import json
import shutil

import numpy as np
import pytest
from command_line import call, one_line
from PIL import ExifTags, Image

from singan_core import encoding, manifest
from singan_core.credits import Credits, choose_credits, read_credits
from singan_core.errors import ImageError, RequestError
from singan_core.metadata import Metadata

PIXELS = np.random.default_rng(0).integers(0, 256, (44, 60, 3)).astype(np.uint8)


def with_exif(path, artist, rights, **options):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist], exif[ExifTags.Base.Copyright] = artist, rights
    Image.fromarray(PIXELS).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif"])
def test_exif_names_the_creator(tmp_path, ending):
    path = with_exif(tmp_path / f"a.{ending}", "Ann", "CC BY 4.0")
    assert read_credits(path) == Credits("Ann", "CC BY 4.0")


@pytest.mark.parametrize("format", encoding.FORMATS)
def test_xmp_names_the_creator(tmp_path, format):
    said = Metadata(creator="Ann & Bob", licence="CC0")
    encoding.save(tmp_path / "a", PIXELS, format, metadata=said)
    assert read_credits(tmp_path / "a") == Credits("Ann & Bob", "CC0")


def test_xmp_counts_more_than_exif(tmp_path):
    xmp = Metadata(creator="Ann").to_xmp()
    path = with_exif(tmp_path / "a.jpg", "camera", "(c) camera", xmp=xmp)
    assert read_credits(path) == Credits("Ann", "(c) camera")


def test_a_user_is_believed_before_the_file(tmp_path):
    path = with_exif(tmp_path / "a.jpg", "Ann", "all rights")
    assert choose_credits(path) == Credits("Ann", "all rights")
    assert choose_credits(path, "Bob") == Credits("Bob", "all rights")
    assert choose_credits(path, "", "CC0") == Credits("", "CC0")
    with pytest.raises(RequestError, match="a licence of 501 letters is not possible: use 500"):
        choose_credits(path, licence="x" * 501)


def test_a_strangers_text_becomes_one_plain_line(tmp_path):
    path = with_exif(tmp_path / "a.jpg", "\x1b[31mAnn\n\tLee\x00editor", "x" * 999)
    assert read_credits(path) == Credits("\ufffd[31mAnn Lee", "x" * 500)


def test_photos_without_credits_have_none(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert read_credits(tmp_path / "a.png") == Credits() and str(Credits()) == ""
    (tmp_path / "a.txt").write_text("no picture")
    assert read_credits(tmp_path / "a.txt") == Credits()
    with pytest.raises(ImageError):
        read_credits(tmp_path / "nowhere")
    assert str(Credits("Ann", "CC0")) == "by Ann, CC0" and str(Credits("", "CC0")) == "CC0"


def test_credits_go_from_the_photo_through_run_and_bundle_into_pictures(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from small_runs import TINY

    photo = with_exif(tmp_path / "a.jpg", "Ann", "all rights reserved")
    run, bundle, picture = tmp_path / "run", tmp_path / "bundle", tmp_path / "a.webp"
    status, said, _ = call("train", photo, "-o", run, *TINY, "--no-preview", "--licence", "CC0")
    assert status == 0 and "photo by Ann, CC0: the files of its pictures say so" in said
    assert call("export", run, "-o", bundle)[0] == 0
    assert manifest.read(bundle, "bundle").creator == "Ann"
    assert "photo by Ann, CC0" in call("inspect", bundle)[1].splitlines()
    assert call("sample", bundle, "-o", picture)[0] == 0
    assert read_credits(picture) == Credits("Ann", "CC0")
    assert "photo by Ann, CC0" in call("inspect", picture)[1].splitlines()

    words = ("train", photo, "-o", run, "--resume", "--no-preview")
    assert "was begun with other credits of the photo (by Ann, CC0)" in one_line(
        *words, "--creator", "Bob"
    )
    assert call(*words, "--licence", "CC0")[0] == 0


def test_credits_change_no_identity_and_old_runs_need_none(small_run, tmp_path):
    from singan_train.run.header import read_header

    copy = shutil.copytree(small_run, tmp_path / "run")
    data = json.loads((copy / "config.json").read_text())
    del data["credits"]
    (copy / "config.json").write_text(json.dumps(data))
    assert read_header(copy) == read_header(small_run)
    assert "creator" not in json.loads((small_run / "manifest.json").read_text())
