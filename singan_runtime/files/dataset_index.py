"""The index of a dataset: which label covers what in which picture, as CSV and as COCO JSON."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError
from singan_core.paths import explain_output_error
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


class RowFile:
    """The rows of pictures so far, in a file without a name: memory does not grow with them."""

    def __init__(self, folder: Path, file: IO[str]) -> None:
        self.folder = folder
        self.file = file

    def add(self, rows: Iterable[Row]) -> None:
        """Write further rows. Raises OutputError."""
        try:
            for row in rows:
                self.file.write(json.dumps(dataclasses.asdict(row)) + "\n")
            self.file.flush()
        except OSError as error:
            raise explain_output_error(self.folder, error) from error

    def __iter__(self) -> Iterator[Row]:
        """Read all rows from the first on."""
        self.file.seek(0)
        for line in self.file:
            yield msgspec.json.decode(line, type=Row)


@contextmanager
def hold_rows(folder: Path) -> Iterator[RowFile]:
    """Provide a file for rows in a folder, which the system removes however the program ends."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) as file:
        yield RowFile(folder, file)


def write_indexes(out: Path, rows: Iterable[Row], renderer: Renderer, spec: dict[str, Any]) -> None:
    """Write both forms of the index, reading the rows several times.

    spec is what decides the pictures, as JSON's types. Raises OutputError.
    """
    with atomic_file(out / CSV) as temporary:
        _write_csv(temporary, rows)
    with atomic_file(out / COCO) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(_make_coco(rows, renderer, spec))


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write a line for each picture and label."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*_HEADER, *_BOX])
        for row in rows:
            paths = f"{IMAGES}/{row.name}", f"{MASKS}/{row.label}/{row.name}"
            height, width = row.size
            lines.writerow([*paths, row.label, row.seed, width, height, row.area, *row.box])


def _make_coco(rows: Iterable[Row], renderer: Renderer, spec: dict[str, Any]) -> Iterator[str]:
    """Make the index in COCO's format of object detection, part by part.

    It has an annotation for each label that is in a picture. File names count from images/.
    """
    manifest = renderer.manifest
    categories = {label: number for number, label in enumerate(manifest.labels, 1)}
    info = {
        "description": f"Pictures drawn by singan from the model {manifest.name}",
        "identity": renderer.identity,
        "request": spec,
    }
    named = [{"id": number, "name": label} for label, number in categories.items()]

    yield f'{{"info": {json.dumps(info)}, "images": '
    yield from _write_list(_list_images(rows))
    yield f', "categories": {json.dumps(named)}, "annotations": '
    yield from _write_list(_list_annotations(rows, categories))
    yield "}\n"


def _write_list(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write a list as JSON, a value at a time."""
    yield "["
    for number, value in enumerate(values):
        yield (", " if number else "") + json.dumps(value)
    yield "]"


def _group_by_picture(rows: Iterable[Row]) -> Iterator[tuple[int, Iterator[Row]]]:
    """Number the pictures from 1 on, each with its rows, which follow each other."""
    groups = itertools.groupby(rows, lambda row: row.name)
    return ((number, group) for number, (_, group) in enumerate(groups, 1))


def _list_images(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """List the pictures."""
    for number, group in _group_by_picture(rows):
        yield _describe_image(next(group), number)


def _list_annotations(rows: Iterable[Row], categories: dict[str, int]) -> Iterator[dict[str, Any]]:
    """List the labels that are in pictures."""
    numbers = itertools.count(1)
    for image, group in _group_by_picture(rows):
        for row in group:
            if row.area:
                yield _describe_annotation(row, next(numbers), image, categories[row.label])


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
            "the COCO index needs pycocotools; run: pip install 'singan[dataset]'"
        ) from error
    return mask
