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

from singan_core.arrays import Mask
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError
from singan_core.paths import explain_output_error
from singan_core.pyramid import Size
from singan_runtime.connected import Piece
from singan_runtime.drawing import Renderer

IMAGES, MASKS, CSV, COCO = "images", "masks", "index.csv", "annotations.json"
_HEADER = ("image", "mask", "label", "seed", "width", "height", "area")
_BOX = ("box_x", "box_y", "box_width", "box_height")

Box = tuple[int, int, int, int]  # x, y, width, height in px


@dataclass(frozen=True)
class Annotation:
    """An object in a picture: all that a label covers, or a connected piece of it."""

    area: int  # px
    box: Box
    run_lengths: dict[str, Any] | None  # COCO's form of the mask, if it is asked for


@dataclass(frozen=True)
class Row:
    """A label in a picture: how many pixels it covers, where, and its annotations."""

    name: str  # of the picture's file
    seed: int
    size: Size  # (height, width) of the picture
    label: str
    area: int  # px; 0 if the object is not in the picture
    box: Box
    annotations: tuple[Annotation, ...]


def make_row(
    name: str, seed: int, label: str, mask: Mask, pieces: list[Piece] | None, with_coco: bool
) -> Row:
    """Make the row of a label, whose mask is (h, w).

    Its pieces are annotations of their own if they are given; else all of the mask is one.
    """
    size = mask.shape[0], mask.shape[1]
    whole = cut_to_box(mask)
    if pieces is None:
        pieces = [] if whole is None else [whole]
    annotations = [
        Annotation(piece.area, piece.box, _encode(piece, size) if with_coco else None)
        for piece in pieces
    ]
    area, box = (0, (0, 0, 0, 0)) if whole is None else (whole.area, whole.box)
    return Row(name, seed, size, label, area, box, tuple(annotations))


def cut_to_box(mask: Mask) -> Piece | None:
    """Cut all of a mask out, connected or not. Returns None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    y, x = int(rows[0]), int(columns[0])
    return Piece(y, x, mask[y : int(rows[-1]) + 1, x : int(columns[-1]) + 1])


def _encode(piece: Piece, size: Size) -> dict[str, Any]:
    """Encode a piece in a picture of a size as COCO's run lengths."""
    mask = np.zeros(size, np.uint8, order="F")
    height, width = piece.mask.shape
    mask[piece.y : piece.y + height, piece.x : piece.x + width] = piece.mask
    coded = import_pycocotools().encode(mask)
    return {"size": coded["size"], "counts": coded["counts"].decode("ascii")}


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


def write_csv(out: Path, rows: Iterable[Row]) -> None:
    """Write a line for each picture and label. Raises OutputError."""
    with (
        atomic_file(out / CSV) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([*_HEADER, *_BOX])
        for row in rows:
            paths = f"{IMAGES}/{row.name}", f"{MASKS}/{row.label}/{row.name}"
            height, width = row.size
            lines.writerow([*paths, row.label, row.seed, width, height, row.area, *row.box])


def write_coco(out: Path, rows: Iterable[Row], renderer: Renderer, spec: dict[str, Any]) -> None:
    """Write the index in COCO's format of object detection, reading the rows several times.

    spec is what decides the pictures, as JSON's types. Raises OutputError.
    """
    with atomic_file(out / COCO) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(_make_coco(rows, renderer, spec))


def _make_coco(rows: Iterable[Row], renderer: Renderer, spec: dict[str, Any]) -> Iterator[str]:
    """Make the index in COCO's format, part by part. File names count from images/."""
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


def group_by_picture(rows: Iterable[Row]) -> Iterator[tuple[int, Iterator[Row]]]:
    """Number the pictures from 1 on, each with its rows, which follow each other."""
    groups = itertools.groupby(rows, lambda row: row.name)
    return ((number, group) for number, (_, group) in enumerate(groups, 1))


def _list_images(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """List the pictures."""
    for number, group in group_by_picture(rows):
        yield _describe_image(next(group), number)


def _list_annotations(rows: Iterable[Row], categories: dict[str, int]) -> Iterator[dict[str, Any]]:
    """List what is annotated in pictures."""
    numbers = itertools.count(1)
    for image, group in group_by_picture(rows):
        for row in group:
            for one in row.annotations:
                yield _describe_annotation(one, next(numbers), image, categories[row.label])


def _describe_image(row: Row, number: int) -> dict[str, Any]:
    height, width = row.size
    return {
        "id": number,
        "file_name": row.name,
        "width": width,
        "height": height,
        "seed": row.seed,
    }


def _describe_annotation(one: Annotation, number: int, image: int, category: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": one.run_lengths,
        "area": one.area,
        "bbox": list(one.box),
        "iscrowd": 0,
    }


def import_pycocotools() -> Any:
    """Import pycocotools.mask. Raises InstallError."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InstallError(
            "the COCO index needs pycocotools; run: pip install pycocotools "
            "(singan's extra dataset), or choose other formats (--format png)"
        ) from error
    return mask
