"""Files with several labels as masks for training: class numbers, and COCO's annotations."""

import json

import numpy as np
import pytest
from command_line import call, one_line, usage
from file_contents import pixels_of
from PIL import Image

from singan_core.errors import ImageError, InstallError
from singan_runtime import DatasetSpec, Sampler, write_dataset
from singan_runtime.files.label_files import write_masks

HILL = np.zeros((40, 60), bool)
HILL[20:, :] = True
SUN = np.zeros((40, 60), bool)
SUN[5:12, 30:41] = True


def save_classes(path, mode="P"):
    image = Image.fromarray((HILL + 2 * SUN).astype(np.uint8))
    if mode == "P":
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.convert(mode).save(path)
    return path


def annotate(path, segmentation, size=(40, 60), **changes):
    """Write COCO's annotations of photo.png, with one annotation of a category."""
    one = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": segmentation}
    image = {"id": 7, "file_name": "photos/photo.png", "height": size[0], "width": size[1]}
    data = {
        "images": [image],
        "categories": [{"id": 3, "name": "the sun"}],
        "annotations": [one],
    }
    path.write_text(json.dumps(data | changes))
    return path


def read_masks(paths):
    return {path.stem: pixels_of(path) > 0 for path in paths}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "masks").mkdir()
    return tmp_path / "masks"


@pytest.mark.parametrize("mode", ["P", "L"])
def test_class_numbers_become_a_mask_each(tmp_path, folder, mode):
    source = save_classes(tmp_path / "classes.png", mode)
    found = read_masks(write_masks(source, tmp_path / "photo.png", ["hill", "sun"], folder))
    assert list(found) == ["hill", "sun"]
    assert np.array_equal(found["hill"], HILL) and np.array_equal(found["sun"], SUN)


def test_a_class_without_pixels_is_told_and_no_label(tmp_path, folder):
    source = save_classes(tmp_path / "classes.png")
    with pytest.warns(UserWarning, match="no pixel is of class 3, moon"):
        found = write_masks(source, tmp_path / "photo.png", ["hill", "sun", "moon"], folder)
    assert [path.stem for path in found] == ["hill", "sun"]


def test_class_numbers_need_their_names(tmp_path, folder):
    source = save_classes(tmp_path / "classes.png")
    with pytest.raises(ImageError, match="has the class number 2, but 1 names were given"):
        write_masks(source, tmp_path / "photo.png", ["hill"], folder)
    with pytest.raises(ImageError, match="its mode is RGB, but class numbers stand in a palette"):
        write_masks(save_classes(source, "RGB"), tmp_path / "photo.png", ["hill"], folder)


def test_what_voc_and_coco_hold_of_a_dataset_is_read_back(labelled_bundle, tmp_path, folder):
    pytest.importorskip("pycocotools")
    sampler = Sampler.load(labelled_bundle, threads=1)
    write_dataset(sampler, tmp_path, DatasetSpec(2, formats=("coco", "voc")))
    name = "labelled_bundle_41x32_1.png"
    masks = sampler.labelled(seed=1)[1] > 0

    for source in (tmp_path / "annotations.json", tmp_path / "SegmentationClass" / name):
        found = read_masks(write_masks(source, tmp_path / "images" / name, ["hill", "sun"], folder))
        assert np.array_equal(found["sun"], masks[..., 1])
        if source.suffix == ".json":  # VOC gives a pixel one label alone
            assert np.array_equal(found["hill"], masks[..., 0])


def test_polygons_and_plain_run_lengths_are_read(tmp_path, folder):
    pytest.importorskip("pycocotools")
    corners = [30, 5, 41, 5, 41, 12, 30, 12]
    columns = SUN.T.ravel()
    edges = np.flatnonzero(np.diff(columns, prepend=False, append=False))
    runs = np.diff([0, *edges, columns.size]).tolist()
    for segmentation in ([corners], {"size": [40, 60], "counts": runs}):
        source = annotate(tmp_path / "a.json", segmentation)
        found = read_masks(write_masks(source, tmp_path / "photo.png", [], folder))
        assert list(found) == ["the sun"] and np.array_equal(found["the sun"], SUN)


def test_only_polygons_need_pycocotools(tmp_path, folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    source = annotate(tmp_path / "a.json", {"size": [40, 60], "counts": [0, 2400]})
    assert write_masks(source, tmp_path / "photo.png", [], folder)
    source = annotate(tmp_path / "a.json", [[1, 1, 9, 1, 9, 9]])
    with pytest.raises(InstallError, match="pycocotools"):
        write_masks(source, tmp_path / "photo.png", [], folder)


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [40, 60], "counts": [10**12, 1]},
        {"size": [40, 60], "counts": [-5, 2405]},
        {"size": [40, 60], "counts": []},
        {"size": [40, 60], "counts": "oooooooooooooooooooo"},
        {"size": [40, 60], "counts": "~~~~"},
        {"size": [10**6, 10**6], "counts": [10**12]},
        {"counts": [2400]},
        [[1, 2, 3]],
        [[1, 2, 3, 4, 1e300, 6]],
        [["x"] * 6],
        "text",
        None,
        7,
    ],
)
def test_damaged_annotations_are_refused_in_words(tmp_path, folder, segmentation):
    source = annotate(tmp_path / "a.json", segmentation)
    with pytest.raises(ImageError, match=r"not COCO's annotations of photo\.png") as caught:
        write_masks(source, tmp_path / "photo.png", [], folder)
    assert "\n" not in str(caught.value)


def test_damaged_files_of_annotations_are_refused_in_words(tmp_path, folder):
    photo, source = tmp_path / "photo.png", tmp_path / "a.json"
    for changes in ({"images": 3}, {"categories": []}, {"annotations": None}, {"images": [{}]}):
        annotate(source, {"size": [40, 60], "counts": [0, 2400]}, **changes)
        with pytest.raises(ImageError, match="not COCO's annotations"):
            write_masks(source, photo, [], folder)
    annotate(source, {"size": [40, 60], "counts": [0, 2400]}, size=(10**6, 10**6))
    with pytest.raises(ImageError, match="a picture of 1000000x1000000"):
        write_masks(source, photo, [], folder)
    annotate(source, {"size": [40, 60], "counts": [2400]})
    with pytest.raises(ImageError, match=r"no label covers any pixel of photo\.png"):
        write_masks(source, photo, [], folder)
    source.write_text("[")
    with pytest.raises(ImageError, match="not COCO's annotations"):
        write_masks(source, photo, [], folder)


def test_the_photo_must_be_named_among_several(tmp_path, folder):
    source = annotate(tmp_path / "a.json", {"size": [40, 60], "counts": [0, 2400]})
    assert write_masks(source, tmp_path / "another.png", [], folder)
    data = json.loads(source.read_text())
    data["images"].append(data["images"][0] | {"id": 8, "file_name": "b.png"})
    source.write_text(json.dumps(data))
    assert write_masks(source, tmp_path / "photo.png", [], folder)
    with pytest.raises(ImageError, match=r"2 of its 2 pictures may be another\.png"):
        write_masks(source, tmp_path / "another.png", [], folder)


def test_the_command_trains_with_such_files(tmp_path):
    pytest.importorskip("torch")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(
        tmp_path / "photo.png"
    )
    classes = save_classes(tmp_path / "classes.png")
    words = ("train", tmp_path / "photo.png", "--out", tmp_path / "run", "--preset", "draft")
    assert "hill" in call(*words, "--mask", classes, "--classes", "hill,sun", "--dry-run")[1]
    source = annotate(tmp_path / "a.json", {"size": [40, 60], "counts": [0, 2400 - 9, 9]})
    assert "the sun" in call(*words, "--mask", source, "--dry-run")[1]
    assert "a mask of labels" in one_line(*words, "--mask", classes, "--dry-run")
    assert "--classes names the classes of one --mask" in usage(*words, "--classes", "a")
    annotate(source, {"size": [40, 61], "counts": [0, 2440]}, size=(40, 61))
    assert "must be 60x40" in one_line(*words, "--mask", source, "--dry-run")
