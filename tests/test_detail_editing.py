"""The applications on a bundle with detail: sizes are exact, and nothing else is changed."""

import numpy as np
import pytest
from detail_scenes import landscape, noise

from singan_core import images, resample
from singan_core.errors import RequestError
from singan_runtime.clips import animation
from singan_runtime.edits import editing, retarget
from singan_runtime.edits.editing import EDIT, HARMONIZE


def rectangle(size, rows, columns):
    mask = np.zeros(size, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


@pytest.fixture(scope="module")
def photo(detail_sampler):
    return images.to_floats(detail_sampler.photo.pixels)


def pasted(size):
    """The landscape with a block of noise pasted on its meadow, and where that is."""
    pixels = landscape(*size)
    mask = rectangle(
        size, (size[0] * 7 // 10, size[0] * 8 // 10), (size[1] // 2, size[1] * 6 // 10)
    )
    pixels[mask] = noise(*size)[mask]
    return pixels, mask


# edit and harmonize


@pytest.mark.parametrize(
    ("how", "size", "start_scale"),
    [
        (HARMONIZE, (100, 150), None),
        (EDIT, (75, 101), None),
        (EDIT, (75, 101), 1),
        (EDIT, (120, 240), 3),
    ],
)
def test_nothing_changes_beyond_the_reach_of_the_mask(detail_sampler, how, size, start_scale):
    """Bit for bit; within the mask the noise gives way to the photo."""
    pixels, mask = pasted(size)
    result = editing.redraw(
        detail_sampler, images.to_floats(pixels), mask, how, start_scale, reach=4
    )
    rows, columns = np.nonzero(mask)
    near = rectangle(size, (rows.min() - 4, rows.max() + 5), (columns.min() - 4, columns.max() + 5))
    assert result.shape == pixels.shape and np.array_equal(result[~near], pixels[~near])
    assert (result[mask] != pixels[mask]).any(axis=1).mean() > 0.9


def test_the_usual_reach_grows_with_the_picture(detail_sampler):
    """In proportion to the photo: what is said for 250 px is less for this one of 150."""
    assert editing.choose_reach(detail_sampler, (100, 150), EDIT) == 12 == EDIT.reach * 150 / 250
    assert editing.choose_reach(detail_sampler, (200, 300), EDIT) == 24
    pixels, mask = pasted((100, 150))
    result = editing.redraw(detail_sampler, images.to_floats(pixels), mask, HARMONIZE)
    changed = (result != pixels).any(axis=2)
    near = rectangle((100, 150), (70 - 4, 80 + 4), (75 - 4, 90 + 4))
    assert changed[mask].mean() > 0.9 and changed[near & ~mask].any() and not changed[~near].any()


def test_an_edit_depends_on_its_seed_where_fresh_noise_is_drawn(detail_sampler):
    pixels, mask = pasted((100, 150))
    image = images.to_floats(pixels)
    first, again, other = (
        editing.redraw(detail_sampler, image, mask, EDIT, 1, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert np.array_equal(first[:30], other[:30])


# paint


@pytest.mark.parametrize(
    ("size", "start_scale"), [((41, 62), 1), ((63, 94), 2), ((50, 160), 3), ((20, 200), 3)]
)
def test_paint_draws_any_size_from_any_painting(detail_sampler, size, start_scale):
    painting = images.to_floats(landscape(30, 47) // 64 * 64 + 32)
    drawn = editing.paint(detail_sampler, painting, size, start_scale=start_scale, seed=2)
    assert drawn.shape == (*size, 3)


def test_paint_gives_the_photo_s_texture_to_the_painting_s_layout(detail_sampler):
    """Blue above and green below, turned into a sky and a meadow."""
    painting = np.full((100, 150, 3), (200, 220, 240), np.uint8)
    painting[60:] = (70, 120, 40)
    drawn = editing.paint(detail_sampler, images.to_floats(painting), start_scale=3).astype(int)
    assert drawn[:25].mean() > drawn[75:].mean() + 60
    assert (drawn[75:, :, 1] > drawn[75:, :, 2] + 20).mean() > 0.8
    assert drawn[75:].std(axis=(0, 1)).min() > 3
    assert editing.paint(detail_sampler, images.to_floats(painting), colours=4).shape == (
        100,
        150,
        3,
    )


def test_a_painting_for_a_part_of_a_wider_picture_covers_that_part(detail_sampler):
    """What lies beyond the picture goes on as its edges do, and nothing of the painting is lost."""
    painting = np.full((40, 200, 3), (230, 240, 250), np.uint8)
    painting[12:] = (70, 120, 40)
    assert detail_sampler.fit((40, 200), 1.0).whole != (40, 200)
    drawn = editing.paint(detail_sampler, images.to_floats(painting), (40, 200), 1.0, 3).astype(int)
    assert drawn[8:11].mean() > drawn[16:].mean() + 60


@pytest.mark.parametrize("start_scale", [0, 4])
def test_a_painting_enters_at_scales_1_to_3_alone(detail_sampler, photo, start_scale):
    with pytest.raises(RequestError, match="an image can be injected at scales 1 to 3 here"):
        editing.paint(detail_sampler, photo, start_scale=start_scale)


def test_past_the_generators_the_photo_s_patches_look_for_the_image_itself(detail_sampler, photo):
    """The photo at that start scale comes back nearly as it is, and no generator is asked."""
    drawn = editing.paint(detail_sampler, photo, start_scale=3)
    assert np.abs(drawn.astype(int) - detail_sampler.photo.pixels).mean() < 1


# retarget


@pytest.mark.parametrize("size", [(50, 130), (100, 90), (15, 200)])
def test_retargeting_draws_the_photo_on_any_canvas(detail_sampler, size):
    result = retarget.retarget(detail_sampler, size)
    assert result.pixels.shape == (*size, 3) and result.similarity is None


def test_retargeting_keeps_the_photo_s_layout(detail_sampler, photo):
    wide = retarget.retarget(detail_sampler, (41, 100)).pixels.astype(int)
    stretched = images.to_pixels(resample.resize(photo, (41, 100)))[0]
    others = detail_sampler.sample((41, 100), count=3).astype(int)
    assert np.abs(wide - stretched).mean() < 0.7 * min(
        np.abs(other - stretched).mean() for other in others
    )


def test_a_kept_object_survives(detail_sampler):
    """The fir, whose shape stretching would not keep."""
    mask = rectangle((100, 150), (38, 70), (104, 119))
    result = retarget.retarget(detail_sampler, (100, 260), keep=mask)
    assert result.pixels.shape == (100, 260, 3)
    assert result.similarity > 0.5


# upscale and animate


@pytest.mark.parametrize("factor", [1.1, 2.0, 3.7])
def test_upscale_enlarges_by_any_factor(detail_sampler, photo, factor):
    large = editing.upscale(detail_sampler, factor)
    assert large.shape == (round(100 * factor), round(150 * factor), 3)
    back = images.to_pixels(resample.resize(images.to_floats(large), (100, 150)))[0]
    assert np.abs(back.astype(int) - detail_sampler.photo.pixels).mean() < 2
    assert editing.upscale(detail_sampler, factor, photo[..., :40, :50]).shape == (
        round(40 * factor), round(50 * factor), 3,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "start_scale"), [("harmonic", 0), ("harmonic", 2), ("paper", 1)])
def test_frames_have_their_size_and_move(detail_sampler, kind, start_scale):
    """Every frame is a picture of its own, the same whenever it is drawn."""
    walk = animation.Walk(frames=3, kind=kind, start_scale=start_scale)
    frames = list(animation.animate(detail_sampler, walk, (41, 62)))
    assert len(frames) == 3 and all(frame.shape == (41, 62, 3) for frame in frames)
    assert not np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[1], frames[2])
    again = animation.animate(detail_sampler, walk, (41, 62))
    assert np.array_equal(next(again), frames[0])


def test_a_clip_without_a_size_is_the_photo_or_640_px(detail_sampler):
    assert animation.choose_default_size(detail_sampler) == (100, 150)
