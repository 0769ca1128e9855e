"""Pictures with pixel-exact masks, and datasets of them, without torch."""

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from command_line import call, one_line, usage
from file_contents import files_of, pixels_of
from PIL import Image

from singan_core.errors import InstallError, OutputError, RequestError
from singan_runtime import Sampler
from singan_runtime.clips import animation
from singan_runtime.files.dataset import DatasetSpec, write_dataset
from singan_runtime.request import Request

pytest.importorskip("pycocotools")


@pytest.fixture(scope="module")
def labelled(labelled_bundle):
    return Sampler.load(labelled_bundle, threads=1)


# labels of a model


def test_a_labelled_picture_is_the_picture_of_the_seed(labelled):
    pixels, masks = labelled.labelled((50, 70), seed=3, zoom=1.0, start_scale=1)
    assert np.array_equal(pixels, labelled.sample((50, 70), seed=3, zoom=1.0, start_scale=1)[0])
    assert (
        masks.shape == (50, 70, 2) and masks.dtype == np.uint8 and set(np.unique(masks)) == {0, 255}
    )
    assert labelled.manifest.labels == ("hill", "sun")


def test_masks_are_the_label_channels_cut_at_zero(labelled):
    picture = labelled.plan((50, 70), 1.0)
    drawn = labelled.run_generators(picture, labelled.create_noise(3))[0]
    masks = labelled.labelled((50, 70), seed=3, zoom=1.0)[1]
    assert np.array_equal(masks > 0, drawn[3:].transpose(1, 2, 0) > 0)


def test_masks_do_not_depend_on_how_the_picture_is_divided(labelled_bundle, labelled):
    others = Sampler.load(labelled_bundle, threads=2).labelled((260, 300), seed=1, zoom=1.0)
    assert all(map(np.array_equal, others, labelled.labelled((260, 300), seed=1, zoom=1.0)))


def test_everything_else_shows_the_picture_alone(labelled):
    assert labelled.reconstruct().shape == (32, 41, 3)
    assert labelled.render((60, 80), (5, 6, 20, 30)).shape == (20, 30, 3)
    frames = list(animation.animate(labelled, animation.Walk(frames=2)))
    assert [frame.shape for frame in frames] == [(32, 41, 3)] * 2


def test_a_model_without_labels_has_none_to_give(sampler):
    with pytest.raises(
        RequestError,
        match="this model has no labels; train one with 'singan train PHOTO --mask MASK'",
    ):
        sampler.labelled()


# the folder


def test_pictures_masks_and_index_agree(labelled, tmp_path):
    assert write_dataset(labelled, tmp_path, DatasetSpec(3, Request((40, 60), 5, 1.0))) == 0
    names = [f"labelled_bundle_60x40_{seed}.png" for seed in (5, 6, 7)]
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == names
    with open(tmp_path / "index.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["label"]) for row in rows] == [
        (s, n) for s in "567" for n in ("hill", "sun")
    ]
    for row in rows:
        pixels, masks = labelled.labelled((40, 60), int(row["seed"]), 1.0)
        mask = pixels_of(tmp_path / row["mask"])
        assert np.array_equal(pixels_of(tmp_path / row["image"]), pixels)
        assert np.array_equal(mask, masks[..., ("hill", "sun").index(row["label"])])
        assert int(row["area"]) == (mask > 0).sum() and (row["width"], row["height"]) == (
            "60",
            "40",
        )
        down, across = np.nonzero(mask)
        x, y, w, h = (int(row[name]) for name in ("box_x", "box_y", "box_width", "box_height"))
        assert (x, y, x + w, y + h) == (across.min(), down.min(), across.max() + 1, down.max() + 1)


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # pycocotools' own decoding
def test_the_coco_index_gives_the_masks_back(labelled, tmp_path, capsys):
    from pycocotools.coco import COCO

    write_dataset(labelled, tmp_path, DatasetSpec(2))
    index = COCO(str(tmp_path / "annotations.json"))
    assert [entry["name"] for entry in index.loadCats(index.getCatIds())] == ["hill", "sun"]
    assert len(index.getImgIds()) == 2 and len(index.getAnnIds()) == 4
    for one in index.loadAnns(index.getAnnIds()):
        (image,) = index.loadImgs(one["image_id"])
        (category,) = index.loadCats(one["category_id"])
        mask = pixels_of(tmp_path / "masks" / category["name"] / image["file_name"])
        assert (tmp_path / "images" / image["file_name"]).is_file()
        assert np.array_equal(index.annToMask(one) * 255, mask) and one["area"] == (mask > 0).sum()


def test_an_object_that_is_not_in_a_picture_has_no_annotation(labelled, tmp_path, monkeypatch):
    def without_sun(*_):
        masks = np.zeros((32, 41, 2), np.uint8)
        masks[3:9, 5:7, 0] = 255
        return np.zeros((32, 41, 3), np.uint8), masks

    monkeypatch.setattr(labelled, "draw_labelled", without_sun)
    write_dataset(labelled, tmp_path, DatasetSpec(1))
    index = json.loads((tmp_path / "annotations.json").read_text())
    assert [(one["category_id"], one["area"], one["bbox"]) for one in index["annotations"]] == [
        (1, 12, [5, 3, 2, 6])
    ]
    lines = (tmp_path / "index.csv").read_text().splitlines()[1:]
    assert [line.split(",", 2)[2] for line in lines] == [
        "hill,0,41,32,12,5,3,2,6",
        "sun,0,41,32,0,0,0,0,0",
    ]


def test_the_same_request_gives_the_same_bytes(labelled, tmp_path):
    for name in ("a", "b"):
        write_dataset(labelled, tmp_path / name, DatasetSpec(2))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_despeckling_removes_specks_and_nothing_larger(labelled, tmp_path, monkeypatch):
    mask = np.zeros((32, 41, 2), np.uint8)
    mask[10:20, 10:20], mask[5, 5], mask[14, 14] = 255, 255, 0
    monkeypatch.setattr(
        labelled, "draw_labelled", lambda *_: (np.zeros((32, 41, 3), np.uint8), mask)
    )
    write_dataset(labelled, tmp_path, DatasetSpec(1, despeckle=3))
    got = pixels_of(tmp_path / "masks" / "sun" / "labelled_bundle_41x32_0.png")
    assert not got[5, 5] and got[11:19, 11:19].all() and set(np.unique(got)) == {0, 255}


# going on


def stopping_after(count):
    left = [count]

    def advance():
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return advance


def test_an_interrupted_dataset_goes_on_and_ends_like_an_uninterrupted_one(
    labelled, tmp_path, monkeypatch
):
    out, whole = tmp_path / "out", tmp_path / "whole"
    with pytest.raises(KeyboardInterrupt):
        write_dataset(labelled, out, DatasetSpec(4), advance=stopping_after(2))
    assert len(list((out / "images").iterdir())) == 2 and not (out / "index.csv").exists()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert write_dataset(labelled, out, DatasetSpec(4)) == 2
    assert times == {path: path.stat().st_mtime_ns for path in times}
    write_dataset(labelled, whole, DatasetSpec(4))
    assert files_of(out) == files_of(whole)


def test_what_is_missing_or_damaged_is_drawn_again(labelled, tmp_path):
    write_dataset(labelled, tmp_path, DatasetSpec(4))
    before = files_of(tmp_path)
    (tmp_path / "masks" / "sun" / "labelled_bundle_41x32_0.png").unlink()
    (tmp_path / "images" / "labelled_bundle_41x32_1.png").write_bytes(b"damaged")
    Image.new("L", (41, 32), 7).save(tmp_path / "masks" / "hill" / "labelled_bundle_41x32_2.png")
    assert write_dataset(labelled, tmp_path, DatasetSpec(4)) == 1
    assert files_of(tmp_path) == before


def test_a_dataset_can_grow(labelled, tmp_path):
    write_dataset(labelled, tmp_path / "out", DatasetSpec(2))
    assert write_dataset(labelled, tmp_path / "out", DatasetSpec(3)) == 2
    write_dataset(labelled, tmp_path / "whole", DatasetSpec(3))
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


# the command


def test_the_command_writes_and_goes_on(labelled_bundle, tmp_path):
    words = ("dataset", labelled_bundle, "--out", tmp_path, "--size", "50x40", "--threads", "1")
    assert "wrote 2 pictures with masks of hill, sun" in call(*words, "--count", "2")[1]
    status, said, _ = call(*words, "--count", "3")
    assert status == 0 and "(2 kept)" in said
    with Image.open(tmp_path / "images" / "labelled_bundle_50x40_2.png") as image:
        asked = json.loads(image.info["singan"])
    assert (asked["seed"], asked["size"], asked["zoom"], asked["start_scale"]) == (
        2,
        "50x40",
        "auto",
        0,
    )
    assert "labels hill, sun" in call("inspect", labelled_bundle)[1]


def test_progress_is_told(labelled_bundle, tmp_path, monkeypatch):
    from singan_cli import progress

    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    said = call("dataset", labelled_bundle, "--out", tmp_path, "--count", "2", "--threads", "1")[2]
    assert "pictures 1/2" in said and "pictures 2/2" in said


def test_a_picture_of_another_request_is_not_mixed_in(labelled_bundle, tmp_path):
    words = ("dataset", labelled_bundle, "--out", tmp_path, "--count", "2", "--size", "60x40")
    assert call(*words)[0] == 0
    before = files_of(tmp_path)
    for other in (("--zoom", "1"), ("--start-scale", "1"), ("--despeckle", "3")):
        said = one_line(*words, *other)
        assert "of another model or request; choose another --out" in said
    assert files_of(tmp_path) == before


def test_an_interruption_says_how_to_go_on(labelled_bundle, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sampler, "draw_labelled", interrupted)
    said = one_line("dataset", labelled_bundle, "--out", tmp_path, "--count", "2", status=130)
    assert "what is done is kept: repeat the command to go on" in said


def test_mistakes_of_dataset(labelled_bundle, tiny_bundle, tmp_path):
    out = ("--out", tmp_path / "new")
    words = ("dataset", labelled_bundle, *out, "--count", "2")
    assert "this model has no labels; train one with" in one_line(
        "dataset", tiny_bundle, *out, "--count", "2"
    )
    assert "Invalid value for '--count'" in usage("dataset", labelled_bundle, *out, "--count", "0")
    assert "Missing option '--count'" in usage("dataset", labelled_bundle, *out)
    assert "0, or an odd number of 3 to 15 px" in one_line(*words, "--despeckle", "4")
    assert "use scales 0 to" in one_line(*words, "--start-scale", "9")
    assert "seed -1 is not possible" in one_line(*words, "--seed", "-1")
    assert "over the limit of 100" in one_line(*words, "--max-pixels", "100")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("precious")
    said = one_line("dataset", labelled_bundle, "--out", tmp_path / "file", "--count", "1")
    assert "a file stands where a folder is needed" in said


def test_a_missing_package_is_named_before_the_work(labelled, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(
        InstallError,
        match=r"COCO index needs pycocotools; run: pip install pycocotools \(singan's extra d",
    ):
        write_dataset(labelled, tmp_path / "new", DatasetSpec(1))
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_said(labelled, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_dataset(labelled, tmp_path, DatasetSpec(1))
    assert not list((tmp_path / "images").iterdir()) and not (tmp_path / "index.csv").exists()


def test_a_dataset_of_any_count_starts_at_once(labelled_bundle, tmp_path):
    class EnoughError(Exception):
        pass

    drawn = []

    def advance():
        drawn.append(1)
        if len(drawn) == 3:
            raise EnoughError

    spec = DatasetSpec(10**9, Request((20, 24)))
    tracemalloc.start()
    with pytest.raises(EnoughError):
        write_dataset(Sampler.load(labelled_bundle, threads=1), tmp_path, spec, advance)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e7 and len(list((tmp_path / "images").iterdir())) == 3
    assert not (tmp_path / "index.csv").exists() and not list(tmp_path.glob("tmp*"))


def test_places_need_kept_objects(labelled_bundle, tmp_path):
    words = ("dataset", labelled_bundle, "--out", tmp_path / "data", "--count", "1")
    assert "name them with --keep" in usage(*words, "--within", "0,0,1,0.5")
