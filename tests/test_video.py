"""Files of moving pictures: every frame, its time, its colours."""

import subprocess

import numpy as np
import pytest
from clip_files import FFMPEG, decoded, ffmpeg, shown
from PIL import Image, ImageSequence

from singan_runtime.clips.animation import Walk, animate
from singan_runtime.files import video


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
