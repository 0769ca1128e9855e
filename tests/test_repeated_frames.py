"""Every frame is in the file for its time, also if it is like the one before."""

import itertools

import numpy as np
import pytest
from clip_files import FFMPEG, as_shown, decoded, ffmpeg

from singan_core import images
from singan_runtime.files import video

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
