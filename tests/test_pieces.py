import numpy as np
import pytest

from singan_core.windows import Span, cover_canvas
from singan_runtime.measures import pieces

RNG = np.random.default_rng(0)


def identity(height, width):
    """The map of a picture that is the photo itself."""
    return np.stack(np.mgrid[0:height, 0:width], axis=-1).astype(np.int32)


def spread(labels):
    """A map whose offset at each pixel is told by its label."""
    return identity(*labels.shape) + np.stack([labels % 3, labels // 3], axis=-1).astype(np.int32)


def mosaic(height, width, side, photo_size):
    """Square blocks, each from a random place of the photo."""
    positions = identity(height, width)
    for y in range(0, height, side):
        for x in range(0, width, side):
            there = RNG.integers(0, np.array(photo_size) - side)
            block = positions[y : y + side, x : x + side]
            block += (there - (y, x)).astype(np.int32)
    return positions


def flood(labels):
    """The areas of the connected regions, one pixel after another."""
    left = {(int(y), int(x)) for y, x in np.ndindex(labels.shape)}
    areas = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        todo, area = [start], 0
        while todo:
            y, x = todo.pop()
            area += 1
            for beside in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if beside in left and labels[beside] == labels[y, x]:
                    left.remove(beside)
                    todo.append(beside)
        areas.append(area)
    return areas


def test_the_photo_itself_repeats_nothing():
    assert pieces.repetition(identity(80, 120), (80, 120)) == 1


def test_every_part_shown_equally_often_repeats_nothing_in_a_larger_picture():
    doubled = np.tile(identity(40, 60), (2, 2, 1))
    assert pieces.repetition(doubled, (40, 60)) == 1


def test_the_left_half_shown_twice_counts_double():
    """The three columns beside the unused half see 6, 5 and 4 sevenths.

    So 6/7 of a column of 200 is missing.
    """
    twice = np.tile(identity(160, 200), (1, 2, 1))
    assert pieces.repetition(twice, (160, 400)) == pytest.approx(2 * (1 - 6 / 7 / 200))


def test_a_picture_from_one_quarter_of_the_photo_counts_fourfold():
    quarter = np.tile(identity(160, 200), (2, 2, 1))
    assert pieces.repetition(quarter, (320, 400)) == pytest.approx(
        4 * (1 - 6 / 7 / 200) * (1 - 6 / 7 / 160)
    )


def test_a_copy_shifted_by_a_pixel_repeats_as_much_as_an_exact_one():
    """Repetition is of patches: a neighbouring position shows nearly the same."""
    near = np.concatenate([identity(100, 50), identity(100, 50) + np.int32([0, 1])], axis=1)
    same = np.tile(identity(100, 50), (1, 2, 1))
    assert pieces.repetition(near, (100, 100)) == pytest.approx(
        pieces.repetition(same, (100, 100)), rel=0.01
    )


def test_one_copy_is_one_piece_wherever_it_comes_from():
    shifted = identity(30, 40) + np.int32([5, 9])
    assert pieces.measure_areas(shifted).tolist() == [1200]
    assert pieces.piece_size(shifted) == 100 and pieces.copied_share(shifted) == 1


@pytest.mark.parametrize("labels", [2, 3, 9])
@pytest.mark.parametrize("size", [(1, 40), (40, 1), (23, 37), (60, 60)])
def test_pieces_are_the_regions_that_a_flood_fills(size, labels):
    drawn = RNG.integers(0, labels, size)
    assert pieces.measure_areas(spread(drawn)).tolist() == flood(drawn)


def test_winding_pieces_are_whole():
    """A comb joined at its last row, and two spirals around each other."""
    comb = np.zeros((40, 41), np.int64)
    comb[:-1, 1::2] = 1
    y, x = np.mgrid[-60:61, -60:61]
    spirals = ((np.hypot(y, x) / 6 + np.arctan2(y, x) / np.pi) % 2 < 1).astype(np.int64)
    for labels in (comb, comb.T, comb[::-1], spirals):
        assert pieces.measure_areas(spread(labels)).tolist() == flood(labels)


def test_pieces_that_touch_at_corners_only_are_apart():
    assert pieces.measure_areas(spread(np.array([[0, 1], [1, 0]]))).tolist() == [1, 1, 1, 1]


def test_offsets_of_opposite_signs_are_not_mixed_up():
    positions = np.int32(
        [[[1, 0], [0, 2], [0, 1], [1, 2]]]
    )  # offsets (1, 0), (0, 1), (0, -1), (1, -1)
    assert pieces.measure_areas(positions).tolist() == [1, 1, 1, 1]


def test_what_stands_where_the_photo_has_it_has_not_moved():
    whole = cover_canvas((40, 60))
    positions = np.stack(np.mgrid[0:40, 0:60], axis=2).astype(np.int32)
    assert pieces.displacement(positions, (40, 60), whole, (40, 60)) == 0
    part = Span(10, 20), Span(30, 60)
    assert pieces.displacement(positions[10:20, 30:60], (40, 60), part, (40, 60)) == 0


def test_a_part_counts_by_how_far_it_has_moved_up_to_a_tenth_of_the_height():
    whole = cover_canvas((40, 60))
    positions = np.stack(np.mgrid[0:40, 0:60], axis=2).astype(np.int32)
    for by, expected in ((1, 0.25), (4, 1.0), (9, 1.0)):
        moved = positions + np.array([0, by])
        assert pieces.displacement(moved, (40, 60), whole, (40, 60)) == pytest.approx(expected)


def test_on_a_canvas_of_another_shape_the_same_shares_of_the_sides_are_the_same_place():
    rows, columns = np.mgrid[0:40, 0:120]
    positions = np.stack([rows, columns // 2], axis=2).astype(np.int32)
    moved = pieces.displacement(positions, (40, 60), cover_canvas((40, 120)), (40, 120))
    assert moved == pytest.approx(0.25 / 4)  # a quarter of a pixel, of four


def test_piece_size_is_the_piece_of_the_median_pixel():
    """Of columns 10, 30, 60 wide the third has the median pixel; of 30, 30, 40 one of 30."""
    for widths, size in (((10, 30, 60), 60), ((30, 30, 40), 30), ((50, 50), 50)):
        labels = np.tile(np.repeat(np.arange(len(widths)), widths), (8, 1))
        assert pieces.piece_size(spread(labels)) == size
        assert pieces.copied_share(spread(labels)) == max(widths) / 100


def test_a_picture_without_joins_costs_nothing():
    photo = RNG.integers(0, 256, (40, 50, 3), np.uint8)
    assert pieces.join_cost(photo, photo, identity(40, 50)) == 0


def test_joins_where_the_photo_repeats_itself_cost_nothing():
    photo = np.tile(RNG.integers(0, 256, (16, 16, 3), np.uint8), (5, 6, 1))
    positions = identity(48, 64) + np.int32([8, 8])
    positions[:, 32:] += np.int32([16, 16])
    assert pieces.join_cost(photo, photo[8:56, 8:72], positions) == 0


def test_a_mosaic_costs_much_more_than_copies_that_join_well():
    """The photo repeats itself every 16 px, except for some grain.

    The good picture jumps by so much, the mosaic by any distance.
    """
    tile = np.tile(RNG.integers(40, 216, (16, 16, 3)), (8, 8, 1))
    photo = (tile + RNG.integers(-3, 4, tile.shape)).astype(np.uint8)
    good = identity(96, 96)
    good[:, 48:] += np.int32([16, 16])
    bad = mosaic(96, 96, 24, photo.shape[:2])

    costs = [pieces.join_cost(photo, photo[at[..., 0], at[..., 1]], at) for at in (good, bad)]
    assert 0 < costs[0] < 5 and costs[1] > 10 * costs[0]


def flat_halves():
    """A photo of two flat halves, 100 and 140, a map that joins 20 columns of each, the picture."""
    photo = np.full((40, 80, 1), 100, np.uint8)
    photo[:, 40:] = 140
    positions = identity(30, 40) + np.int32([5, 5])
    positions[:, 20:] += np.int32([0, 30])
    return photo, positions, photo[positions[..., 0], positions[..., 1]]


def test_the_cost_of_exact_copies_is_in_units_of_half_a_grey_level():
    """At both sides of the join 3 of 7 columns of the patch are 40 grey levels off."""
    photo, positions, picture = flat_halves()
    assert pieces.join_cost(photo, picture, positions) == pytest.approx(40 * np.sqrt(3 / 7) / 0.5)


def test_the_cost_of_other_pictures_is_in_units_of_their_distance_within():
    """All is 10 grey levels off, and at the joins 3 of 7 columns by 50 (left) or 30 (right)."""
    photo, positions, picture = flat_halves()
    left, right = (np.sqrt((4 * 10**2 + 3 * off**2) / 7) for off in (50, 30))
    assert pieces.join_cost(photo, picture + np.uint8(10), positions) == pytest.approx(
        (left + right) / 2 / 10
    )


def test_pieces_too_narrow_to_have_an_inside_are_judged_by_the_floor():
    photo = np.full((20, 40, 1), 100, np.uint8)
    positions = identity(20, 24)
    positions[:, :, 1] += np.int32(
        np.arange(24) // 6 % 2
    )  # stripes of 6 px: none is farther than 3 px from a join
    assert pieces.join_cost(photo, np.full((20, 24, 1), 110, np.uint8), positions) == pytest.approx(
        10 / 0.5
    )


def test_patches_that_reach_beyond_the_sample_are_not_judged():
    """Exact copies agree with the photo everywhere; a picture below 7 px cannot be judged."""
    photo = RNG.integers(0, 256, (30, 30, 3), np.uint8)
    positions = identity(20, 20) + np.int32([5, 5])
    distances = pieces._measure_distances(photo, photo[5:25, 5:25], positions[3:-3, 3:-3])
    assert distances.shape == (14, 14) and not distances.any()

    tiny = mosaic(6, 6, 3, (30, 30))
    assert pieces.join_cost(photo, photo[tiny[..., 0], tiny[..., 1]], tiny) == 0


def test_the_photo_s_edge_values_are_repeated_beyond_it():
    """All pixels show the photo's first column: 3 of 7 columns differ, all to its right."""
    photo = np.zeros((20, 20, 1), np.uint8)
    photo[:, 1:] = 70
    positions = identity(20, 20)
    positions[..., 1] = 0
    distances = pieces._measure_distances(
        photo, np.zeros((20, 20, 1), np.uint8), positions[3:-3, 3:-3]
    )
    assert distances == pytest.approx(70 * np.sqrt(3 / 7) / 255)
