"""How commands end: by signals, lost streams, want of memory, and places that cannot be used."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from singan_cli import signals
from singan_cli.failure import describe_error
from singan_cli.terminal import make_visible
from singan_core.atomic import atomic_file, atomic_folder, make_folder
from singan_core.errors import BundleError, OutputError
from singan_core.manifest import hash_files
from singan_core.plain_names import make_plain

SINGAN = str(Path(sys.executable).with_name("singan"))
BAD = b"\xff\xfe"  # in a name: no UTF-8


def run(*words, **options):
    """The installed command in a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | options
    return subprocess.run([SINGAN, *map(os.fsencode, words)], **options)


def one_line(*words, **options):
    """The one line that a refused command says."""
    ended = run(*words, **options)
    assert ended.returncode == 1, ended.stderr
    lines = ended.stderr.decode().strip().splitlines()
    lines = [line for line in lines if not line.startswith("drawing with")]
    assert len(lines) == 1 and lines[0].startswith("error: ") and "[Errno" not in lines[0], lines
    return lines[0]


# signals


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGTERM, 143, "error: stopped by SIGTERM; nothing half-written was left"),
        (signal.SIGHUP, 129, "error: stopped by SIGHUP; nothing half-written was left"),
        (signal.SIGINT, 130, "error: interrupted; nothing half-written was left"),
    ],
)
def test_a_signal_ends_a_command_in_order(tiny_bundle, tmp_path, number, status, line):
    words = [SINGAN, "sample", tiny_bundle, "--out", tmp_path, "--count", "1000000000"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(list(tmp_path.glob("*.png"))) < 3:
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == status and said[-1] == line and len(said) <= 2
    assert not list(tmp_path.glob(".*"))
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            image.load()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_modules_load_gives_one_line_and_no_traceback(name):
    program = (
        "import signal; import singan_cli.main\n"  # all that the installed command imports first
        f"signal.raise_signal(signal.{name}); print('went on')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 128 + getattr(signal, name) and not ended.stdout
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("error: ")


def test_a_signal_that_a_library_takes_for_its_own_failure_still_counts():
    with pytest.raises(signals.StoppedBySignal) as stopped, signals.raise_signals():
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            raise ImportError("initialization failed") from None
    assert stopped.value.status == 143


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals.raise_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


# streams


def test_a_reader_that_has_seen_enough_ends_a_command_without_a_word(detail_bundle):
    read, write = os.pipe()
    os.close(read)
    ended = run("inspect", detail_bundle, stdout=write)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("words", [["--help"], ["sample", "--list-sizes"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_full_disk_behind_standard_output_is_said(words):
    with open("/dev/full", "w") as full:
        assert one_line(*words, stdout=full).startswith(
            "error: standard output: the disk is full; free some space or write elsewhere"
        )


def test_work_goes_on_without_standard_streams(tiny_bundle, tmp_path):
    line = f"exec '{SINGAN}' sample '{tiny_bundle}' --out '{tmp_path}' <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line]).returncode == 0
    (path,) = tmp_path.iterdir()
    with Image.open(path) as image:
        assert np.asarray(image).shape == (32, 48, 3)


# memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("could not create a primitive"),
        RuntimeError("can't start new thread"),
        ImportError("libtorch.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_want_of_memory_is_said_in_the_same_words(error):
    assert describe_error(error).startswith("not enough memory; ")
    wrapped = BundleError("not a graph that ONNX Runtime can load")
    wrapped.__cause__ = error
    assert describe_error(wrapped).startswith("not enough memory; ")


def test_what_nobody_foresaw_keeps_its_traceback():
    assert describe_error(ValueError("a bug")) is None
    assert describe_error(RuntimeError("another bug")) is None


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_a_limit_on_memory_is_met_by_one_line(tiny_bundle, tmp_path):
    words = ["prlimit", "--as=60000000", SINGAN, "inspect", tiny_bundle]
    ended = subprocess.run(words, capture_output=True, text=True)
    assert ended.returncode == 1 and ended.stderr == "error: not enough memory to begin\n"


# places


def test_pipes_are_refused_and_never_waited_for(tiny_bundle, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "config.json")
    for words in (
        ["inspect", pipe],
        ["sample", tiny_bundle, "--out", pipe],
        ["sample", tiny_bundle, "--deepzoom", pipe],
        ["paint", tiny_bundle, pipe, "--out", tmp_path / "a.png"],
        ["paint", tiny_bundle, tiny_bundle / "preview.png", "--out", tmp_path / "run"],
    ):
        one_line(*words)
    assert pipe.is_fifo()


def test_a_pipe_in_a_run_is_refused(tmp_path):
    pytest.importorskip("torch")
    os.mkfifo(tmp_path / "config.json")
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 40)).save(photo)
    assert "a device or pipe, not a file" in one_line("train", photo, "--out", tmp_path, "--resume")


@pytest.mark.parametrize("write", [atomic_file, atomic_folder])
def test_nothing_takes_the_place_of_a_pipe_or_device(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError), write(tmp_path / "pipe"):
        raise AssertionError("the work has begun")
    assert (tmp_path / "pipe").is_fifo() and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("place", [".", "..", "/", "x/.."])
def test_a_folder_in_use_is_not_replaced(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="in use cannot be replaced"), atomic_folder(Path(place)):
        raise AssertionError("the work has begun")


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with atomic_folder(tmp_path / "link") as folder:
        (folder / "file").touch()
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target" / "file").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"target", "link"}


def test_folders_are_made_and_listed_however_deep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    deep = Path("/".join(["d"] * 1950))
    make_folder(deep)
    (deep / "file").touch()
    assert list(hash_files(Path())) == [f"{deep}/file"]
    subprocess.run(["rm", "-rf", "d"], check=True)  # rmtree fails on so deep folders


def test_names_that_are_not_utf_8_are_written_and_read(tiny_bundle, tmp_path):
    here = os.fsencode(tmp_path) + b"/"
    shutil.copytree(os.fsencode(tiny_bundle), here + BAD)
    shutil.copy(os.fsencode(tiny_bundle / "preview.png"), here + BAD + b".png")
    for words in (
        ["inspect", here + BAD],
        ["sample", here + BAD, "--out", here + b"new" + BAD],
        ["paint", here + BAD, here + BAD + b".png", "--out", here + b"painted" + BAD + b".png"],
    ):
        ended = run(*words)
        assert ended.returncode == 0, ended.stderr
    assert Path(os.fsdecode(here + b"painted" + BAD + b".png")).exists()
    assert r"\udcff\udcfe" in one_line("inspect", here + b"nowhere" + BAD)


def test_a_name_cannot_steer_the_terminal(tmp_path):
    assert make_visible("a\x1b[31mred\udcff é") == r"a\x1b[31mred\udcff é"
    assert "\x1b" not in one_line("inspect", tmp_path / "a\x1b[31mred")


@pytest.mark.parametrize(
    ("stem", "name"),
    [("Ein Wald", "Ein Wald"), ("12:30", "12_30"), ("a\udcff", "a_"), (".x", "_.x")],
)
def test_a_model_is_called_what_every_system_can_write(stem, name):
    assert make_plain(stem) == name


@pytest.mark.parametrize("name", ["12:30.mp4", "-x.mp4", "file:a.webm"])
def test_a_film_may_have_any_name(tiny_bundle, tmp_path, monkeypatch, name):
    pytest.importorskip("imageio_ffmpeg")
    words = ["animate", tiny_bundle, "--size", "24x20", "--frames", "2", f"--out={name}"]
    assert run(*words, cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
