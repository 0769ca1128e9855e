"""Pictures with detail, without torch: any size, any part, the same bytes everywhere."""

import shutil
import time

import numpy as np
import pytest
from detail_scenes import rewrite, steps
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from singan_core import RECEPTIVE_FIELD, manifest
from singan_core.errors import RequestError
from singan_runtime import Sampler
from singan_runtime import parallel as sampler_module

SIDE = st.integers(12, 120)


def reduced(pixels, size):
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BOX)).astype(int)


# the same bytes


def test_threads_change_no_byte(detail_bundle, detail_sampler):
    """A picture of two parts, or of three."""
    picture = detail_sampler.sample((105, 290), 5)
    for threads in (2, 3):
        assert np.array_equal(
            Sampler.load(detail_bundle, threads=threads).sample((105, 290), 5), picture
        )


@pytest.mark.parametrize("tile", [37, 90])
def test_the_size_of_the_parts_changes_no_byte(detail_bundle, detail_sampler, monkeypatch, tile):
    whole = detail_sampler.sample((110, 170), 2, zoom=1.0)
    monkeypatch.setattr(sampler_module, "TILE", tile)
    assert np.array_equal(
        Sampler.load(detail_bundle, threads=2).sample((110, 170), 2, zoom=1.0), whole
    )


def test_a_picture_is_the_same_alone_and_in_a_batch(detail_bundle, detail_sampler):
    batch = Sampler.load(detail_bundle, threads=3).sample((41, 70), 10, 4)
    for number, picture in enumerate(batch):
        assert np.array_equal(picture, detail_sampler.sample((41, 70), 10 + number)[0])
    assert len({picture.tobytes() for picture in batch}) == 4


def test_the_last_digits_of_the_generators_change_no_byte(detail_bundle, monkeypatch):
    """As between processors; a change that can be seen is not rounded away."""
    one, other = (Sampler.load(detail_bundle, threads=1) for _ in range(2))
    assert one.graphs.dtype is np.float64
    generate, rng = other.graphs.generate, np.random.default_rng(0)
    most = 1e-12
    monkeypatch.setattr(
        other.graphs,
        "generate",
        lambda *inputs: (made := generate(*inputs)) + rng.uniform(-most, most, made.shape),
    )
    for seed in range(20):
        assert np.array_equal(other.sample((31, 47), seed), one.sample((31, 47), seed))
    most = 1e-2
    assert not np.array_equal(other.sample((31, 47), 20), one.sample((31, 47), 20))


@given(st.data())
@settings(max_examples=30)
def test_a_window_equals_the_slice_of_the_whole_picture(detail_sampler, data):
    """At any zoom and start scale, tileable or not, also as part of a wider picture."""
    height, width = data.draw(SIDE), data.draw(SIDE)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    h, w = data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x))
    start = data.draw(st.integers(0, 2))
    request_ = {
        "zoom": data.draw(st.just("auto") | st.floats(0.4, 2.5)),
        "start_scale": start,
        "seed": 1,
    }
    request_["tileable"] = "" if start else data.draw(st.sampled_from(["", "x", "y", "xy"]))
    try:
        whole = detail_sampler.sample((height, width), **request_)[0]
    except RequestError:
        assume(False)
    assert whole.shape == (height, width, 3)
    assert np.array_equal(
        detail_sampler.render((height, width), (y, x, h, w), **request_),
        whole[y : y + h, x : x + w],
    )


def test_a_window_of_a_very_wide_picture_costs_a_window(detail_bundle):
    """A million pixels wide: a few times the work of a usual picture, the same in any window."""
    sampler = Sampler.load(detail_bundle, threads=1)
    sampler.sample()
    moments = [time.process_time()]
    sampler.sample(seed=1)
    moments.append(time.process_time())
    window = sampler.render((1080, 2**20), (400, 700_000, 100, 150), seed=1)
    moments.append(time.process_time())
    assert moments[2] - moments[1] < 8 * (
        moments[1] - moments[0]
    )  # 3 s, where an ordinary one takes 0.4
    again = Sampler.load(detail_bundle, threads=2)
    assert np.array_equal(
        again.render((1080, 2**20), (380, 699_900, 160, 300), seed=1)[20:120, 100:250], window
    )


# sizes


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_and_shape_show_the_same_scene_at_every_size(detail_sampler, seed):
    small, middle, large = (
        reduced(detail_sampler.sample(size, seed)[0], (36, 64))
        for size in ((180, 320), (360, 640), (540, 960))
    )
    for other in (middle, large):
        apart = np.abs(other - small)
        assert apart.mean() <= 2 and apart.max() <= 16
    assert (
        np.abs(reduced(detail_sampler.sample((180, 320), seed + 5)[0], (36, 64)) - small).mean() > 4
    )


@pytest.mark.parametrize(
    "size", [(100, 150), (200, 300), (50, 75), (100, 200), (100, 110), (300, 900), (31, 60)]
)
def test_auto_keeps_the_photo_s_height(detail_sampler, size):
    fit = detail_sampler.fit(size)
    levels = detail_sampler.manifest.detail.levels
    height, width = fit.levels[-1]
    assert height == levels[len(fit.levels) - 1][0]
    assert abs(width / height - size[1] / size[0]) < 0.05 and fit.size == fit.whole == size


def test_zoom_one_at_the_photo_s_own_size_uses_the_stored_levels(detail_sampler):
    fit = detail_sampler.fit(None, 1.0)
    assert fit == detail_sampler.fit((100, 150)) == detail_sampler.fit()
    assert fit.levels == detail_sampler.manifest.detail.levels and fit.searched == 4
    assert [step.canvas for step in fit.passes] == list(detail_sampler.manifest.shapes)


def test_zoom_says_how_large_the_photo_s_content_is(detail_sampler):
    assert detail_sampler.fit((100, 300), 1.0).levels[-1] == (100, 300)
    assert detail_sampler.fit((200, 300), 2.0).levels[-1] == (100, 150)
    half = detail_sampler.fit((50, 75), 0.5)
    assert half.levels[-1] == (54, 82) and len(half.levels) == 4


def test_a_thumbnail_draws_no_level_larger_than_it_needs(detail_sampler):
    sides = (16, 24, 31, 41, 54, 55, 100)
    levels = [len(detail_sampler.fit((side, side * 3 // 2)).levels) for side in sides]
    assert levels == [1, 1, 2, 3, 4, 5, 5]


@pytest.mark.parametrize("size", [(20, 400), (400, 20), (1, 20), (1, 1), (7, 150)])
def test_any_shape_is_drawn(detail_sampler, size):
    pixels = detail_sampler.sample(size, 3)[0]
    assert pixels.shape == (*size, 3)
    assert min(detail_sampler.fit(size).passes[0].canvas) >= RECEPTIVE_FIELD


@pytest.mark.parametrize(
    ("size", "zoom"), [((20, 200), 1.0), ((200, 20), 1.0), ((30, 30), 2.5), ((9, 120), 0.6)]
)
def test_a_canvas_that_would_be_too_narrow_is_a_window_of_a_wider_one(detail_sampler, size, zoom):
    fit = detail_sampler.fit(size, zoom)
    assert fit.whole != size and min(fit.passes[0].canvas) == RECEPTIVE_FIELD
    (top, bottom), (left, right) = fit.window
    whole = detail_sampler.sample(fit.whole, 4, zoom=zoom)[0]
    assert np.array_equal(
        detail_sampler.sample(size, 4, zoom=zoom)[0], whole[top:bottom, left:right]
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"size": (100, 30), "zoom": 1.0, "tileable": "x"},
            "too short to repeat along x: that side needs at least 66",
        ),
        (
            {"size": (30, 150), "zoom": 1.0, "tileable": "xy"},
            "too short to repeat along y: that side needs at least",
        ),
        ({"start_scale": 3}, "use scales 0 to 2"),
        ({"start_scale": 1, "tileable": "x"}, "needs start scale 0"),
        ({"zoom": 0.0}, "must be 0.001 to 1000"),
        ({"size": (0, 9)}, "each side must be 1 to"),
        ({"size": (9_000, 9_000)}, "over the limit"),
    ],
)
def test_impossible_requests_are_refused_on_one_line(detail_sampler, request_, message):
    with pytest.raises(RequestError, match=message) as refused:
        detail_sampler.sample(**request_)
    assert "\n" not in str(refused.value)
    least = {"size": (100, 66), "zoom": 1.0, "tileable": "x"}
    assert detail_sampler.sample(**least).shape == (1, 100, 66, 3)


@pytest.mark.parametrize("tileable", ["x", "y", "xy"])
def test_tileable_pictures_meet_themselves(detail_sampler, tileable):
    pictures = [
        detail_sampler.sample((90, 130), seed, zoom=1.0, tileable=tileable)[0] for seed in range(3)
    ]
    for axis, name in ((1, "x"), (0, "y")):
        over = np.mean(
            [np.abs(p.take(0, axis).astype(float) - p.take(-1, axis)).mean() for p in pictures]
        )
        inside = np.median([steps(pixels, axis) for pixels in pictures])
        assert over <= 1.5 * inside if name in tileable else over > 1.5 * inside


# the photo


def test_the_reconstruction_is_like_the_photo(detail_sampler):
    """The tiny model hands over a picture that is a little off; the photo's patches replace it."""
    photo = detail_sampler.photo.pixels
    apart = np.abs(detail_sampler.reconstruct().astype(int) - photo)
    others = [
        np.abs(detail_sampler.sample(seed=seed)[0].astype(int) - photo).mean() for seed in range(3)
    ]
    assert apart.mean() <= 6 and apart.mean() < 0.4 * min(others)


def test_later_start_scales_stay_closer_to_the_photo(detail_sampler):
    photo = detail_sampler.photo.pixels.astype(int)
    distances = [
        np.abs(detail_sampler.sample(count=3, start_scale=start) - photo).mean()
        for start in range(3)
    ]
    assert distances == sorted(distances, reverse=True) and distances[0] > 1.5 * distances[2]


def test_pictures_are_made_of_the_photo(detail_sampler):
    """The map says where: on average the photo is within a few levels of what it shows."""
    photo = detail_sampler.photo.pixels.astype(int)
    for seed in range(3):
        pixels, found = detail_sampler.draw_with_map(detail_sampler.plan((100, 150)), seed)
        assert found.min() >= 0 and (found.max(axis=(0, 1)) < (100, 150)).all()
        apart = np.abs(photo[found[..., 0], found[..., 1]] - pixels).mean()
        assert apart < 5


def test_without_detail_the_generators_alone_draw(detail_bundle, detail_sampler, tmp_path):
    """As the same bundle in format 1 does, with its rule of sizes and all its generators."""
    folder = shutil.copytree(detail_bundle, tmp_path / "bundle")
    shutil.rmtree(folder / "fp64")
    rewrite(folder, manifest.read(detail_bundle, "bundle").generators)
    alone, plain = Sampler.load(folder, threads=1), detail_sampler.without_detail()
    assert alone.manifest.format_version == 1 and alone.graphs.dtype is np.float32
    for size in (None, (60, 44), (24, 90)):
        assert np.array_equal(plain.sample(size, 3), alone.sample(size, 3))
    assert np.array_equal(plain.reconstruct(), alone.reconstruct()) and plain.trained_size == (
        24,
        36,
    )
    assert plain.without_detail() is plain
