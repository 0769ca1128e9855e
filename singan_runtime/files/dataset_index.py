"""The index of a dataset: which label covers what in which picture, as CSV and as COCO JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError
from singan_core.pyramid import Size
from singan_runtime.drawing import Renderer

IMAGES, MASKS, CSV, COCO = "images", "masks", "index.csv", "annotations.json"
_HEADER = ("image", "mask", "label", "seed", "width", "height", "area")
_BOX = ("box_x", "box_y", "box_width", "box_height")


@dataclass(frozen=True)
class Row:
    """A label in a picture: how many pixels it covers, where, and which."""

    name: str  # of the picture's file
    seed: int
    size: Size  # (height, width) of the picture
    label: str
    area: int  # px; 0 if the object is not in the picture
    box: tuple[int, int, int, int]  # x, y, width, height
    run_lengths: dict[str, Any]  # COCO's form of the mask


def list_rows(name: str, seed: int, labels: tuple[str, ...], masks: Pixels) -> Iterator[Row]:
    """List the rows of a picture, one for each label.

    masks are uint8 (h, w, labels), 0 or 255.
    """
    tool = import_pycocotools()
    size = masks.shape[0], masks.shape[1]
    for k, label in enumerate(labels):
        coded = tool.encode(np.asfortranarray(masks[..., k] // 255))
        x, y, width, height = (round(float(value)) for value in tool.toBbox(coded))
        lengths = {"size": coded["size"], "counts": coded["counts"].decode("ascii")}
        area = int(tool.area(coded))
        yield Row(name, seed, size, label, area, (x, y, width, height), lengths)


def write_indexes(out: Path, rows: list[Row], renderer: Renderer, spec: dict[str, Any]) -> None:
    """Write both forms of the index.

    spec is what decides the pictures, as JSON's types. Raises OutputError.
    """
    with atomic_file(out / CSV) as temporary:
        _write_csv(temporary, rows)
    content = _make_coco(rows, renderer, spec)
    with atomic_file(out / COCO) as temporary:
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _write_csv(path: Path, rows: list[Row]) -> None:
    """Write a line for each picture and label."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*_HEADER, *_BOX])
        for row in rows:
            paths = f"{IMAGES}/{row.name}", f"{MASKS}/{row.label}/{row.name}"
            height, width = row.size
            lines.writerow([*paths, row.label, row.seed, width, height, row.area, *row.box])


def _make_coco(rows: list[Row], renderer: Renderer, spec: dict[str, Any]) -> dict[str, Any]:
    """Make the index in COCO's format of object detection.

    It has an annotation for each label that is in a picture. File names count from images/.
    """
    manifest = renderer.manifest
    pictures = {row.name: row for row in rows}
    numbers = {name: number for number, name in enumerate(pictures, 1)}
    categories = {label: number for number, label in enumerate(manifest.labels, 1)}
    present = [row for row in rows if row.area]

    info = {
        "description": f"Pictures drawn by singan from the model {manifest.name}",
        "identity": renderer.identity,
        "request": spec,
    }
    return {
        "info": info,
        "images": [_describe_image(row, numbers[name]) for name, row in pictures.items()],
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
        "annotations": [
            _describe_annotation(row, number, numbers[row.name], categories[row.label])
            for number, row in enumerate(present, 1)
        ],
    }


def _describe_image(row: Row, number: int) -> dict[str, Any]:
    height, width = row.size
    return {
        "id": number,
        "file_name": row.name,
        "width": width,
        "height": height,
        "seed": row.seed,
    }


def _describe_annotation(row: Row, number: int, image: int, category: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": row.run_lengths,
        "area": row.area,
        "bbox": list(row.box),
        "iscrowd": 0,
    }


def import_pycocotools() -> Any:
    """Import pycocotools.mask. Raises InstallError."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InstallError(
            "the COCO index needs pycocotools; run: pip install pycocotools "
            "(singan's extra dataset)"
        ) from error
    return mask
