"""A bundle's photo and manifest are checked before anything is drawn, and masks follow the map."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from detail_scenes import bundle_with, landscape, noise
from file_contents import hash_again
from PIL import Image

from singan_core import manifest, stored
from singan_core.detail import store
from singan_core.detail.maps import Map
from singan_core.errors import BundleError, RequestError
from singan_runtime import Sampler


@pytest.fixture
def bundle(detail_bundle, tmp_path):
    return shutil.copytree(detail_bundle, tmp_path / "bundle")


def refused(bundle, message):
    """Loading says what is wrong, on one line."""
    with pytest.raises(BundleError, match=message) as error:
        Sampler.load(bundle, threads=1)
    assert "\n" not in str(error.value)


# the photo


@pytest.mark.parametrize("again", [False, True], ids=["as they were", "recomputed"])
@pytest.mark.parametrize("change", ["swapped", "one pixel", "mirrored"])
def test_another_photo_is_refused_even_if_the_digests_of_the_files_are_made_anew(
    bundle, detail_sampler, change, again
):
    own = detail_sampler.photo.pixels
    pixels = {"swapped": noise(*own.shape[:2]), "one pixel": own.copy(), "mirrored": own[:, ::-1]}[
        change
    ]
    if change == "one pixel":
        pixels[17, 20, 1] ^= 1
    stored.write_photo(bundle, np.ascontiguousarray(pixels))
    if again:
        hash_again(bundle)
    refused(
        bundle,
        r"photo\.webp: not the photo of this model .* export it again"
        if again
        else "altered or damaged",
    )


@pytest.mark.parametrize(
    ("size", "got"),
    [
        ((100, 149), "149x100"),
        ((50, 75), "75x50"),
        ((200, 300), "300x200"),
        ((150, 100), "100x150"),
    ],
)
def test_a_photo_of_another_size_is_refused_before_it_is_decoded(bundle, size, got):
    stored.write_photo(bundle, landscape(*size))
    hash_again(bundle)
    refused(bundle, rf"photo\.webp: {got}, the manifest says 150x100; export it again")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no picture at all", "cut", "png"])
def test_a_file_that_is_no_photo_is_refused(bundle, content):
    path = bundle / stored.PHOTO
    if content == "cut":
        content = path.read_bytes()[:5000]
    if content == "png":
        Image.fromarray(landscape(100, 150)).save(path, "PNG")
    else:
        path.write_bytes(content)
    hash_again(bundle)
    refused(bundle, r"photo\.webp: missing or damaged .* export it again")


def test_a_missing_photo_is_refused(bundle):
    (bundle / stored.PHOTO).unlink()
    refused(bundle, r"photo\.webp: missing")
    hash_again(bundle)
    refused(bundle, r"photo\.webp: not listed")


def test_the_same_photo_in_another_encoding_is_welcome(bundle, detail_sampler):
    """Pixels are vouched for, not the encoder's choices."""
    photo, before = detail_sampler.photo.pixels, (bundle / stored.PHOTO).read_bytes()
    Image.fromarray(photo).save(
        bundle / stored.PHOTO, "WEBP", lossless=True, quality=0, method=0, exact=True
    )
    assert (bundle / stored.PHOTO).read_bytes() != before
    hash_again(bundle)
    assert np.array_equal(Sampler.load(bundle).photo.pixels, photo)


# the bases


def save_bases(bundle, change):
    path = bundle / "bases.npy"
    values = np.load(path)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif change == "text":
        path.write_bytes(b"bases")
    elif change == "objects":
        np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    else:
        np.save(
            path,
            {"float": values.astype(np.float32), "fewer": values[1:], "flat": values[..., 0]}[
                change
            ],
        )


@pytest.mark.parametrize("change", ["cut", "text", "objects", "float", "fewer", "flat"])
def test_damaged_bases_are_refused(bundle, change):
    save_bases(bundle, change)
    hash_again(bundle)
    refused(bundle, r"bases\.npy: .*; make the folder again")


def test_missing_bases_are_refused(bundle):
    (bundle / "bases.npy").unlink()
    hash_again(bundle)
    refused(bundle, r"bases\.npy: not listed")


# the manifest


def change(bundle, **fields):
    """Change fields of the manifest's detail; None takes one out."""
    path = bundle / manifest.NAME
    data = json.loads(path.read_text())
    data["detail"] = {
        name: value for name, value in (data["detail"] | fields).items() if value is not None
    }
    path.write_text(json.dumps(data))


GROWN = [[24, 36], [31, 47], [41, 62], [54, 82], [100, 150]]


@pytest.mark.parametrize(
    "fields",
    [
        {"levels": [[24, 36], [41, 62], [31, 47], [54, 82], [100, 150]]},
        {"levels": [[24, 36], [31, 47], [41, 46], [54, 82], [100, 150]]},
        {"levels": GROWN[1:]},
        {"levels": []},
        {"levels": [*GROWN[:-1], [100, 9000]]},
        {"levels": [[0, 0], *GROWN[1:]]},
        {"hand_over": 3},
        {"hand_over": 4},
        {"hand_over": -1},
        {"hand_over": 1},
        {"shifts": [10, 11, 10, 10]},
        {"shifts": [10, 11, 10, 10, -1]},
        {"shifts": [10, 11, 10, 10, 99]},
        {"position": -1},
        {"position": 1e30},
        {"position": float("nan")},
    ],
    ids=str,
)
def test_impossible_detail_is_refused(bundle, fields):
    change(bundle, **fields)
    refused(bundle, "growing levels from the hand-over's size on|wrong form|not readable as JSON")


def test_what_is_no_digest_never_reaches_a_message(bundle):
    change(bundle, photo_sha256="\x1b[31m\n" + "0" * 60)
    with pytest.raises(BundleError) as caught:
        Sampler.load(bundle)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_stranger_s_endless_levels_are_refused_in_a_short_line(bundle):
    change(bundle, levels=[[24, 36]] * 3000, shifts=[1] * 3000)
    with pytest.raises(BundleError) as caught:
        Sampler.load(bundle)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("field", ["levels", "hand_over", "shifts", "photo_sha256", "position"])
@pytest.mark.parametrize("value", [None, "x", {}, [[1]]], ids=["missing", "word", "object", "list"])
def test_missing_and_malformed_fields_of_detail_are_refused(bundle, field, value):
    change(bundle, **{field: value})
    refused(bundle, "wrong form|growing levels|not the photo|lacks detail")


@pytest.mark.parametrize("detail", [None, [], 3, "detail"])
def test_detail_that_is_no_object_is_refused(bundle, detail):
    path = bundle / manifest.NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"detail": detail}))
    refused(bundle, "wrong form|lacks detail")


def test_a_bundle_without_fp64_graphs_is_refused(bundle):
    shutil.rmtree(bundle / "fp64")
    refused(bundle, "missing")
    hash_again(bundle)
    refused(bundle, "fp64")


def test_the_detail_survives_its_file(detail_bundle):
    found = manifest.read(detail_bundle, "bundle")
    assert (
        found.format_version == 2
        and found.detail.levels == tuple(map(tuple, GROWN))
        and found.detail.hand_over == 2
    )
    assert found.pyramid.finest == (100, 150) and found.generators.detail is None


# masks


FLAT = (40, 200, 40)


@pytest.fixture(scope="module")
def labelled(detail_bundle, tmp_path_factory):
    """A sampler whose photo has a meadow of one colour, which is labelled."""
    pixels = landscape(100, 150)
    rows, columns = np.mgrid[0:100, 0:150]
    meadow = rows > 62 + columns * 0.1
    pixels[meadow] = FLAT
    masks = np.stack([meadow, rows < 10], axis=2)
    folder = tmp_path_factory.mktemp("labelled") / "bundle"
    return Sampler.load(
        bundle_with(folder, detail_bundle, pixels, masks, ("meadow", "top")), threads=1
    )


@pytest.mark.parametrize("size", [(100, 150), (60, 150), (140, 180), (54, 82)])
def test_labels_follow_what_is_shown(labelled, size):
    """Over five pictures the label lies almost exactly where the object's colour is."""
    both = either = 0
    for seed in range(5):
        pixels, masks = labelled.labelled(size, seed)
        assert masks.shape == (*size, 2) and set(np.unique(masks)) <= {0, 255}
        shown = np.abs(pixels.astype(int) - FLAT).max(axis=2) < 40
        both, either = (
            both + (shown & (masks[..., 0] > 0)).sum(),
            either + (shown | (masks[..., 0] > 0)).sum(),
        )
        assert 0.1 < shown.mean() < 0.9
    assert both / either >= 0.97


def test_masks_are_those_of_the_pictures_that_are_drawn_without(labelled):
    pixels, masks = labelled.labelled((80, 120), 3)
    assert np.array_equal(pixels, labelled.sample((80, 120), 3)[0])
    picture = labelled.plan((80, 120))
    window = labelled.draw_with_masks(picture, 3, labelled.find_region((80, 120), (10, 20, 30, 40)))
    assert np.array_equal(window, np.concatenate([pixels, masks], axis=2)[10:40, 20:60])


def test_a_position_has_the_labels_of_its_place_in_the_photo(labelled):
    """At the photo's own size exactly, at smaller levels those of the pixel at its middle."""
    for height, width in labelled.manifest.detail.levels:
        rows, columns = np.mgrid[0:height, 0:width].astype(np.int32)
        found = store.look_up_masks(labelled.masks, Map(rows, columns), (height, width)) > 0
        expected = labelled.masks[
            (2 * rows + 1) * 100 // (2 * height), (2 * columns + 1) * 150 // (2 * width)
        ]
        assert np.array_equal(found, expected)
    assert np.array_equal(found, labelled.masks)


@pytest.mark.parametrize("change", ["cut", "other size", "missing"])
def test_damaged_masks_are_refused(labelled, detail_bundle, tmp_path, change):
    folder = tmp_path / "bundle"
    bundle_with(folder, detail_bundle, labelled.photo.pixels, labelled.masks, ("meadow", "top"))
    path = folder / stored.MASKS
    if change == "cut":
        path.write_bytes(path.read_bytes()[:60])
    elif change == "other size":
        stored.write_masks(folder, labelled.masks[:-1])
    else:
        path.unlink()
    hash_again(folder)
    wrong = "missing or damaged|150x99, the manifest says 150x100|not listed"
    refused(folder, rf"masks\.png: ({wrong})")


def test_without_masks_there_are_no_labels_to_ask_for(detail_sampler):
    with pytest.raises(RequestError, match="this model has no labels"):
        detail_sampler.labelled((60, 90))


def test_many_labels_are_packed_and_unpacked(tmp_path):
    for count in (1, 8, 9, 17):
        masks = np.random.default_rng(count).random((13, 11, count)) < 0.5
        stored.write_masks(tmp_path, masks)
        assert np.array_equal(stored.read_masks(tmp_path, None, (13, 11), count), masks)


def test_a_manifest_with_other_labels_than_rgb_allows_is_refused(bundle):
    found = manifest.read(bundle, "bundle")
    manifest.write(bundle, dataclasses.replace(found, labels=("a", "A")))
    refused(bundle, "different names")
