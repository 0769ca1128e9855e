"""The engine equals the plain loops of detail_by_hand, and both equal the stored vectors."""

import json
from pathlib import Path

import detail_by_hand as by_hand
import numpy as np
import pytest

from singan_core.detail import coherence
from singan_core.detail.drawing import Drawing
from singan_core.detail.maps import Map, enlarge_map
from singan_core.detail.patches import Basis, compute_features, pad
from singan_core.detail.photo import Photo
from singan_core.detail.search import Weights, search
from singan_core.detail.slips import spread_slips
from singan_core.detail.votes import COARSE, FINE, paint
from singan_core.windows import Span

VECTORS = Path(__file__).parent / "data" / "detail_vectors.json"
PHOTO, LOW = (20, 27), (10, 13)  # sizes of two levels: searched and copied
CANVASES = ((11, 16), (22, 33))


def photo_pixels():
    """A small photo by a formula: a smooth sky, a jagged ground, and some colour."""
    y, x = np.mgrid[0 : PHOTO[0], 0 : PHOTO[1]]
    ground = y > 11 + (x * x * 7) % 5
    red = np.where(ground, (37 * x + 91 * y + x * y) % 180, 90 + 3 * y)
    green = np.where(ground, (53 * x + 29 * y) % 140, 130 + 2 * y)
    return np.stack([red, green, np.where(ground, 40, 200 - y)], axis=2).astype(np.uint8)


def guide_pixels():
    """What generators might hand over."""
    y, x = np.mgrid[0 : CANVASES[0][0], 0 : CANVASES[0][1]]
    ground = y > 5 + (x // 3) % 3
    return np.stack(
        [np.where(ground, 80, 100 + y), np.where(ground, 70 + x, 140), np.where(ground, 45, 190)], 2
    ).astype(np.uint8)


@pytest.fixture(scope="module")
def photo():
    """With bases by a formula, so that nothing hangs on an eigenvector's last digit."""
    n = np.arange(24 * 147).reshape(24, 147)
    directions = ((n * n * 13 + n * 7) % 101 - 50).astype(np.int8)
    return Photo(
        photo_pixels(), (LOW, PHOTO), [Basis(directions, 9), Basis(directions[:12], 9)], searched=1
    )


def listed(pixels):
    return pixels.tolist()


@pytest.fixture(scope="module")
def drawn_by_hand(photo):
    """Every step from the guide to the picture, by plain loops."""
    low, high = photo.level(0), photo.level(1)
    centre = [int(value) for value in photo.centre]

    def described(pixels, basis):
        return by_hand.all_features(pixels, basis.directions.tolist(), basis.shift, centre)

    steps = {"guide": listed(guide_pixels()), "photo": listed(photo_pixels())}
    steps["photo_low"] = by_hand.resize(steps["photo"], LOW)
    picture, keys = steps["guide"], described(steps["photo_low"], low.basis)
    for turn in range(3):
        asked = described(picture, low.basis)
        steps[f"map_{turn}"] = by_hand.search(keys, LOW, asked, CANVASES[0], Weights.position)
        picture = by_hand.paint(steps[f"map_{turn}"], steps["photo_low"], CANVASES[0], COARSE)
    steps["picture_low"] = picture
    steps["blurred"] = by_hand.resize(steps["photo_low"], PHOTO)
    steps["enlarged"] = by_hand.resize(picture, CANVASES[1])
    steps["map_enlarged"] = by_hand.enlarge(steps["map_2"], LOW, PHOTO, *CANVASES)
    steps["map_spread"] = by_hand.spread(steps["map_enlarged"], PHOTO, CANVASES[1])
    asked, keys = described(steps["enlarged"], high.basis), described(steps["blurred"], high.basis)
    steps["map_refined"] = by_hand.refine(steps["map_spread"], PHOTO, CANVASES[1], asked, keys)
    steps["map"] = by_hand.refine(steps["map_refined"], PHOTO, CANVASES[1], asked, keys)
    steps["picture"] = by_hand.paint(
        steps["map"], steps["photo"], CANVASES[1], FINE, steps["blurred"], steps["enlarged"]
    )
    return steps


def test_pictures_are_resampled_as_by_hand(photo, drawn_by_hand):
    assert listed(photo.at(0)) == drawn_by_hand["photo_low"]
    assert listed(photo.level(1).blurred) == drawn_by_hand["blurred"]


def test_features_are_those_by_hand(photo):
    level = photo.level(0)
    rows, columns = np.divmod(np.arange(LOW[0] * LOW[1]), LOW[1])
    found = compute_features(pad(photo.at(0)), rows, columns, level.basis, level.centre)
    plain = by_hand.all_features(
        listed(photo.at(0)),
        level.basis.directions.tolist(),
        level.basis.shift,
        level.centre.tolist(),
    )
    assert found.astype(int).tolist() == plain


def test_the_search_finds_what_plain_loops_find(photo, drawn_by_hand):
    heights = np.arange(CANVASES[0][0]), CANVASES[0][0]
    found, _ = search(photo.level(0), guide_pixels(), Weights(), (False, False), heights, True)
    assert (found.rows * LOW[1] + found.columns).reshape(-1).tolist() == drawn_by_hand["map_0"]


def test_maps_are_enlarged_spread_and_refined_as_by_hand(photo, drawn_by_hand):
    rows, columns = np.divmod(
        np.array(drawn_by_hand["map_2"], np.int32).reshape(CANVASES[0]), LOW[1]
    )
    whole = Span(0, CANVASES[1][0]), Span(0, CANVASES[1][1])
    found = enlarge_map(Map(rows, columns), photo.level(1), LOW, CANVASES[1], CANVASES[0], whole)
    assert (found.rows * PHOTO[1] + found.columns).reshape(-1).tolist() == drawn_by_hand[
        "map_enlarged"
    ]
    found = spread_slips(found)
    spread = (found.rows * PHOTO[1] + found.columns).reshape(-1).tolist()
    assert spread == drawn_by_hand["map_spread"] != drawn_by_hand["map_enlarged"]

    enlarged = np.array(drawn_by_hand["enlarged"], np.uint8)
    refined = coherence.refine(photo.level(1), found, pad(enlarged))
    assert (refined.rows * PHOTO[1] + refined.columns).reshape(-1).tolist() == drawn_by_hand["map"]
    assert drawn_by_hand["map_refined"] != drawn_by_hand["map_spread"]


def test_votes_are_counted_as_by_hand(photo, drawn_by_hand):
    rows, columns = np.divmod(
        np.array(drawn_by_hand["map"], np.int32).reshape(CANVASES[1]), PHOTO[1]
    )
    enlarged = np.array(drawn_by_hand["enlarged"], np.uint8)
    assert (
        listed(paint(photo.level(1), Map(rows, columns), FINE, enlarged))
        == drawn_by_hand["picture"]
    )


def test_the_whole_picture_is_the_one_by_hand(photo, drawn_by_hand):
    guide = guide_pixels()
    drawing = Drawing(photo, CANVASES, lambda region: guide[slice(*region[0]), slice(*region[1])])
    part = drawing.draw((Span(0, CANVASES[1][0]), Span(0, CANVASES[1][1])))
    assert listed(part.pixels) == drawn_by_hand["picture"]


def test_the_stored_vectors_are_what_plain_loops_compute(photo, drawn_by_hand):
    """For programs in other languages; made anew by running this file."""
    stored = json.loads(VECTORS.read_text(encoding="utf-8"))
    assert stored == vectors(photo, drawn_by_hand)


def vectors(photo, steps):
    bases = [{"directions": b.directions.tolist(), "shift": b.shift} for b in photo.bases()]
    sizes = {"photo_sizes": [list(LOW), list(PHOTO)], "canvases": [list(size) for size in CANVASES]}
    taps = [
        {"n_in": a, "n_out": b, "position": p, "taps": [list(t) for t in by_hand.taps(a, b, p)]}
        for a, b, p in ((13, 27, 0), (13, 27, 13), (27, 13, 0), (27, 13, 7), (1920, 33, 16))
    ]
    return {**sizes, "centre": photo.centre.tolist(), "bases": bases, "taps": taps, **steps}


if __name__ == "__main__":
    made = photo.__wrapped__()
    content = vectors(made, drawn_by_hand.__wrapped__(made))
    VECTORS.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
