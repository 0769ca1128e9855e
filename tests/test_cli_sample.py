"""singan sample on the command line: sizes, formats, seeds, windows and what the files say."""

import json

import numpy as np
import pytest
from command_line import call, one_line, size_of, usage
from PIL import Image

from singan_core import encoding


def test_sample_writes_exact_sizes_named_by_size_and_seed(tiny_bundle, tmp_path):
    out = tmp_path / "pictures"
    status, said, _ = call(
        "sample", tiny_bundle, "--out", out, "--size", "61x40,33x52", "--count", "2", "--seed", "7"
    )
    assert status == 0 and "wrote 4 pictures" in said
    assert {path.name: size_of(path) for path in out.iterdir()} == {
        "hills_61x40_7.png": (61, 40),
        "hills_61x40_8.png": (61, 40),
        "hills_33x52_7.png": (33, 52),
        "hills_33x52_8.png": (33, 52),
    }


def test_the_same_seed_gives_the_same_bytes_alone_in_a_batch_and_on_any_threads(
    tiny_bundle, tmp_path
):
    call(
        "sample",
        tiny_bundle,
        "--out",
        tmp_path / "batch",
        "--size",
        "61x40",
        "--count",
        "3",
        "--threads",
        "2",
    )
    call(
        "sample",
        tiny_bundle,
        "--out",
        tmp_path / "alone",
        "--size",
        "61x40",
        "--seed",
        "2",
        "--threads",
        "1",
    )
    name = "hills_61x40_2.png"
    assert (tmp_path / "batch" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_png_text_repeats_the_picture(tiny_bundle, tmp_path):
    words = ("--size", "61x40", "--seed", "5", "--zoom", "0.9", "--start-scale", "1")
    call("sample", tiny_bundle, "--out", tmp_path / "first", *words)
    (picture,) = (tmp_path / "first").iterdir()
    with Image.open(picture) as image:
        assert image.text["Software"] == "singan"
        request = json.loads(image.text["singan"])
    assert request["bundle"] == "hills" and len(request["identity"]) == 64 and request["version"]
    again = [
        f"--{name.replace('_', '-')}={request[name]}"
        for name in ("size", "seed", "zoom", "start_scale")
    ]
    call("sample", tiny_bundle, "--out", tmp_path / "again", *again)
    assert (tmp_path / "again" / picture.name).read_bytes() == picture.read_bytes()


@pytest.mark.parametrize("format", encoding.FORMATS)
def test_every_format_is_written(tiny_bundle, tmp_path, format):
    assert call("sample", tiny_bundle, "--out", tmp_path, "--format", format)[0] == 0
    with Image.open(tmp_path / f"hills_48x32_0{encoding.FORMATS[format]}") as image:
        assert image.format == format.upper()


def test_sizes_have_names(tiny_bundle, tmp_path):
    assert "fullhd       1920x1080" in call("sample", tiny_bundle, "--list-sizes")[1]
    assert call("sample", tiny_bundle, "--out", tmp_path, "--size", "leaderboard,50x40")[0] == 0
    assert sorted(size_of(path) for path in tmp_path.iterdir()) == [(50, 40), (728, 90)]
    assert "did you mean fullhd?" in usage(
        "sample", tiny_bundle, "--out", tmp_path, "--size", "fulhd"
    )


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_a_window_is_the_rectangle_of_the_picture(tiny_bundle, tmp_path, format):
    pytest.importorskip("tifffile")
    words = ["--out", tmp_path, "--size", "90x70", "--seed", "4"]
    assert call("sample", tiny_bundle, *words)[0] == 0
    assert (
        call("sample", tiny_bundle, *words, "--window", "10,20,50,30", "--format", format)[0] == 0
    )
    with Image.open(tmp_path / "hills_90x70_4.png") as image:
        whole = np.asarray(image)
    with Image.open(next(tmp_path.glob("*window_10_20_50x30*"))) as image:
        assert np.array_equal(np.asarray(image), whole[20:50, 10:60])


def test_several_start_scales_make_a_folder_each(detail_bundle, tmp_path):
    words = ("sample", detail_bundle, "--size", "90x60", "--threads", "1", "--variation", "1.5")
    words += ("--seed", "0")
    assert call(*words, "--start-scale", "0,2", "--out", tmp_path / "many", "--count", "2")[0] == 0
    assert call(*words, "--start-scale", "2", "--out", tmp_path / "one")[0] == 0
    names = sorted(
        str(path.relative_to(tmp_path / "many")) for path in (tmp_path / "many").rglob("*.png")
    )
    assert names == [f"start_scale_{n}/hills_90x60_{seed}.png" for n in (0, 2) for seed in (0, 1)]
    picture = "hills_90x60_0.png"
    assert (tmp_path / "many" / "start_scale_2" / picture).read_bytes() == (
        tmp_path / "one" / picture
    ).read_bytes()
    with Image.open(tmp_path / "one" / picture) as image:
        request = json.loads(image.text["singan"])
    assert request["start_scale"] == 2 and request["variation"] == 1.5


def test_a_deep_zoom_folder_is_written(tiny_bundle, tmp_path):
    status, said, _ = call(
        "sample",
        tiny_bundle,
        "--deepzoom",
        tmp_path / "dz",
        "--size",
        "600x100",
        "--format",
        "jpeg",
    )
    assert status == 0 and "index.html in a browser" in said
    assert size_of(tmp_path / "dz" / "picture_files" / "10" / "0_0.jpg") == (512, 100)


def test_tileable_pictures_on_the_command_line(tiny_bundle, tmp_path):
    words = ["--out", tmp_path, "--size", "60x60", "--tileable", "xy"]
    assert call("sample", tiny_bundle, *words)[0] == 0
    with Image.open(next(tmp_path.iterdir())) as image:
        assert '"tileable": "xy"' in image.text["singan"]
    assert "needs start scale 0" in one_line("sample", tiny_bundle, *words, "--start-scale", "1")
    assert "choose x, y or xy" in one_line(
        "sample", tiny_bundle, "--out", tmp_path, "--tileable", "both"
    )
