"""Pictures that repeat without a seam still do when they have been enlarged or edited."""

import numpy as np
import pytest
from detail_scenes import bundle_with, landscape, steps

from singan_core import images
from singan_core.errors import RequestError
from singan_runtime import Sampler
from singan_runtime.edits import editing
from singan_runtime.edits import seamless as seamless_edits
from singan_runtime.edits.editing import EDIT, HARMONIZE

SIZE = (100, 150)


def tile_of(height, width, channels=3):
    """A picture, uint8 (height, width, channels), whose opposite edges meet amid the landscape."""
    quarter = landscape(height // 2, width // 2)[..., :channels]
    half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    return np.roll(np.concatenate([half, half[::-1]]), (height // 5, width // 7), (0, 1))


def compare_seam(pixels, axis):
    """The step over the edge, as a share of the mean of the eight steps nearest to it."""
    inside = steps(pixels, axis)
    over = np.abs(pixels.take(0, axis).astype(float) - pixels.take(-1, axis)).mean()
    return over / np.mean([*inside[:4], *inside[-4:]])


@pytest.fixture(scope="module")
def seamless(detail_bundle, tmp_path_factory):
    """A model whose photo repeats along both axes."""
    folder = bundle_with(
        tmp_path_factory.mktemp("seamless") / "bundle", detail_bundle, tile_of(*SIZE)
    )
    return Sampler.load(folder, threads=1)


def test_the_tile_is_seamless_and_the_plain_landscape_is_not():
    for axis in (0, 1):
        assert compare_seam(tile_of(*SIZE), axis) < 1.5 < compare_seam(landscape(*SIZE), axis)


@pytest.mark.parametrize("factor", [2.0, 3.7])
@pytest.mark.parametrize("axis", [0, 1])
def test_an_enlarged_photo_is_at_its_edges_what_it_would_be_in_its_middle(
    detail_bundle, seamless, tmp_path, factor, axis
):
    """As nearly as elsewhere, along the axes that are named and no others.

    For comparison the photo is shifted until its edge is the middle. Blurs then fall on other
    pixels everywhere.
    """
    half = SIZE[axis] // 2
    shifted = bundle_with(tmp_path / "bundle", detail_bundle, np.roll(tile_of(*SIZE), half, axis))
    expected = np.roll(
        editing.upscale(Sampler.load(shifted, threads=1), factor), -round(factor * half), axis
    )
    ratio = {}
    for tileable in ("", "x", "y", "xy"):
        found = editing.upscale(seamless, factor, tileable=tileable)
        apart = np.abs(found - expected.astype(int)).mean(axis=(1 - axis, 2))
        middle = len(apart) // 2
        elsewhere = apart[np.r_[30 : middle - 30, middle + 30 : len(apart) - 30]]
        ratio[tileable] = apart[[-2, -1, 0, 1]].mean() / elsewhere.mean()
    named, other = ("y", "x") if axis == 0 else ("x", "y")
    best = max(ratio[named], ratio["xy"])
    assert best < 1.4 and min(ratio[""], ratio[other]) > 1.2 * best


@pytest.mark.parametrize("threads", [1, 2])
def test_an_enlarged_tile_has_the_same_bytes_by_any_number_of_threads(
    detail_bundle, seamless, tmp_path, threads
):
    folder = bundle_with(tmp_path / "bundle", detail_bundle, tile_of(*SIZE))
    again = editing.upscale(Sampler.load(folder, threads=threads), 2.5, tileable="xy")
    assert np.array_equal(again, editing.upscale(seamless, 2.5, tileable="xy"))


@pytest.mark.parametrize("shift", [(7, 0), (0, 13), (31, 90)])
def test_an_enlarged_tile_that_was_shifted_is_the_enlarged_tile_shifted(seamless, shift):
    """Where a tile is cut says nothing of what it shows."""
    tile = tile_of(60, 90)
    large = editing.upscale(seamless, 2.0, images.to_floats(tile), tileable="xy")
    again = editing.upscale(
        seamless, 2.0, images.to_floats(np.roll(tile, shift, (0, 1))), tileable="xy"
    )
    assert np.array_equal(again, np.roll(large, (2 * shift[0], 2 * shift[1]), (0, 1)))


@pytest.mark.parametrize("axis", [0, 1])
def test_generators_enlarge_a_tile_to_a_tile(sampler, axis):
    tile = images.to_floats(tile_of(32, 48))
    plain, made = (
        editing.upscale(sampler, 2.0, tile, tileable=tileable) for tileable in ("", "xy")
    )
    assert compare_seam(made, axis) < 1.5 and compare_seam(plain, axis) > 1.4 * compare_seam(
        made, axis
    )


@pytest.mark.parametrize("how", [HARMONIZE, EDIT])
@pytest.mark.parametrize("kind", ["with detail", "generators alone"])
def test_an_edit_at_the_edge_goes_on_beyond_it(seamless, sampler, kind, how):
    """The change fades out over the opposite edge, and beyond its reach nothing changes."""
    one, size = (seamless, SIZE) if kind == "with detail" else (sampler, (64, 96))
    pasted, mask = tile_of(*size), np.zeros(size, bool)
    pasted[20:40, :12] = (200, 40, 40)
    mask[20:40, :12] = True
    plain, made = (
        seamless_edits.redraw(one, images.to_floats(pasted), mask, how, tileable, reach=6)
        for tileable in ("", "x")
    )
    reached = np.zeros(size, bool)
    reached[14:46, :18] = reached[14:46, -6:] = True
    assert np.array_equal(made[~reached], pasted[~reached])
    assert np.array_equal(plain[:, -6:], pasted[:, -6:]) and not np.array_equal(
        made[:, -6:], pasted[:, -6:]
    )
    rows = slice(20, 40)
    assert compare_seam(made[rows], 1) < 0.6 * compare_seam(plain[rows], 1)


def test_a_tile_is_edited_alike_wherever_it_is_cut(seamless):
    """A mask over the edge is one mask, and one away from the edges needs no option."""
    tile, mask = tile_of(*SIZE), np.zeros(SIZE, bool)
    mask[40:60, 66:84] = True
    image = images.to_floats(tile)
    inside = seamless_edits.redraw(seamless, image, mask, EDIT, "xy", reach=5)
    assert np.array_equal(inside, editing.redraw(seamless, image, mask, EDIT, reach=5))
    cut = [np.roll(array, 75, axis) for array, axis in ((image, 3), (mask, 1))]
    assert np.array_equal(
        np.roll(seamless_edits.redraw(seamless, *cut, EDIT, "x", reach=5), -75, 1), inside
    )


@pytest.mark.parametrize(("first", "last"), [(0, 3), (38, 43), (5, 7), (41, 2), (4, 39)])
@pytest.mark.parametrize("reach", [0, 4])
def test_a_shift_takes_a_mask_with_its_reach_away_from_the_ends(first, last, reach):
    mask = np.zeros((5, 44), bool)
    mask[:, np.arange(first, last + 1 if first <= last else last + 45) % 44] = True
    if first == 4:
        mask[:, 5:39] = False
    hit = np.flatnonzero(np.roll(mask, seamless_edits.find_shift(mask, reach, 1), 1).any(axis=0))
    assert hit[0] >= reach and hit[-1] < 44 - reach
    assert (
        mask[:, reach : 44 - reach].all(0).sum() == mask.all(0).sum()
        or seamless_edits.find_shift(mask, reach, 1) != 0
    )


def test_what_cannot_be_kept_seamless_is_refused(seamless):
    image, mask = images.to_floats(tile_of(*SIZE)), np.zeros(SIZE, bool)
    mask[40:60] = True
    with pytest.raises(
        RequestError,
        match=r"6 px around it go all the way along x.*more than 12 px of it black there",
    ):
        seamless_edits.redraw(seamless, image, mask, EDIT, "xy", reach=6)
    seamless_edits.redraw(seamless, image, mask, EDIT, "y", reach=6)
    for call in (
        seamless_edits.redraw,
        lambda *words: editing.upscale(seamless, 2.0, image, tileable=words[-1]),
    ):
        with pytest.raises(
            RequestError, match="tileable 'both' is not possible: choose x, y or xy"
        ):
            call(seamless, image, mask, EDIT, "both")
