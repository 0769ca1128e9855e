"""Files of moving pictures: every frame, its time, its colours, whole or not at all."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from singan_core import images
from singan_core.errors import InstallError, OutputError, RequestError
from singan_runtime.clips.animation import Walk, animate
from singan_runtime.files import ffmpeg as ffmpeg_module
from singan_runtime.files import video

FFMPEG = ("mp4", "webm")


def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


def decoded(path, height, width):
    """The frames of a film, by ffmpeg."""
    command = [ffmpeg(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(said, np.uint8).reshape(-1, height, width, 3)


def shown(path):
    """Frames and milliseconds of an animated picture, by Pillow."""
    with Image.open(path) as image:
        frames = [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return np.stack([frame for frame, _ in frames]), [lasting for _, lasting in frames]


@pytest.fixture(scope="module")
def drawn(sampler):
    return list(animate(sampler, Walk(6, start_scale=0)))


@pytest.fixture
def flats():
    """Frames of one saturated colour each."""
    return [
        np.full((48, 64, 3), colour, np.uint8)
        for colour in ((200, 30, 40), (30, 180, 60), (40, 50, 220))
    ]


def test_gif_holds_every_frame_with_one_palette(drawn, tmp_path):
    path = tmp_path / "a.gif"
    video.save(path, iter(drawn), fps=10)
    with Image.open(path) as image:
        assert image.n_frames == 6 and image.size == (48, 32)
        assert image.info["loop"] == 0 and image.info["duration"] == 100
        palettes = set()
        for frame in ImageSequence.Iterator(image):
            assert np.asarray(frame.convert("RGB")).shape == (32, 48, 3)
            palettes.add(bytes(frame.global_palette.palette if frame.global_palette else b""))
        assert len(palettes) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


def test_gif_keeps_the_colours_of_small_things_under_a_wide_sky(tmp_path):
    """A sky of many blues and three small balloons: none is grey, and the sky is still smooth."""
    sky = np.linspace(0, 1, 200)[:, None, None] * (60, 80, 50) + (90, 140, 190)
    noise = np.random.default_rng(0).normal(0, 6, (200, 250, 3))
    scene = (np.broadcast_to(sky, (200, 250, 3)) + noise).clip(0, 255).astype(np.uint8)
    balloons = ((220, 40, 30), (240, 210, 40), (40, 150, 60))
    for number, colour in enumerate(balloons):
        scene[50:56, 60 * number + 40 : 60 * number + 46] = colour
    video.save(tmp_path / "a.gif", [scene, scene[:, ::-1]])
    away = np.abs(shown(tmp_path / "a.gif")[0][0].astype(int) - scene)
    for number in range(3):
        assert away[50:56, 60 * number + 40 : 60 * number + 46].max() <= 12
    assert away.mean() < 6


@pytest.mark.parametrize(("ending", "far"), [("gif", 8), ("webp", 8), ("png", 0)])
def test_animated_pictures_show_what_was_drawn(drawn, tmp_path, ending, far):
    path = tmp_path / f"a.{ending}"
    video.save(path, iter(drawn))
    frames, _ = shown(path)
    assert len(frames) == len(drawn)
    assert np.abs(frames.astype(int) - drawn).mean((1, 2, 3)).max() <= far


@pytest.mark.parametrize("ending", FFMPEG)
def test_films_show_what_was_drawn_in_its_colours(flats, tmp_path, ending):
    ffmpeg()
    path = tmp_path / f"a.{ending}"
    video.save(path, iter(flats), fps=25)
    assert np.abs(decoded(path, 48, 64).astype(int) - flats).max() <= 4


@pytest.mark.parametrize("ending", FFMPEG)
def test_films_have_the_asked_frame_rate_and_say_their_colours(drawn, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    ffmpeg()
    video.save(path, iter(drawn), fps=12.5)
    said = subprocess.run([ffmpeg(), "-i", str(path)], capture_output=True, text=True).stderr
    assert "12.50 fps" in said and "yuv420p(tv, bt709/bt709/" in said and "00:00:00.48" in said


@pytest.mark.parametrize(("ending", "tick"), [("gif", 10), ("webp", 1), ("png", 1)])
@pytest.mark.parametrize("fps", [7, 12, 24, 30])
def test_rounded_times_do_not_drift(tmp_path, ending, tick, fps):
    frames = [
        np.repeat(255 * (np.arange(144).reshape(12, 12, 1) == n), 3, 2).astype(np.uint8)
        for n in range(50)
    ]
    video.save(tmp_path / f"a.{ending}", frames, fps)
    _, lasting = shown(tmp_path / f"a.{ending}")
    assert abs(sum(lasting) - 50_000 / fps) <= tick
    assert max(lasting) - min(lasting) <= tick


REPEATED = {"all alike": "aaaaa", "some alike": "aabbbcabb", "none alike": "abcabc"}


def scene_of(letter, channels):
    """A picture, (40, 60, channels), a part of which tells the letter.

    With four channels much of it is transparent.
    """
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, channels), np.uint8)
    left = 16 * (ord(letter) - ord("a"))
    picture[8:30, left : left + 20] = np.linspace(30, 220, channels).astype(np.uint8)
    if channels == 4:
        picture[..., 3] = 0
        picture[8:30, left : left + 20, 3] = 255
    return picture


def as_shown(path):
    """Frames, uint8 (n, h, w, 4), black where nothing is seen, and their milliseconds."""
    with Image.open(path) as image:
        frames = [
            (np.array(frame.convert("RGBA")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    made = np.stack([frame for frame, _ in frames])
    return made * (made[..., 3:] > 0), [lasting for _, lasting in frames]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("letters", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_every_frame_is_in_the_file_for_its_time_if_it_is_like_the_one_before_or_not(
    tmp_path, ending, letters, channels
):
    """Identical neighbours are frames of their own, with their pictures and times."""
    video.save(tmp_path / f"a.{ending}", [scene_of(letter, channels) for letter in letters], fps=7)
    frames, lasting = as_shown(tmp_path / f"a.{ending}")
    expected = video.share_out(len(letters), 7, video.FORMATS[ending].ticks)
    assert [round(one) for one in lasting] == expected and set(expected) != {expected[0]}
    for letter in set(letters):
        first, *others = (
            frame for frame, shows in zip(frames, letters, strict=True) if shows == letter
        )
        if ending != "webp":  # a lossy frame differs a little each time that it is encoded
            assert all(np.array_equal(first, other) for other in others)
    for before, after, shows in zip(
        frames[:-1], frames[1:], itertools.pairwise(letters), strict=False
    ):
        assert np.array_equal(before, after) == (shows[0] == shows[1])
    if ending == "png":
        shown_as = [
            np.array(images.to_pillow(scene_of(letter, channels)).convert("RGBA"))
            for letter in letters
        ]
        assert np.array_equal(frames, [frame * (frame[..., 3:] > 0) for frame in shown_as])


@pytest.mark.parametrize("ending", FFMPEG)
def test_films_hold_identical_frames_too(tmp_path, ending):
    ffmpeg()
    video.save(tmp_path / f"a.{ending}", [scene_of("a", 3)] * 12 + [scene_of("b", 3)] * 7, fps=12)
    assert len(decoded(tmp_path / f"a.{ending}", 40, 60)) == 19


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_imageio_reads_every_frame(tmp_path, ending):
    """As programs read clips that users hand on to them, whatever wrote the file."""
    imageio = pytest.importorskip("imageio.v3")
    video.save(tmp_path / f"a.{ending}", [scene_of(letter, 3) for letter in "aabbbcabb"], fps=7)
    found = imageio.imread(tmp_path / f"a.{ending}", index=...)
    assert found.shape[:3] == (9, 40, 60)
    steps = np.abs(np.diff(found[..., :3].astype(int), axis=0)).mean((1, 2, 3))
    assert (steps[[0, 2, 3, 7]] < 1).all() and (steps[[1, 4, 5, 6]] > 5).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frames_that_all_differ_have_the_bytes_that_pillow_writes(tmp_path, channels):
    pictures = [images.to_pillow(scene_of(letter, channels)) for letter in "abcab"]
    lasting = video.share_out(5, 7, 1000)
    options = {"save_all": True, "append_images": pictures[1:], "duration": lasting, "loop": 0}
    pictures[0].save(tmp_path / "pillow.png", compress_level=6, **options)
    pictures[0].save(tmp_path / "pillow.webp", quality=90, method=4, **options)
    for ending in ("png", "webp"):
        video.save(
            tmp_path / f"a.{ending}", [scene_of(letter, channels) for letter in "abcab"], fps=7
        )
        assert (tmp_path / f"a.{ending}").read_bytes() == (
            tmp_path / f"pillow.{ending}"
        ).read_bytes()


def test_repeated_frames_take_next_to_no_room(tmp_path):
    for ending, most in (("gif", 30), ("webp", 80), ("png", 100)):
        sizes = []
        for count in (2, 102):
            video.save(tmp_path / f"a.{ending}", [scene_of("a", 3)] * count, fps=10)
            sizes.append((tmp_path / f"a.{ending}").stat().st_size)
        assert sizes[1] - sizes[0] <= 100 * most


def test_long_still_clips_outlast_the_longest_frame_of_a_gif(tmp_path):
    """655 seconds are the most that one frame's time can say."""
    video.save(tmp_path / "a.gif", [scene_of("a", 3)] * 80, fps=0.1)
    assert as_shown(tmp_path / "a.gif")[1] == [10_000] * 80


@pytest.mark.parametrize("ending", video.FORMATS)
def test_the_same_frames_give_the_same_bytes(drawn, tmp_path, ending):
    if ending in FFMPEG:
        ffmpeg()
    for name in ("a", "b"):
        video.save(tmp_path / f"{name}.{ending}", iter(drawn))
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


@pytest.mark.parametrize("ending", video.FORMATS)
def test_grey_and_transparent_frames(tmp_path, ending):
    """Transparency stays where the format has it and falls on the background elsewhere."""
    if ending in FFMPEG:
        ffmpeg()
    path = tmp_path / f"a.{ending}"
    clear = np.zeros((16, 20, 4), np.uint8)
    clear[:, 10:] = (10, 20, 30, 255)
    for frames, left in (
        ([np.full((16, 20, 1), n, np.uint8) for n in (60, 61)], 60),
        ([clear, clear // 2], 255),
    ):
        video.save(path, frames)
        if ending in FFMPEG:
            first = decoded(path, 16, 20)[0]
        else:
            with Image.open(path) as image:
                first = np.asarray(image.convert("RGBA"))
                if left == 255 and ending != "gif":
                    assert first[0, 0, 3] == 0 and first[0, -1, 3] == 255
                    continue
        assert np.abs(first[0, 0, :3].astype(int) - left).max() <= 6


@pytest.mark.parametrize("ending", FFMPEG)
def test_films_hold_one_frame_at_a_time(tmp_path, ending):
    """A frame is gone before the next one but one is made."""
    import weakref

    ffmpeg()
    alive = []

    def frames():
        for number in range(20):
            assert sum(one() is not None for one in alive) <= 2
            frame = np.full((16, 16, 3), number, np.uint8)
            alive.append(weakref.ref(frame))
            yield frame

    video.save(tmp_path / f"a.{ending}", frames())


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
        InstallError, match=r"need imageio-ffmpeg; run: pip install 'singan\[media\]'"
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
