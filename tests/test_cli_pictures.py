"""Pictures as files on the command line: names, formats, quality, and repeating what is there."""

import json
import re

import numpy as np
import pytest
from command_line import COMMANDS, call, one_line, usage
from PIL import Image
from typer.main import get_command

from singan_cli.app import app
from singan_core import encoding
from singan_runtime.files.provenance import read_request
from singan_runtime.screens import SCREENS

WORDS = ("--size", "61x40", "--seed", "5", "--zoom", "0.9", "--start-scale", "1")


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


# one file


@pytest.mark.parametrize("ending", [".png", ".jpg", ".JPEG", ".webp", ".avif"])
def test_out_may_be_the_file_of_one_picture(tiny_bundle, tmp_path, ending):
    path = tmp_path / "new" / f"scene{ending}"
    status, said, _ = call("sample", tiny_bundle, "-o", path, "--size", "50x40")
    assert status == 0 and said == f"wrote {path}\n"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    with Image.open(path) as image:
        assert image.size == (50, 40)
        assert image.format.lower() == encoding.ENDINGS[ending.lower()]


def test_out_may_be_a_tiff(tiny_bundle, tmp_path):
    pytest.importorskip("tifffile")
    assert call("sample", tiny_bundle, "-o", tmp_path / "a.tif", "--size", "50x40")[0] == 0
    call("sample", tiny_bundle, "-o", tmp_path / "a.png", "--size", "50x40")
    assert np.array_equal(pixels_of(tmp_path / "a.tif"), pixels_of(tmp_path / "a.png"))


def test_one_file_holds_one_picture_of_its_own_format(tiny_bundle, detail_bundle, tmp_path):
    words = ("sample", tiny_bundle, "--out", tmp_path / "a.png")
    for more in (("-n", "2"), ("--size", "hd,50x40"), ("--start-scale", "0,1")):
        assert "is one file: leave out --count, further sizes" in usage(*words, *more)
    assert "leave out --format jpeg" in usage(*words, "--format", "jpeg")
    assert call(*words, "--format", "png")[0] == 0
    best = ("--size", "90x60", "--best", "2")
    _, said, _ = call("sample", detail_bundle, "-o", tmp_path / "a.png", *best)
    (seed,) = re.findall(r"the best 1 of seeds 0 to 1: (\d)", said)
    assert read_request(tmp_path / "a.png").seed == int(seed)
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]
    (tmp_path / "folder.png").mkdir()
    assert call("sample", tiny_bundle, "--out", tmp_path / "folder.png", "-n", "2")[0] == 0
    assert len(list((tmp_path / "folder.png").iterdir())) == 2


# names


def test_files_of_a_named_size_begin_with_the_name(tiny_bundle, tmp_path):
    assert call("sample", tiny_bundle, "-o", tmp_path, "--size", "Rectangle,50x40")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hills_50x40_0.png",
        "rectangle-hills_300x250_0.png",
    ]


def test_names_of_sizes_differ_in_size():
    """A file's name says which of them was asked for."""
    assert len(set(SCREENS.values())) == len(SCREENS)


@pytest.mark.parametrize(
    "words",
    [
        ("retarget", "--out", "a.png"),
        ("animate", "--out", "a.gif", "--frames", "1"),
        ("inspect",),
        ("bench", "--repeats", "1"),
    ],
)
def test_names_of_sizes_are_known_in_every_command(tiny_bundle, tmp_path, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(words[0], tiny_bundle, *words[1:], "--size", "rectangle")[0] == 0
    option = next(o for o in get_command(app).commands[words[0]].params if o.name == "size")
    assert "NAME" in option.metavar


@pytest.mark.parametrize("name", COMMANDS)
def test_short_options_are_the_same_everywhere(name):
    command = get_command(app).commands[name]
    short = {"out": "-o", "count": "-n"}
    for option in command.params:
        assert option.name not in short or short[option.name] in option.opts
    assert call(name, "-h")[1] == call(name, "--help")[1]


# quality


@pytest.mark.parametrize("format", encoding.QUALITY)
def test_quality_is_an_option(tiny_bundle, tmp_path, format):
    for quality in (30, 95):
        out = tmp_path / f"{quality}{encoding.FORMATS[format]}"
        assert call("sample", tiny_bundle, "-o", out, "--quality", quality)[0] == 0
        out = tmp_path / f"r{quality}{encoding.FORMATS[format]}"
        words = ("--size", "60x40", "--quality", quality)
        assert call("retarget", tiny_bundle, "-o", out, *words)[0] == 0
    for name in ("", "r"):
        small, large = (
            (tmp_path / f"{name}{quality}{encoding.FORMATS[format]}").stat().st_size
            for quality in (30, 95)
        )
        assert small < large


def test_quality_of_a_clip_and_of_tiles(tiny_bundle, tmp_path):
    for quality in (30, 95):
        words = ("--frames", "2", "--quality", quality)
        assert call("animate", tiny_bundle, "-o", tmp_path / f"{quality}.webp", *words)[0] == 0
        words = ("--format", "jpeg", "--quality", quality)
        assert call("sample", tiny_bundle, "--deepzoom", tmp_path / f"{quality}", *words)[0] == 0
    assert (tmp_path / "30.webp").stat().st_size < (tmp_path / "95.webp").stat().st_size
    small, large = (tmp_path / f"{q}" / "picture_files" / "6" / "0_0.jpg" for q in (30, 95))
    assert small.stat().st_size < large.stat().st_size


def test_a_quality_that_is_not_possible_is_refused(tiny_bundle, tmp_path):
    words = ("sample", tiny_bundle, "-o", tmp_path / "a.png", "--quality")
    assert "png takes no quality" in one_line(*words, "50")
    assert "Invalid value for '--quality'" in usage(*words, "101")
    assert "gif takes no quality" in one_line(
        "animate", tiny_bundle, "-o", tmp_path / "a.gif", "--quality", "50"
    )
    assert "a Deep Zoom folder" not in one_line(
        "sample", tiny_bundle, "--deepzoom", tmp_path / "dz", "--quality", "50"
    )
    assert list(tmp_path.iterdir()) == []


# what a picture says, and repeating it


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".avif", ".tif"])
def test_a_picture_is_repeated_byte_for_byte(tiny_bundle, tmp_path, ending):
    if ending == ".tif":
        pytest.importorskip("tifffile")
    first, again = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    assert call("sample", tiny_bundle, "-o", first, *WORDS, "--variation", "1.5")[0] == 0
    assert call("sample", tiny_bundle, "-o", again, "--like", first)[0] == 0
    assert again.read_bytes() == first.read_bytes()


def test_options_beside_a_picture_change_it(tiny_bundle, tmp_path):
    first = tmp_path / "a.webp"
    call("sample", tiny_bundle, "-o", first, *WORDS)
    for word, value in (("--seed", "6"), ("--size", "70x40"), ("--zoom", "auto")):
        out, expected = tmp_path / "b.png", tmp_path / "c.png"
        assert call("sample", tiny_bundle, "-o", out, "--like", first, word, value)[0] == 0
        changed = [*WORDS, word, value]  # the last one counts
        assert call("sample", tiny_bundle, "-o", expected, *changed)[0] == 0
        assert out.read_bytes() == expected.read_bytes()

    call("sample", tiny_bundle, "-o", tmp_path / "many", "--like", first, "-n", "3")
    names = [f"hills_61x40_{seed}.png" for seed in (5, 6, 7)]
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == names


def test_a_window_and_a_picture_without_detail_are_repeated(detail_bundle, tmp_path):
    first = tmp_path / "a.png"
    words = ("--size", "90x60", "--window", "10,20,50,30", "--precision", "fp32", "--seed", "3")
    assert call("sample", detail_bundle, "-o", first, *words)[0] == 0
    assert call("sample", detail_bundle, "-o", tmp_path / "b.png", "--like", first)[0] == 0
    assert (tmp_path / "b.png").read_bytes() == first.read_bytes()

    from singan_runtime import Sampler
    from singan_runtime.files.writing import write_picture
    from singan_runtime.request import Request

    plain = Request((60, 90), 3, detail=False)
    write_picture(Sampler.load(detail_bundle, threads=1), first, plain)
    assert call("sample", detail_bundle, "-o", tmp_path / "b.png", "--like", first)[0] == 0
    assert (tmp_path / "b.png").read_bytes() == first.read_bytes()


def test_an_object_of_a_mask_file_is_given_again(detail_bundle, tmp_path):
    mask = np.zeros((100, 150), np.uint8)
    mask[40:60, 60:90] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    first, keep = tmp_path / "a.png", ("--keep", tmp_path / "mask.png")
    words = ("sample", detail_bundle, "-o")
    assert call(*words, first, "--size", "90x60", *keep)[0] == 0
    assert "give the mask again" in one_line(*words, tmp_path / "b.png", "--like", first)
    assert call(*words, tmp_path / "b.png", "--like", first, *keep)[0] == 0
    assert (tmp_path / "b.png").read_bytes() == first.read_bytes()


def test_a_picture_that_cannot_be_repeated_says_why(tiny_bundle, detail_bundle, tmp_path):
    first = tmp_path / "a.png"
    call("sample", tiny_bundle, "-o", first, "--size", "50x40")
    words = ("sample", detail_bundle, "-o", tmp_path / "b.png", "--like")
    said = one_line(*words, first)
    assert "a.png: drawn from the model hills" in said and "name the bundle that drew it" in said
    assert "no such file" in one_line(*words, tmp_path / "none.png").lower()

    call("sample", tiny_bundle, "-o", first, "--size", "50x40", "--no-metadata")
    assert "a.png: holds no request" in one_line(*words, first)
    call("retarget", tiny_bundle, "-o", first, "--size", "50x40")
    assert "a.png: written by 'singan retarget', not by sample" in one_line(*words, first)
    assert not (tmp_path / "b.png").exists()


def test_inspect_tells_where_a_picture_comes_from(tiny_bundle, tmp_path):
    path = tmp_path / "a.avif"
    call("sample", tiny_bundle, "-o", path, *WORDS)
    status, said, _ = call("inspect", path)
    assert status == 0 and "from the model hills (" in said
    assert "singan sample: size 61x40, seed 5, zoom 0.9, start scale 1\n" in said
    assert "digital source type: compositeWithTrainedAlgorithmicMedia" in said
    assert f"singan sample BUNDLE --like {path} --out FILE" in said

    found = json.loads(call("inspect", path, "--json")[1])
    assert found["request"] == {"size": "61x40", "seed": 5, "zoom": 0.9, "start_scale": 1}
    assert found["model"] == "hills" and len(found["identity"]) == 64
    assert "--size belongs to a BUNDLE" in usage("inspect", path, "--size", "hd")


def test_inspect_prints_no_control_characters_of_strangers(tmp_path):
    from singan_core.metadata import Metadata

    record = json.dumps({"bundle": "\x1b[31mred", "seed": "\x1b[2J", "command": "x\ny" * 999})
    pixels = np.zeros((9, 9, 3), np.uint8)
    encoding.save(tmp_path / "a.png", pixels, metadata=Metadata(record))
    _, said, _ = call("inspect", tmp_path / "a.png")
    assert "\x1b" not in said and len(said.splitlines()) == 2 and len(said) < 1000


@pytest.mark.parametrize("depth", [300, 900, 960, 985, 993])
def test_a_deeply_nested_record_gives_no_traceback(tmp_path, depth):
    from singan_core.metadata import Metadata

    record = '{"bundle": "a", "seed": ' + "[" * depth + "]" * depth + "}"
    encoding.save(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8), metadata=Metadata(record))
    for words in ((), ("--json",)):
        status, _, said = call("inspect", tmp_path / "a.png", *words)
        assert status == 0 or "is not a JSON object" in said


@pytest.mark.parametrize("ending", ["gif", "mp4", "webm", "webp", "png"])
def test_clips_say_how_they_were_made(tiny_bundle, tmp_path, ending):
    if ending in ("mp4", "webm"):
        pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / f"a.{ending}"
    words = ("animate", tiny_bundle, "-o", path, "--frames", "2", "--size", "50x40", "--loop")
    assert call(*words)[0] == 0
    said = json.loads(call("inspect", path, "--json")[1])
    assert said["command"] == "animate" and said["model"] == "hills"
    asked = {"size": "50x40", "frames": 2, "loop": True, "fps": 10, "seed": 0}
    assert asked.items() <= said["request"].items()
    assert call(*words, "--no-metadata")[0] == 0
    assert b"hills" not in path.read_bytes() and "holds no request" in one_line("inspect", path)


@pytest.mark.parametrize("name", ["retarget", "upscale", "paint"])
def test_edited_pictures_say_how_they_were_made_unless_told_not_to(tiny_bundle, tmp_path, name):
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(image)
    words = {
        "retarget": ("--size", "50x40"),
        "upscale": ("--factor", "1.5"),
        "paint": (image,),
    }[name]
    path = tmp_path / "a.avif"
    assert call(name, tiny_bundle, *words, "-o", path)[0] == 0
    assert json.loads(call("inspect", path, "--json")[1])["command"] == name
    assert call(name, tiny_bundle, *words, "-o", path, "--no-metadata")[0] == 0
    assert b"hills" not in path.read_bytes()


def test_the_usual_device_needs_no_word(tiny_bundle, tmp_path):
    words = ("sample", tiny_bundle, "-o", tmp_path / "a.png")
    assert call(*words)[2] == ""
    assert "drawing with ONNX Runtime's CPU" in call(*words, "--device", "cpu")[2]
