"""Datasets in the formats that other programs load, each read as they read it."""

import csv
import json
import os
import subprocess
import venv
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import call, one_line, usage
from file_contents import files_of, pixels_of
from PIL import Image, ImageDraw

from singan_core.errors import InstallError, OutputError, RequestError
from singan_runtime import DatasetSpec, LabelledPictures, Request, Sampler, write_dataset
from singan_runtime.connected import Piece, find_pieces
from singan_runtime.files import yolo
from singan_runtime.files.polygons import fill, trace
from singan_runtime.files.voc import make_palette

RING = np.zeros((32, 41), bool)
RING[4:20, 5:25] = True
RING[9:14, 10:19] = False  # a hole
RING[25:27, 30:36] = True  # a second piece
RING[30, 2] = True  # a speck


@pytest.fixture
def labelled(labelled_bundle):
    return Sampler.load(labelled_bundle, threads=1)


@pytest.fixture
def ringed(labelled, monkeypatch):
    """A model whose pictures all show a ring, another piece and a speck, labelled sun."""

    def draw(*_):
        masks = np.stack([np.zeros_like(RING), RING], axis=2)
        return np.full((32, 41, 3), 100, np.uint8), np.where(masks, np.uint8(255), np.uint8(0))

    monkeypatch.setattr(labelled, "draw_labelled", draw)
    return labelled


def write(sampler, out, count=1, **words):
    write_dataset(sampler, out, DatasetSpec(count, **words))
    return out


def read_yolo(path, size):
    """Read a file of labels by ultralytics' rules: class, mask; fillPoly cuts fractions off."""
    height, width = size
    for line in path.read_text().splitlines():
        words = line.split()
        assert len(words) >= 7 and len(words) % 2 == 1, "a polygon has three points or more"
        points = np.array(words[1:], np.float32).reshape(-1, 2)
        assert (points >= 0).all() and (points <= 1).all()
        image = Image.new("1", (width, height))
        corners = (points * (width, height)).astype(np.int32)
        ImageDraw.Draw(image).polygon([tuple(one) for one in corners.tolist()], 1, 1)
        yield int(words[0]), np.asarray(image)


# pieces and polygons


def test_pieces_are_what_touches_by_sides_or_corners():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    found = [(piece.y, piece.x, piece.area, piece.box) for piece in find_pieces(mask)]
    assert found == [(0, 0, 2, (0, 0, 2, 2)), (0, 3, 2, (3, 0, 1, 2)), (3, 0, 1, (0, 3, 1, 1))]
    assert len(list(find_pieces(mask, 2))) == 2 and not list(find_pieces(np.zeros((3, 3), bool)))


def test_polygons_give_any_mask_back_with_its_holes():
    random = np.random.default_rng(0)
    for _ in range(100):
        mask = random.random(random.integers(1, 30, 2)) < random.random()
        for piece in find_pieces(mask):
            whole = np.zeros_like(mask)
            height, width = piece.mask.shape
            whole[piece.y : piece.y + height, piece.x : piece.x + width] = piece.mask
            assert np.array_equal(fill([trace(piece)], mask.shape), whole)


def test_a_polygon_leaves_out_what_lies_on_a_straight_line():
    corners = trace(Piece(2, 3, np.ones((5, 9), bool))).tolist()
    assert len(corners) == 4 and sorted(corners) == [[3, 2], [3, 6], [11, 2], [11, 6]]
    assert trace(Piece(0, 0, np.ones((1, 1), bool))).tolist() == [[0, 0]] * 3


# one format each


def test_yolo_files_give_the_masks_back_with_their_holes(ringed, tmp_path):
    write(ringed, tmp_path, formats=("yolo",))
    found = list(read_yolo(tmp_path / "labels" / "labelled_bundle_41x32_0.txt", RING.shape))
    assert [number for number, _ in found] == [1, 1, 1]
    assert np.array_equal(np.any([mask for _, mask in found], axis=0), RING)
    assert (tmp_path / "data.yaml").read_text() == (
        'train: images\nval: images\nnames:\n  0: "hill"\n  1: "sun"\n'
    )


def test_yolo_files_of_a_drawn_model_give_the_masks_back(labelled, tmp_path):
    write(labelled, tmp_path, formats=("yolo",), request=Request((70, 90)))
    found = list(read_yolo(tmp_path / "labels" / "labelled_bundle_90x70_0.txt", (70, 90)))
    for k, label in enumerate(("hill", "sun")):
        mask = pixels_of(tmp_path / "masks" / label / "labelled_bundle_90x70_0.png") > 0
        filled = np.any([one for number, one in found if number == k], axis=0)
        assert np.array_equal(filled, mask)


def test_polygons_that_lose_the_mask_are_refused(ringed, tmp_path, monkeypatch):
    def without_hole(piece):
        return trace(Piece(piece.y, piece.x, np.ones_like(piece.mask)))

    monkeypatch.setattr(yolo, "trace", without_hole)
    with pytest.raises(OutputError, match=r"union of 0\.\d+ with the mask, 0\.98 is needed"):
        write(ringed, tmp_path, formats=("yolo",))
    assert not list((tmp_path / "labels").iterdir())


def test_voc_files_hold_boxes_and_class_numbers(ringed, tmp_path):
    write(ringed, tmp_path, formats=("voc",), instances=True)
    top = ElementTree.parse(tmp_path / "Annotations" / "labelled_bundle_41x32_0.xml").getroot()
    assert (tmp_path / top.findtext("folder") / top.findtext("filename")).is_file()
    assert [top.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [
        "41",
        "32",
        "3",
    ]
    boxes = [
        [int(one.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")]
        for one in top.iter("object")
    ]
    assert {one.findtext("name") for one in top.iter("object")} == {"sun"}
    assert boxes == [[6, 5, 25, 20]]  # from 1 on, the last pixel inside; 12 px are no instance
    with Image.open(tmp_path / "SegmentationClass" / "labelled_bundle_41x32_0.png") as image:
        assert image.mode == "P" and np.array_equal(np.asarray(image), RING * 2)
        assert image.getpalette()[3:9] == [128, 0, 0, 0, 128, 0]  # VOC's first two colours
    assert make_palette()[255].tolist() == [224, 224, 192]


def test_metadata_names_pictures_masks_and_objects(ringed, tmp_path):
    write(ringed, tmp_path, 2, formats=("hf",), instances=True, min_area=12)
    lines = (tmp_path / "metadata.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["seed"], second["seed"], first["width"], first["height"]) == (0, 1, 41, 32)
    for name in ("file_name", "mask_hill_file_name", "mask_sun_file_name"):
        assert pixels_of(tmp_path / second[name]).shape[:2] == (32, 41)
    assert first["objects"] == {
        "category": ["sun", "sun"],
        "bbox": [[5, 4, 20, 16], [30, 25, 6, 2]],
        "area": [275, 12],
    }


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_instances_are_annotations_of_their_own_in_coco(ringed, tmp_path):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO

    write(ringed, tmp_path, instances=True, min_area=2)
    index = COCO(str(tmp_path / "annotations.json"))
    masks = [index.annToMask(one) for one in index.loadAnns(index.getAnnIds())]
    assert [mask.sum() for mask in masks] == [275, 12]
    assert np.array_equal(masks[0] + masks[1] > 0, RING & (np.arange(32) < 30)[:, None])
    with open(tmp_path / "index.csv", newline="") as file:
        assert [row["area"] for row in csv.DictReader(file)] == ["0", "288"]  # whole labels


def test_overlays_show_labels_and_boxes(ringed, tmp_path):
    write(ringed, tmp_path, formats=("png",), overlays=True)
    drawn = pixels_of(tmp_path / "overlays" / "labelled_bundle_41x32_0.png")
    assert drawn[22, 20].tolist() == [100, 100, 100] and drawn[6, 7].tolist() == [50, 114, 50]
    assert drawn[4, 2].tolist() == [0, 128, 0]  # the box around all of the label


def test_only_coco_needs_pycocotools(labelled, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    write(labelled, tmp_path / "a", formats=("png", "yolo", "voc", "hf"))
    assert not (tmp_path / "a" / "annotations.json").exists()
    with pytest.raises(InstallError, match="or choose other formats"):
        write(labelled, tmp_path / "b", formats=("coco",))


# parts


ALL = ("png", "yolo", "voc", "hf")


def test_parts_are_whole_datasets_and_share_no_picture(labelled, tmp_path):
    write(labelled, tmp_path, 5, formats=ALL, val=0.4)
    names = {part: [] for part in ("train", "val")}
    for part, found in names.items():
        images = sorted(path.stem for path in (tmp_path / part / "images").iterdir())
        found += images
        for folder in ("labels", "Annotations", "masks/hill", "masks/sun", "SegmentationClass"):
            assert sorted(path.stem for path in (tmp_path / part / folder).iterdir()) == images
        lines = (tmp_path / part / "metadata.jsonl").read_text().splitlines()
        assert [json.loads(line)["file_name"] for line in lines] == [
            f"images/{name}.png" for name in images
        ]
    assert [name[-1] for name in names["train"]] == ["0", "1", "3"]
    assert [name[-1] for name in names["val"]] == ["2", "4"]
    assert "train: train/images\nval: val/images\n" in (tmp_path / "data.yaml").read_text()


def test_a_dataset_in_parts_goes_on_and_grows_to_the_same_bytes(labelled, tmp_path):
    words = {"formats": ALL, "val": 0.4, "overlays": True}
    write(labelled, tmp_path / "whole", 5, **words)
    write(labelled, tmp_path / "grown", 3, **words)
    (tmp_path / "grown" / "train" / "labels" / "labelled_bundle_41x32_0.txt").unlink()
    assert write_dataset(labelled, tmp_path / "grown", DatasetSpec(5, **words)) == 3
    assert files_of(tmp_path / "grown") == files_of(tmp_path / "whole")


def test_no_picture_gets_into_both_parts(labelled, tmp_path):
    write(labelled, tmp_path, 5, formats=("png",), val=0.4)
    before = files_of(tmp_path)
    for val in (0.0, 0.2, 0.8):
        with pytest.raises(OutputError, match="give the same --val again"):
            write(labelled, tmp_path, 5, formats=("png",), val=val)
    assert files_of(tmp_path) == before


def test_wrong_words_are_refused():
    with pytest.raises(RequestError, match="give some of coco, yolo, voc, png, hf"):
        DatasetSpec(1, formats=("tfrecord",))
    with pytest.raises(RequestError, match="of 4 pictures is less than one"):
        DatasetSpec(4, val=0.2)
    with pytest.raises(RequestError, match="val"):
        DatasetSpec(4, val=0.95)


def test_the_command_takes_formats(labelled_bundle, tmp_path):
    words = ("dataset", labelled_bundle, "--out", tmp_path, "--count", "2", "--threads", "1")
    assert call(*words, "--format", "yolo, hf", "--val", "0.5", "--instances")[0] == 0
    assert (tmp_path / "val" / "labels").is_dir() and (tmp_path / "train" / "images").is_dir()
    assert "--min-area says which pieces" in usage(*words, "--min-area", "5")
    assert "formats ('xml',) are not possible" in one_line(*words, "--format", "xml")


# a sequence


def test_a_sequence_draws_what_a_dataset_writes(labelled_bundle, labelled, tmp_path):
    spec = DatasetSpec(3, Request((40, 50), 7), despeckle=3)
    pictures = LabelledPictures(labelled_bundle, spec)
    write(labelled, tmp_path, 3, request=spec.request, despeckle=3, formats=("png",))
    assert len(pictures) == 3 and pictures.labels == ("hill", "sun")
    items = list(pictures)
    assert [item["seed"] for item in items] == [7, 8, 9]
    for item in items:
        name = f"labelled_bundle_50x40_{item['seed']}.png"
        assert np.array_equal(item["image"], pixels_of(tmp_path / "images" / name))
        assert np.array_equal(item["masks"][..., 1], pixels_of(tmp_path / "masks" / "sun" / name))
    assert np.array_equal(pictures[-1]["image"], items[2]["image"])
    with pytest.raises(IndexError):
        pictures[3]
    with pytest.raises(RequestError, match="picture 'x' is not possible"):
        pictures["x"]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_torch_loads_a_sequence_in_workers(labelled_bundle, start):
    torch_data = pytest.importorskip("torch.utils.data")
    pictures = LabelledPictures(labelled_bundle, DatasetSpec(4, Request((24, 30))))
    loader = torch_data.DataLoader(
        pictures, batch_size=2, num_workers=1, multiprocessing_context=start
    )
    batches = list(loader)
    assert [batch["seed"].tolist() for batch in batches] == [[0, 1], [2, 3]]
    assert batches[1]["image"].shape == (2, 24, 30, 3)
    assert np.array_equal(batches[1]["masks"][1].numpy(), pictures[3]["masks"])


LOADS = """
import json, sys
import numpy as np
from datasets import load_dataset

parts = load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])
for name, part in parts.items():
    for row in part:
        sums = [int(np.asarray(row[k], np.int64).sum()) for k in ("image", "mask_hill", "mask_sun")]
        print(json.dumps([name, row["seed"], sums, row["objects"]["category"]]))
"""


@pytest.mark.slow
def test_hugging_face_loads_the_folder(labelled, tmp_path):
    """In an environment of its own: datasets brings pandas and pyarrow, 420 MB in all."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    words = ["-m", "pip", "install", "--quiet", "datasets==5.2.0", "Pillow"]
    if subprocess.run([python, *words], capture_output=True, timeout=300).returncode:
        pytest.skip("datasets cannot be installed here")

    write(labelled, tmp_path / "data", 5, formats=("hf",), val=0.4)
    home = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    script = [python, "-c", LOADS, tmp_path / "data", tmp_path / "cache"]
    done = subprocess.run(
        script, capture_output=True, text=True, check=True, timeout=300, env=os.environ | home
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(name, seed) for name, seed, *_ in rows] == [
        ("train", 0),
        ("train", 1),
        ("train", 3),
        ("validation", 2),
        ("validation", 4),
    ]
    for _, seed, sums, categories in rows:
        pixels, masks = labelled.labelled((32, 41), seed)
        assert sums == [pixels.sum(), masks[..., 0].sum(), masks[..., 1].sum()]
        assert categories == ["hill", "sun"]
