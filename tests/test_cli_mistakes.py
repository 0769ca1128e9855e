"""Every mistake on the command line gives one clear line, and leaves nothing half-written."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import SINGAN, one_line, usage
from PIL import Image


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
