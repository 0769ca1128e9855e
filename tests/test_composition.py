"""The composition level: new pictures are brought in line with the photo at 13 px."""

import dataclasses

import numpy as np
import pytest
from detail_scenes import canvases_of, guide_of, photo_of

from singan_core import manifest, pyramid
from singan_core.detail import search
from singan_core.detail.drawing import Drawing
from singan_core.detail.photo import Photo
from singan_core.detail.search import Weights, forbid_borders, mark_borders
from singan_core.windows import Span
from singan_runtime import Request, Sampler
from singan_runtime.keep import Keep
from singan_runtime.measures import quality


@pytest.fixture(scope="module")
def exported(detailed_run, tmp_path_factory):
    """A bundle of the run with detail; treat it as read-only."""
    pytest.importorskip("onnx")
    from singan_export import bundle

    out = tmp_path_factory.mktemp("composed") / "bundle"
    bundle.export(detailed_run, out)
    return out


@pytest.fixture(scope="module")
def composed(exported):
    return Sampler.load(exported, threads=1)


# the level


def test_the_level_has_13_px_on_the_shorter_side_and_the_hand_over_s_shape():
    assert pyramid.plan_composition((25, 37)) == ((13, 19),)
    assert pyramid.plan_composition((40, 30)) == ((17, 13),)
    assert pyramid.plan_composition((13, 40)) == ()


def test_the_hand_over_s_own_level_follows_it(composed):
    found = composed.manifest.pyramid
    assert found.levels[:2] == ((13, 18), (33, 45)) == (found.levels[0], found.shapes[-1])
    assert found.entry == 1


def test_a_bundle_without_it_enters_at_its_first_level(detail_sampler):
    found = detail_sampler.manifest.pyramid
    assert found.entry == 0 and found.levels[0] == found.shapes[found.hand_over]
    assert detail_sampler.plan().first == 0


# which pictures go through it


def test_new_compositions_go_through_it_and_all_others_enter_at_the_hand_over(composed):
    mask = np.zeros(composed.photo.pixels.shape[:2], bool)
    mask[20:30, 20:30] = True
    assert composed.plan().first == 0
    assert composed.plan(start_scale=1).first == 1
    assert composed.plan(keep=[Keep(mask)]).first == 1


def test_pictures_without_variation_are_the_reconstruction(composed):
    drawn = composed.sample(start_scale=1, zoom=1.0, variation=0.0)[0]
    assert np.array_equal(drawn, composed.reconstruct())


def test_large_patches_are_nearer_to_the_photo_s_than_without_it(composed):
    """The generators of this run are hardly trained, so that what they compose is broken."""
    photo, distances = composed.photo.pixels, []
    for first in (0, 1):
        plan = dataclasses.replace(composed.plan(zoom=1.0), first=first)
        pictures = [composed.draw_pixels(plan, seed) for seed in range(4)]
        distances.append(np.mean([quality.structure(photo, one) for one in pictures]))
    assert distances[0] < 0.9 * distances[1]


def test_a_picture_as_small_as_the_hand_over_still_has_its_level(composed):
    for size in ((33, 45), (20, 27)):
        fit = composed.fit(size)
        assert len(fit.levels) >= 2 and composed.sample(size, seed=1).shape == (1, *size, 3)


@pytest.mark.parametrize("size", [(44, 60), (44, 1300)])
def test_windows_are_slices_of_the_whole(composed, size):
    """The longer picture is searched in blocks: 384 px at the composition level."""
    whole = composed.sample(size, seed=3, zoom=1.0)[0]
    for left in (0, size[1] // 2 - 7):
        part = composed.draw(Request(size, 3, 1.0, window=(5, left, 20, 31)))
        assert np.array_equal(part, whole[5:25, left : left + 31])


def test_a_tileable_picture_goes_round(composed):
    drawn = composed.sample((60, 80), seed=2, tileable="xy")[0].astype(int)
    inside = np.abs(np.diff(drawn, axis=1)).mean()
    across = np.abs(drawn[:, 0] - drawn[:, -1]).mean()
    assert across < 2.5 * inside


# what it must not show


def test_a_patch_is_forbidden_to_pixels_farther_from_a_border_than_itself():
    canvas, photo = (9, 12), (8, 7)
    left = mark_borders(canvas, (False, False))
    right = forbid_borders(mark_borders(photo, (False, False)))
    found = (left @ right.T).reshape(*canvas, *photo) > 0

    def measure(place, size):
        (y, x), (height, width) = place, size
        return [min(side, 3) for side in (y, height - 1 - y, x, width - 1 - x)]

    for pixel in np.ndindex(canvas):
        for key in np.ndindex(photo):
            sides = zip(measure(pixel, canvas), measure(key, photo), strict=True)
            assert found[*pixel, *key] == any(there < here for here, there in sides)


def test_along_an_axis_that_wraps_only_patches_within_the_photo_are_allowed():
    left = mark_borders((9, 9), (False, True))
    right = forbid_borders(mark_borders((9, 9), (False, False)))
    found = (left @ right.T).reshape(9, 9, 9, 9) > 0
    assert found[4, 0, 4, 2] and found[4, 0, 4, 6] and not found[4, 0, 4, 3:6].any()


@pytest.mark.parametrize("seed", range(3))
def test_a_search_with_borders_never_shows_what_is_forbidden(seed):
    photo = photo_of(np.random.default_rng(seed).integers(0, 256, (40, 52, 3), np.uint8), 13)
    level = photo.level(0)
    canvas = (13, 21)
    query = np.random.default_rng(seed + 9).integers(0, 256, (*canvas, 3), np.uint8)
    weights = Weights(position=0.0, bordered=True)
    found, _ = search.search(level, query, weights, (False, False), None, True)
    for shown, side, own in ((found.rows, 13, level.size[0]), (found.columns.T, 21, level.size[1])):
        places = np.minimum(np.arange(side), np.arange(side)[::-1]).clip(0, 3)[:, None]
        assert (np.minimum(shown, own - 1 - shown) >= places).all()


def test_the_levels_above_it_are_searched_as_before(composed):
    """Only the composition level has borders: a drawing that enters above it is unchanged."""
    photo = photo_of(composed.photo.pixels, 33)
    levels = (*pyramid.plan_composition(photo.sizes[0]), *photo.sizes)
    longer = Photo(photo.pixels, levels)
    guide = guide_of(photo, photo.sizes[0], seed=4)
    plain = Drawing(photo, canvases_of(photo), guide)
    entering = Drawing(longer, canvases_of(longer), guide, first=1, compose=1)
    want = tuple(Span(0, side) for side in photo.sizes[-1])
    assert np.array_equal(plain.draw(want).pixels, entering.draw(want).pixels)


# when it is left out


def test_a_model_that_would_lose_its_variety_is_exported_without_it(
    detailed_run, tmp_path, monkeypatch
):
    pytest.importorskip("onnx")
    from singan_export import bundle, degrees
    from singan_export.preview import open_run

    monkeypatch.setattr(degrees, "LEAST_KEPT", 1e9)
    bundle.export(detailed_run, tmp_path / "bundle")
    found = manifest.read(tmp_path / "bundle", "bundle")
    assert found.pyramid.entry == 0 and found.detail.levels[0] == (33, 45)
    assert len(found.detail.shifts) == len(found.detail.levels)
    assert open_run(detailed_run).manifest.pyramid.entry == 0
    assert Sampler.load(tmp_path / "bundle", threads=1).sample(seed=1).shape == (1, 44, 60, 3)


def test_a_model_most_of_whose_pictures_would_be_the_photo_is_exported_without_it(
    detailed_run, tmp_path, monkeypatch
):
    pytest.importorskip("onnx")
    from singan_export import bundle, degrees

    monkeypatch.setattr(degrees, "SAME", 1e9)
    bundle.export(detailed_run, tmp_path / "bundle")
    assert manifest.read(tmp_path / "bundle", "bundle").pyramid.entry == 0


def test_the_photo_again_is_told_from_a_new_picture():
    pytest.importorskip("onnx")
    from singan_export.degrees import count_new

    photo = np.random.default_rng(0).integers(0, 256, (25, 37, 3), np.uint8)
    nearly = photo.copy()
    nearly[3, 4] ^= 255
    assert count_new(photo, [photo, nearly, photo[:, ::-1], photo[::-1]]) == 2


def test_one_that_keeps_it_has_the_level(detailed_run, composed):
    pytest.importorskip("onnx")
    from singan_export.preview import open_run

    assert composed.manifest.pyramid.entry == open_run(detailed_run).manifest.pyramid.entry == 1
