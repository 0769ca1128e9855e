"""Kept objects in what is drawn with them: retargeting, commands, datasets, clips."""

import dataclasses
import json

import numpy as np
import pytest
from command_line import call, one_line, usage
from detail_scenes import bundle_with
from objects_to_keep import ellipse, shifted
from PIL import Image

from singan_runtime import Sampler, masks, objects
from singan_runtime.clips import animation
from singan_runtime.edits import retarget
from singan_runtime.files import dataset
from singan_runtime.keep import Keep, read_objects
from singan_runtime.request import Request

# retargeting around it


@pytest.mark.parametrize("start", [1, 2, 3])
def test_retarget_keeps_objects_at_every_start_scale_that_it_has(detail_sampler, fir, start):
    """The last comes after the generators. One object, and two."""
    hill = ellipse(detail_sampler.trained_size, (20, 50), (40, 70))
    for keep in ((Keep(fir),), (Keep(fir, 0.8), Keep(hill, 0.2))):
        pixels = retarget.retarget_around(detail_sampler, (100, 260), keep, start_scale=start)
        for one in detail_sampler.plan((100, 260), keep=keep).kept:
            rows, columns = np.nonzero(one.mask)
            there = pixels[rows - one.displacement[0], columns - one.displacement[1]]
            assert np.array_equal(there, detail_sampler.photo.pixels[rows, columns])


def test_retarget_puts_the_photo_around_the_object(detail_sampler, fir):
    pixels = retarget.retarget_around(detail_sampler, (100, 260), (Keep(fir),), seed=1)
    picture = detail_sampler.plan((100, 260), keep=(Keep(fir),))
    there, in_photo = shifted(picture, picture.kept[0])
    assert np.array_equal(pixels[there], detail_sampler.photo.pixels[in_photo])
    warp = retarget.stretch_around(picture.kept[0], picture.fit)
    (rows, columns), (target_rows, target_columns) = (
        masks.find_bounds(fir),
        (warp.rows.target, warp.columns.target),
    )
    assert target_rows[0] * 100 == pytest.approx(rows.start, abs=1)
    assert (target_columns[1] - target_columns[0]) * 260 == pytest.approx(columns.length, abs=0.01)


# the command line


@pytest.fixture
def mask_file(tmp_path, fir):
    path = tmp_path / "fir.png"
    Image.fromarray(fir.astype(np.uint8) * 255).save(path)
    return path


def test_sample_keeps_an_object_and_says_so_in_the_file(
    detail_bundle, detail_sampler, fir, mask_file, tmp_path
):
    call(
        "sample",
        detail_bundle,
        "--out",
        tmp_path,
        "--size",
        "300x100",
        "--keep",
        mask_file,
        "--place",
        "right",
        "--seed",
        "0",
    )
    with Image.open(tmp_path / "hills_300x100_0.png") as image:
        told = json.loads(image.info["singan"])
        pixels = np.asarray(image)
    assert np.array_equal(pixels, detail_sampler.sample((100, 300), keep=(Keep(fir, 0.75),))[0])
    assert told["keep"] == [Keep(fir, 0.75).describe()] and told["keep"][0]["place"] == [0.75, None]


def test_a_mask_of_the_original_photo_is_reduced_to_the_stored_one(
    detail_bundle, detail_sampler, fir, tmp_path
):
    found = dataclasses.replace(detail_sampler.manifest, photo_size=(200, 300))
    path = tmp_path / "large.png"
    Image.fromarray(fir.astype(np.uint8) * 255).resize((300, 200), Image.Resampling.NEAREST).save(
        path
    )
    (read,) = read_objects(found, [str(path)])
    assert np.array_equal(read.mask, fir)


def test_bad_masks_and_places_are_one_line(detail_bundle, mask_file, tmp_path, fir):
    start = "sample", detail_bundle, "--out", tmp_path / "out", "--size", "300x100", "--keep"
    empty, full, other = (tmp_path / name for name in ("empty.png", "full.png", "other.png"))
    Image.new("L", (150, 100)).save(empty)
    Image.new("L", (150, 100), 255).save(full)
    Image.new("L", (60, 40), 255).save(other)
    assert "the mask is empty" in one_line(*start, empty)
    assert "the mask is white all over" in one_line(*start, full)
    assert "the mask is 60x40, but must be 150x100" in one_line(*start, other)
    assert "two kept objects overlap" in one_line(*start, mask_file, "--keep", mask_file)
    assert "is outside the picture" in one_line(*start, mask_file, "--place", "1.5,0.5")
    assert "1 objects are kept, but 2 places" in one_line(
        *start, mask_file, "--place", "left", "--place", "right"
    )
    assert "has no alpha channel" in one_line(*start, "alpha")
    assert "0 objects are kept, but 1 places" in one_line(*start[:-1], "--place", "left")
    again = (
        "retarget",
        detail_bundle,
        "--out",
        tmp_path / "a.png",
        "--size",
        "300x100",
        "--place",
        "left",
    )
    assert "0 objects are kept, but 1 places" in one_line(*again)
    assert "is not a place; write left, centre, right or X,Y" in usage(
        *start, mask_file, "--place", "top"
    )
    assert not (tmp_path / "out").exists()


def test_retarget_keeps_objects_by_the_photo_itself(
    detail_bundle, detail_sampler, fir, mask_file, tmp_path
):
    out = tmp_path / "wide.png"
    call(
        "retarget",
        detail_bundle,
        "--size",
        "260x100",
        "--out",
        out,
        "--keep",
        mask_file,
        "--place",
        "0.7,0.6",
    )
    with Image.open(out) as image:
        pixels = np.asarray(image)
    assert np.array_equal(
        pixels, retarget.retarget_around(detail_sampler, (100, 260), (Keep(fir, 0.7, 0.6),))
    )


# labels


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, detail_bundle, fir):
    """The example's photo with its fir as a label."""
    with Image.open(detail_bundle / "photo.webp") as image:
        pixels = np.asarray(image.convert("RGB"))
    return bundle_with(
        tmp_path_factory.mktemp("labels") / "bundle",
        detail_bundle,
        pixels,
        fir[..., None],
        ("fir",),
    )


def test_a_label_names_the_object_to_keep(labelled, fir):
    sampler = Sampler.load(labelled, threads=1)
    (keep,) = sampler.read_keep(["fir"], [(0.3, None)])
    assert np.array_equal(keep.mask, fir) and (keep.x, keep.y) == (0.3, None)
    _, shown = sampler.labelled((100, 300), 2, 1.0, keep=(keep,))
    picture = sampler.plan((100, 300), 1.0, keep=(keep,))
    there, _ = shifted(picture, picture.kept[0])
    expected = np.zeros((100, 300), bool)
    expected[there] = True
    assert np.array_equal(shown[..., 0] > 0, expected)  # there, whole, and nowhere else


def test_a_dataset_places_labelled_objects_at_random_within_limits(labelled, tmp_path):
    pytest.importorskip("pycocotools")
    request = Request((100, 240), zoom=1.0, keep=(Keep(name="fir"),))
    spec = dataset.DatasetSpec(6, request, within=(0.2, 0.4, 0.8, 0.7), scales=(0.7, 1.0))
    sampler = Sampler.load(labelled, threads=1)
    dataset.write_dataset(sampler, tmp_path, spec)
    places, areas = [], []
    for seed in range(6):
        with Image.open(tmp_path / "masks" / "fir" / f"hills_240x100_{seed}.png") as image:
            rows, columns = masks.find_bounds(np.asarray(image) > 0)
        places.append(((columns.start + columns.stop) / 480, (rows.start + rows.stop) / 200))
        areas.append(rows.length * columns.length)
    assert all(0.19 <= x <= 0.81 and 0.39 <= y <= 0.71 for x, y in places)
    assert len(set(places)) == 6 and max(areas) > 1.15 * min(areas)
    assert all(0.45 * 30 * 22 <= area <= 1.05 * 30 * 22 for area in areas)


def test_a_dataset_refuses_what_it_cannot_place(labelled, tmp_path):
    pytest.importorskip("pycocotools")
    start = "dataset", labelled, "--out", tmp_path / "out", "--count", "2", "--keep"
    assert "not a label of hills; keep one or more of fir" in one_line(*start, "sky")
    assert "places within 0.9,0,0.1,1 are not possible" in one_line(
        *start, "fir", "--within", "0.9,0,0.1,1"
    )
    assert "scales 2,1 are not possible" in one_line(*start, "fir", "--scales", "2,1")
    assert "is not 4 numbers" in usage(*start, "fir", "--within", "0,1")
    assert "too large for" in one_line(*start, "fir", "--size", "20x100", "--zoom", "1")


# clips


@pytest.mark.parametrize("kind", ["harmonic", "paper"])
def test_a_kept_object_stands_still_in_a_clip_while_the_rest_moves(detail_sampler, fir, kind):
    keep, size = (Keep(fir, 0.3),), (100, 200)
    walk = animation.Walk(frames=6, seed=1, start_scale=1, beta=0.95, kind=kind)
    frames = list(animation.animate(detail_sampler, walk, size, 1.0, keep=keep))
    picture = detail_sampler.plan(size, 1.0, 1, keep=keep)
    there, in_photo = shifted(picture, picture.kept[0])
    covered = np.zeros(size, bool)
    covered[there] = True
    assert np.array_equal(objects.find_cover(picture), covered)
    for frame in frames:
        assert np.array_equal(frame[there], detail_sampler.photo.pixels[in_photo])
    assert any((frame != frames[0]).mean() > 0.1 for frame in frames)


def test_animate_keeps_objects_on_the_command_line(
    detail_bundle, detail_sampler, fir, mask_file, tmp_path
):
    out = tmp_path / "clip.png"
    call(
        "animate",
        detail_bundle,
        "--out",
        out,
        "--size",
        "200x100",
        "--frames",
        "3",
        "--keep",
        mask_file,
    )
    kept = next(
        animation.animate(detail_sampler, animation.Walk(frames=3), (100, 200), keep=(Keep(fir),))
    )
    with Image.open(out) as clip:
        assert np.array_equal(np.asarray(clip.convert("RGB")), kept)
