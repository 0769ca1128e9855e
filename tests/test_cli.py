"""The command line of the runtime: it needs no torch, and every mistake gives one clear line."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import typing
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from singan_cli.app import app
from singan_core import encoding
from singan_runtime import Sampler
from singan_runtime.measures.bench import Timing

SINGAN = str(Path(sys.executable).with_name("singan"))
EDITING = ("retarget", "harmonize", "edit", "paint", "upscale")
COMMANDS = (
    *("make", "train", "train-many", "import", "export", "verify", "inspect", "models"),
    *("sample", "render-many", "animate", "dataset"),
    *(*EDITING, "serve", "markup", "health", "evaluate", "bench", "plot", "doctor"),
)


def call(*words):
    """The command in this process: (exit status, stdout, stderr)."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def one_line(*words, status=1):
    """The one line that a mistake gives."""
    got, _, said = call(*words)
    assert got == status, said
    lines = [line for line in said.strip().splitlines() if not line.startswith("drawing with")]
    assert len(lines) == 1 and lines[0].startswith("error: "), said
    return lines[0]


def usage(*words):
    """What a mistyped option gives: exit 2, Typer's usage lines and the cause, no traceback."""
    status, _, said = call(*words)
    assert status == 2 and "Traceback" not in said
    return " ".join(said.split())


def size_of(path):
    with Image.open(path) as image:
        return image.size


# the main job


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


def test_bench_tells_what_was_really_used(tiny_bundle):
    status, said, _ = call(
        "bench", tiny_bundle, "--size", "64x48,hd", "--repeats", "2", "--threads", "1", "--json"
    )
    small, large = json.loads(said)
    assert status == 0 and (
        small["width"],
        small["height"],
        small["repeats"],
        small["threads"],
    ) == (64, 48, 2, 1)
    assert small["provider"] == "CPUExecutionProvider" and large["peak_memory_mb"] > 30
    assert (
        typing.get_type_hints(Timing)["peak_memory_mb"] is float
    )  # nothing prints a peak that is not known
    assert 0 < small["median"] <= small["p95"] < large["median"]
    assert large["megapixels_per_second"] == pytest.approx(1280 * 720 / 1e6 / large["median"])
    assert "1280x720: median" in call("bench", tiny_bundle, "--size", "hd", "--repeats", "1")[1]


def test_animate_writes_a_gif(tiny_bundle, tmp_path):
    out = tmp_path / "new" / "a.gif"
    words = (
        "animate",
        tiny_bundle,
        "--out",
        out,
        "--frames",
        "4",
        "--size",
        "50x40",
        "--start-scale",
        "0",
    )
    for loop, count in (((), 4), (("--loop",), 4), (("--loop", "--walk", "paper"), 6)):
        assert call(*words, *loop)[0] == 0
        with Image.open(out) as image:
            assert image.size == (50, 40) and image.n_frames == count


@pytest.mark.parametrize("ending", ["mp4", "webm", "webp", "png"])
def test_animate_writes_the_format_of_the_ending(tiny_bundle, tmp_path, ending):
    if ending in ("mp4", "webm"):
        pytest.importorskip("imageio_ffmpeg")
    out = tmp_path / f"a.{ending}"
    words = (
        "--frames",
        "3",
        "--size",
        "50x40",
        "--zoom",
        "1.5",
        "--fps",
        "30",
        "--seed",
        "4",
        "--start-scale",
        "0",
    )
    assert call("animate", tiny_bundle, "--out", out, *words)[0] == 0
    magic = {"mp4": b"ftypisom", "webm": b"\x1a\x45\xdf\xa3", "webp": b"WEBPVP8X", "png": b"acTL"}[
        ending
    ]
    assert magic in out.read_bytes()[:100] and [path.name for path in tmp_path.iterdir()] == [
        out.name
    ]


def test_grid_writes_twelve_gifs(tiny_bundle, tmp_path):
    assert (
        "wrote 12 animations"
        in call("animate", tiny_bundle, "--out", tmp_path / "grid", "--grid", "--frames", "3")[1]
    )
    names = [
        f"start_scale_{scale}_beta_{beta}.gif"
        for scale in range(3)
        for beta in ("0.80", "0.85", "0.90", "0.95")
    ]
    assert sorted(path.name for path in (tmp_path / "grid").iterdir()) == names
    assert len({path.read_bytes() for path in (tmp_path / "grid").iterdir()}) == 12
    words = ("animate", tiny_bundle, "--out", tmp_path / "other", "--grid")
    assert "leave out --start-scale and --beta" in usage(*words, "--beta", "0.5")
    assert "over the limit" in one_line(*words, "--frames", "200000")
    assert not (tmp_path / "other").exists()


def test_inspect_prints_the_canvases_that_sample_uses(tiny_bundle):
    status, said, _ = call("inspect", tiny_bundle, "--size", "200x150", "--zoom", "1.5", "--json")
    plan = json.loads(said)["plan"]
    passes = Sampler.load(tiny_bundle).find_passes((150, 200), 1.5)
    assert status == 0 and plan["zoom"] == 1.5
    assert [(p["generator"], p["height"], p["width"]) for p in plan["passes"]] == [
        (step.generator, *step.canvas) for step in passes
    ]
    status, said, _ = call("inspect", tiny_bundle)
    assert status == 0 and "hills: photo 60x40, 3 channels" in said and "scale 3: 48x32" in said


def test_evaluate_prints_scores_and_writes_a_page(tiny_bundle, tmp_path):
    words = ("evaluate", tiny_bundle, "--photo", tiny_bundle / "preview.png", "--count", "2")
    status, said, _ = call(
        *words, "--start-scales", "0,2", "--html", tmp_path / "new" / "page.html"
    )
    assert status == 0 and said.count("swd 0.0") == 2 and "start scale 2, 2 samples" in said
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").count("<h2>") == 2
    (scores,) = json.loads(call(*words, "--json")[1])
    assert {"swd", "diversity", "coherence", "completeness"} <= scores.keys() and scores[
        "sifid"
    ] is None
    assert f"structure {scores['structure']:.4f}, layout {scores['layout']:.4f}" in said


def test_evaluate_takes_the_photo_from_the_bundle(detail_bundle):
    words = ("evaluate", detail_bundle, "--count", "2", "--size-limit", "60", "--threads", "1")
    status, said, _ = call(*words)
    first, *octaves = said.splitlines()
    assert status == 0 and "guide_diversity 0." in first and "join_cost " in first
    assert [line.partition(":")[0] for line in octaves] == [
        "  swd_octaves, finest first",
        "  detail, finest first",
    ]
    (scores,) = json.loads(call(*words, "--json")[1])
    assert (
        len(scores["swd_octaves"]) == 1 and len(scores["detail"]) == 3 and scores["repetition"] >= 1
    )
    assert f"structure {scores['structure']:.4f}, layout {scores['layout']:.4f}" in first


def test_mistakes_of_evaluate(tiny_bundle, tmp_path):
    base = ("evaluate", tiny_bundle, "--count", "2", "--photo")
    assert "no.png: no such file" in one_line(*base, tmp_path / "no.png")
    photo = tiny_bundle / "preview.png"
    assert "does not hold its photo: name it, --photo PHOTO" in one_line("evaluate", tiny_bundle)
    assert "use scales 0 to 3" in one_line(*base, photo, "--start-scales", "0,9")
    assert "not a list of whole numbers" in usage(*base, photo, "--start-scales", "0;1")
    (tmp_path / "file").write_text("precious")
    said = one_line(*base, photo, "--html", tmp_path / "file" / "page.html")
    assert "a file stands where a folder is needed" in said


def test_version_is_the_installed_one():
    from importlib import metadata

    assert call("--version")[1].strip() == f"singan {metadata.version('singan')}"


# help


def test_help_loads_neither_torch_nor_onnxruntime():
    code = (
        "import sys; from singan_cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {'torch', 'onnx', 'onnxruntime', 'imageio'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("photo", ["-", ".", "https://example.org/photo.jpg", "no_such_photo.jpg"])
def test_what_is_no_photo_is_said_before_torch_is_loaded(photo):
    code = (
        "import sys; from singan_cli.app import app\n"
        f"try: app(['train', {photo!r}, '--out', 'run'])\n"
        "except SystemExit as exit: assert exit.code == 1, exit.code\n"
        "assert 'torch' not in sys.modules"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stderr
    assert said.startswith("error: ") and said.count("\n") == 1


def test_help_shows_every_command_in_a_section_and_no_description_cut_off():
    said = call("--help")[1]
    assert "..." not in said.partition("Make:")[2]
    sections = re.findall(r"^(\w+):\n((?:  .+\n)+)", said, re.MULTILINE)
    assert [title for title, _ in sections] == [
        "Options",
        "Make",
        "Train",
        "Export",
        "Draw",
        "Edit",
        "Serve",
        "Judge",
    ]
    lines = dict(
        line.split(maxsplit=1) for _, listed in sections[1:] for line in listed.splitlines()
    )
    assert sorted(lines) == sorted(COMMANDS)
    assert all(2 < len(line) <= 60 and line.endswith(".") for line in lines.values())
    assert max(map(len, said.splitlines())) <= 80


def test_a_shell_completes_commands_and_options(tmp_path):
    """What bash asks the command when Tab is pressed, and the file that tells bash to ask."""
    environment = os.environ | {
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    for words, begun in (
        ("singan ev", "evaluate"),
        ("singan sample --ti", "--tileable"),
        ("singan train --preset s", "standard"),
        ("singan train --layout st", "strict"),
        ("singan export --precision i", "int8"),
        ("singan bench --device cu", "cuda"),
    ):
        asked = {
            "_SINGAN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        said = subprocess.run(
            [SINGAN], env=environment | asked, check=True, capture_output=True, text=True
        )
        assert said.stdout.split() == [begun]
    subprocess.run(
        [SINGAN, "--install-completion", "bash"], env=environment, check=True, capture_output=True
    )
    (script,) = tmp_path.rglob("*singan*")
    assert (
        "complete_bash" in script.read_text() and str(script) in (tmp_path / ".bashrc").read_text()
    )


def test_an_option_of_fixed_words_lists_them_as_its_value():
    """They are defined where they are checked: none is missing here, and none is added."""
    formats = pytest.importorskip("singan_export.formats")
    config = pytest.importorskip("singan_train.config")
    commands = typer.main.get_command(app).commands
    words = {
        ("train", "preset"): config.PRESETS,
        ("train", "layout"): config.LAYOUTS,
        ("train", "schedule"): typing.get_args(config.Schedule),
        ("train", "border"): typing.get_args(config.Border),
        ("train", "precision"): typing.get_args(config.Precision),
        ("export", "precision"): formats.PRECISIONS,
    }
    for (command, name), known in words.items():
        (option,) = (one for one in commands[command].params if one.name == name)
        assert option.metavar == "|".join(known)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_and_its_default(name):
    command = typer.main.get_command(app).commands[name]
    assert command.help
    for option in command.params:
        if option.name == "help":
            continue
        assert option.help and len(option.help) > 10, option.name
        if option.param_type_name == "option" and not option.required and not option.is_flag:
            assert option.show_default or option.default is not None, option.name


RANGES = {
    "train": {
        "max_size": "11 to 8192 px", "min_size": "11 to 1024 px", "hand_over": "11 to 128 px",
        "scales": "1 to", "iterations": "1 to 1000000", "seed": "0 to 2^63-1",
        "threads": "1 to 4 per core",
    },
    "sample": {
        "size": "pixels", "count": "1 to 1000000000", "seed": "0 to 2^64-1",
        "zoom": "0.001 to 1000", "threads": "1 to 4 per core", "best": "1 to 1000",
        "start_scale": "0 to", "max_pixels": "1 to 2^40 pixels",
        "format": "png, jpeg, webp, avif or tiff",
    },
    "dataset": {
        "count": "1 to 1000000000", "seed": "0 to 2^64-1", "despeckle": "3 to 15", "size": "pixels",
        "within": "0 to 1", "scales": "0.01 to 100",
    },
    "retarget": {
        "size": "pixels", "start_scale": "1 to the finest", "seed": "0 to 2^64-1", "keep": "pixels",
    },
    "edit": {
        "mask": "pixels", "start_scale": "1 to the finest",
        "reach": "in pixels of IMAGE, 0 to its longer side",
    },
    "paint": {"size": "pixels", "colours": "2 to 256"},
    "upscale": {"factor": "above 1"},
    "bench": {"repeats": "1 to 10000"},
    "export": {"hand_over": "11 to 1024"},
    "evaluate": {
        "count": "2 to 1000", "start_scales": "0 to the finest", "size_limit": "1 to 8192 px",
    },
    "animate": {
        "frames": "1 to 1000000", "max_frame_memory": "0.001 to 1024 GB",
        "fps": "0.1 to 50", "alpha": "0 to 1", "beta": "0 to 1",
        "start_scale": "0 to",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_numbers_say_their_unit_and_range(name):
    options = {
        option.name: option.help for option in typer.main.get_command(app).commands[name].params
    }
    for option, words in RANGES[name].items():
        assert words in options[option], option


# mistakes


@pytest.mark.parametrize("word", ["0x50", "50x0", "99999999x5"])
def test_impossible_sizes(tiny_bundle, tmp_path, word):
    assert "each side must be 1 to 1048576 px" in one_line(
        "sample", tiny_bundle, "--out", tmp_path, "--size", word
    )


@pytest.mark.parametrize("word", ["-5x50", "50", "axb", "50x", "50x50x50", "50x40,", "1e3x5", ""])
def test_malformed_sizes(tiny_bundle, tmp_path, word):
    said = usage("sample", tiny_bundle, "--out", tmp_path, f"--size={word}")
    assert "is not a size; write WxH in pixels, for example 1920x1080" in said
    assert "is not a size" in usage("inspect", tiny_bundle, f"--size={word}")


def test_huge_pictures_need_leave(tiny_bundle, tmp_path):
    said = one_line("sample", tiny_bundle, "--out", tmp_path / "out", "--size", "20000x20000")
    assert "over the limit of 33177600; ask for less or raise the limit (--max-pixels)" in said
    assert not (tmp_path / "out").exists()


def test_impossible_windows_and_formats(tiny_bundle, tmp_path):
    words = ["sample", tiny_bundle, "--out", tmp_path / "new", "--size", "90x70"]
    assert "is not inside the picture of 90x70" in one_line(*words, "--window", "80,0,11,5")
    assert "write X,Y,W,H in pixels" in usage(*words, "--window", "80,0,11")
    assert "end by x 90 and y 70" in one_line(*words, "--window", "0,0,0,5")
    assert one_line(*words, "--format", "bmp").endswith("choose png, jpeg, webp, avif or tiff")
    assert one_line(*words, "--format", "jpg").endswith("did you mean jpeg?")
    assert one_line(
        "sample", tiny_bundle, "--deepzoom", tmp_path / "new", "--format", "webp"
    ).endswith("png or jpeg")
    large = [
        "sample",
        tiny_bundle,
        "--out",
        tmp_path / "new",
        "--size",
        "70000x12",
        "--max-pixels",
        "900000",
    ]
    assert "too large for jpeg: sides up to 65535 px; use png or tiff" in one_line(
        *large, "--format", "jpeg"
    )
    assert not (tmp_path / "new").exists()
    assert "name one place" in usage("sample", tiny_bundle)
    assert "name one place" in usage(*words, "--deepzoom", tmp_path / "dz")
    assert "one whole picture" in usage(
        "sample", tiny_bundle, "--deepzoom", tmp_path / "dz", "--count", "2"
    )
    assert "one whole picture" in usage(
        "sample", tiny_bundle, "--deepzoom", tmp_path / "dz", "--start-scale", "0,1"
    )
    assert "not a list of whole numbers" in usage(
        *words, "--out", tmp_path / "new", "--start-scale", "0,x"
    )
    assert "variation 11 is not possible" in one_line(
        *words, "--out", tmp_path / "new", "--variation", "11"
    )


def test_other_impossible_numbers(tiny_bundle, tmp_path):
    base = ("sample", tiny_bundle, "--out", tmp_path)
    assert "the largest zoom for this size is" in one_line(*base, "--zoom", "50")
    assert "it must be 0.001 to 1000" in one_line(*base, "--zoom", "0")
    assert "not a zoom" in usage(*base, "--zoom", "big")
    assert "use scales 0 to 3" in one_line(*base, "--start-scale", "9")
    assert "seed -3 is not possible" in one_line(*base, "--seed", "-3")
    assert "unknown format 'gif': choose png, jpeg, webp" in one_line(*base, "--format", "gif")
    assert "not a colour" in usage(*base, "--background", "reddish")
    assert "unknown device" in one_line(*base, "--device", "tpu")
    assert "Invalid value for '--count'" in usage(*base, "--count", "0")
    assert not list(tmp_path.iterdir())


def test_mistakes_of_animate(tiny_bundle, tmp_path):
    def mistake(name, *words):
        return one_line("animate", tiny_bundle, "--out", tmp_path / "new" / name, *words)

    assert "end the name in one of .gif, .mp4, .webm, .webp, .png" in mistake("a.avi")
    assert "0.1 to 50" in mistake("a.gif", "--fps", "99")
    assert "alpha 3 is not possible" in mistake("a.gif", "--alpha", "3")
    assert "frames 0 is not possible: it must be 1 to 1000000" in mistake("a.gif", "--frames", "0")
    assert "choose harmonic or paper" in mistake("a.gif", "--walk", "drunk")
    assert "use scales 0 to 3" in mistake("a.gif", "--start-scale", "9")
    assert "over the limit of 33177600" in mistake("a.png", "--size", "9000x9000")
    assert "51x40 is odd, which mp4 cannot hold: ask for 52x40" in mistake(
        "a.mp4", "--size", "51x40"
    )
    said = mistake("a.webp", "--size", "hd", "--frames", "400")
    assert "over the limit of 1 GB; write mp4" in said and "--max-frame-memory" in said
    assert "limit of 0.001 GB" in mistake("a.gif", "--size", "hd", "--max-frame-memory", "0.001")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.gif").mkdir()
    assert "a folder stands there" in one_line("animate", tiny_bundle, "--out", tmp_path / "a.gif")


def test_several_sizes_are_all_checked_before_the_first_is_drawn(tiny_bundle, tmp_path):
    one_line("sample", tiny_bundle, "--out", tmp_path / "out", "--size", "48x32,48x0")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["sample", "animate", "inspect", "verify"])
def test_missing_damaged_incomplete_and_newer_bundles(tiny_bundle, tmp_path, command):
    if command == "verify":
        pytest.importorskip("onnx")
        pytest.importorskip("torch")
    out = {"sample": ("--out", tmp_path / "o"), "animate": ("--out", tmp_path / "o.gif")}.get(
        command, ()
    )
    assert "no such folder; make a bundle with 'singan export'" in one_line(
        command, tmp_path / "nowhere", *out
    )

    def spoilt(change):
        copy = shutil.copytree(tiny_bundle, tmp_path / "bundle", dirs_exist_ok=True)
        change(copy)
        return one_line(command, copy, *out)

    def newer(copy):
        path = copy / "manifest.json"
        path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 7'))

    damaged = spoilt(lambda copy: (copy / "scale_02.onnx").write_bytes(b"x"))
    assert "scale_02.onnx: altered or damaged" in damaged and "make the bundle again" in damaged
    assert "scale_01.onnx: missing" in spoilt(lambda copy: (copy / "scale_01.onnx").unlink())
    assert "the bundle is unfinished" in spoilt(lambda copy: (copy / "manifest.json").unlink())
    assert "format version 7, but this program reads versions 1 and 2; upgrade singan" in spoilt(
        newer
    )


def test_a_file_in_the_place_of_the_folder(tiny_bundle, tmp_path):
    (tmp_path / "file").write_text("precious")
    said = one_line("sample", tiny_bundle, "--out", tmp_path / "file")
    assert "a file stands where a folder is needed; choose another place" in said
    said = one_line("animate", tiny_bundle, "--out", tmp_path / "file" / "a.gif")
    assert "a file stands where a folder is needed" in said
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_is_not_writable(tiny_bundle, tmp_path):
    if os.geteuid() == 0:  # root may write anywhere but into the kernel's own tree
        folder = Path("/sys/singan")
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    assert "not writable" in one_line("sample", tiny_bundle, "--out", folder)


def test_a_full_disk(tiny_bundle, tmp_path, known_temporaries):
    """The temporary file is a link to the device on which every write fails for want of space."""
    (tmp_path / ".hills_48x32_0.png.singan-0.tmp").symlink_to("/dev/full")
    said = one_line("sample", tiny_bundle, "--out", tmp_path)
    assert "hills_48x32_0.png: the disk is full; free some space or write elsewhere" in said
    (tmp_path / ".a.gif.singan-0.tmp").symlink_to("/dev/full")
    assert "a.gif: the disk is full" in one_line(
        "animate", tiny_bundle, "--out", tmp_path / "a.gif", "--frames", "2"
    )
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_whole_pictures_only(tiny_bundle, tmp_path):
    words = [
        SINGAN,
        "sample",
        tiny_bundle,
        "--out",
        tmp_path,
        "--count",
        "100000",
        "--threads",
        "1",
    ]
    process = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(list(tmp_path.glob("*.png"))) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].strip().splitlines()
    assert process.returncode == 130
    assert said[-1] == "error: interrupted; nothing half-written was left" and len(said) <= 2
    assert not list(tmp_path.glob(".*"))
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            assert np.asarray(image).shape == (32, 48, 3)


def test_a_missing_package_names_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    said = one_line("train", tmp_path / "photo.png", "--out", tmp_path / "run")
    assert (
        "this command needs torch; run: pip install torch safetensors (singan's extra train)"
        in said
    )
    for name in [
        name for name in sys.modules if name.startswith(("singan_export", "singan_train"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    said = one_line("export", tmp_path / "run", "--out", tmp_path / "bundle")
    assert re.search(r"run: pip install (torch|onnx) .* \(singan's extra (train|export)\)", said)


def test_debug_shows_where_it_happened(tmp_path):
    process = subprocess.run(
        [SINGAN, "--debug", "inspect", tmp_path / "nowhere"], capture_output=True, text=True
    )
    assert process.returncode == 1 and "Traceback" in process.stderr
