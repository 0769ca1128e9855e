"""Files of moving pictures that cannot be: refused before a frame is drawn, or nothing is left."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clip_files import FFMPEG, decoded, ffmpeg

from singan_core.errors import InstallError, OutputError, RequestError
from singan_runtime.clips.animation import Walk, animate
from singan_runtime.files import ffmpeg as ffmpeg_module
from singan_runtime.files import video


@pytest.fixture(scope="module")
def drawn(sampler):
    return list(animate(sampler, Walk(6, start_scale=0)))


def test_odd_sizes_become_webm_but_not_mp4(tmp_path):
    ffmpeg()
    with pytest.raises(
        RequestError, match="49x33 is odd, which mp4 cannot hold: ask for 50x34, or write webm"
    ):
        video.check(tmp_path / "a.mp4", (33, 49), 2, 10)
    video.check(tmp_path / "a.webm", (33, 49), 2, 10)
    video.save(tmp_path / "a.webm", [np.full((33, 49, 3), 90, np.uint8)] * 3)
    assert decoded(tmp_path / "a.webm", 33, 49).shape[0] == 3


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_too_much_frame_memory_names_mp4(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    video.check(path, (1080, 1920), 30, 10)
    with pytest.raises(
        RequestError, match=r"1000 frames .* over the limit of 1 GB; write mp4 .*--max-frame-memory"
    ):
        video.check(path, (1080, 1920), 1000, 10)
    video.check(path, (1080, 1920), 1000, 10, max_memory=20)


def test_films_of_any_length_are_allowed(tmp_path):
    ffmpeg()
    video.check(tmp_path / "a.mp4", (1080, 1920), 10**6, 10)
    with pytest.raises(RequestError, match="leave out --loop or choose the harmonic walk"):
        video.check(tmp_path / "a.mp4", (1080, 1920), 1000, 10, holds_all=True)


@pytest.mark.parametrize(
    ("name", "size", "fps", "message"),
    [
        (
            "a.avi",
            (32, 48),
            10,
            r"unknown format avi; end the name in one of \.gif, \.mp4, \.webm, \.webp, \.png",
        ),
        ("a", (32, 48), 10, "unknown format without an ending"),
        ("a.gif", (32, 48), 51, r"fps of gif 51 is not possible: it must be 0\.1 to 50"),
        ("a.gif", (32, 48), 0, r"fps of gif 0 is not possible: it must be 0\.1 to 50"),
        (
            "a.png",
            (32, 48),
            float("nan"),
            r"fps of png nan is not .*: it must be 0\.1 to 120",
        ),
        ("a.webp", (12, 20000), 10, "20000x12 is too large for webp: sides up to 16383 px"),
    ],
)
def test_impossible_files_are_refused(tmp_path, name, size, fps, message):
    with pytest.raises(RequestError, match=message):
        video.check(tmp_path / name, size, 2, fps)


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.gif").mkdir()
    with pytest.raises(OutputError, match=r"a\.gif: a folder stands there; choose another name"):
        video.check(tmp_path / "a.gif", (32, 48), 2, 10)


@pytest.mark.parametrize("ending", FFMPEG)
def test_films_without_imageio_ffmpeg_say_what_to_install(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        InstallError,
        match=r"need imageio-ffmpeg; run: pip install imageio-ffmpeg \(singan's extra media\)",
    ):
        video.check(tmp_path / f"a.{ending}", (32, 48), 2, 10)


@pytest.mark.parametrize("ending", video.FORMATS)
def test_a_full_disk(drawn, tmp_path, ending, known_temporaries):
    """The temporary file is a link to the device on which every write fails for want of space."""
    if ending in FFMPEG:
        ffmpeg()
    (tmp_path / f".a.{ending}.singan-0.tmp").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="the disk is full"):
        video.save(tmp_path / f"a.{ending}", drawn * 40)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", video.FORMATS)
def test_frames_that_fail_leave_nothing_behind(drawn, tmp_path, ending):
    if ending in FFMPEG:
        ffmpeg()

    def failing():
        yield from drawn
        raise RequestError("no more")

    (tmp_path / f"a.{ending}").write_text("precious")
    with pytest.raises(RequestError, match="no more"):
        video.save(tmp_path / f"a.{ending}", failing())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_an_ffmpeg_that_fails_is_quoted(drawn, tmp_path, monkeypatch):
    ffmpeg()
    monkeypatch.setitem(ffmpeg_module.OPTIONS, "mp4", ["-c:v", "nothing"])
    with pytest.raises(OutputError, match=r"a\.mp4: cannot be written \(ffmpeg: .*\w"):
        video.save(tmp_path / "a.mp4", drawn)
    assert list(tmp_path.iterdir()) == []


# The high-water mark of this program alone: getrusage's also counts the process that started it.
MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from singan_runtime.files import video
rng = np.random.default_rng(0)
some = rng.integers(0, 255, (4, 480, 640, 3), np.uint8)
frames = (some[n % 4].copy() for n in range(int(sys.argv[2])))
video.save(Path(sys.argv[1]), frames)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def peak_memory(path, frames):
    said = subprocess.run(
        [sys.executable, "-c", MEMORY, path, str(frames)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(said.stdout)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads resident memory from Linux' /proc"
)
@pytest.mark.parametrize("ending", video.FORMATS)
def test_memory_is_what_the_check_reckons_with(tmp_path, ending):
    """Films take the same for any number of frames, other formats what the refusal counts."""
    if ending in FFMPEG:
        ffmpeg()
    few, many = (peak_memory(tmp_path / f"a.{ending}", frames) for frames in (20, 100))
    a_frame = (many - few) / 80 / (480 * 640)
    if ending in FFMPEG:
        assert a_frame < 0.05
    else:
        assert (
            0.3 * video.FORMATS[ending].held_bytes
            < a_frame
            < 1.3 * video.FORMATS[ending].held_bytes
        )
