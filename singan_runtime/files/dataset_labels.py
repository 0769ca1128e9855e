"""The labels of a dataset's pictures in every format that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from singan_core import encoding
from singan_core.arrays import Pixels
from singan_runtime.connected import Piece, find_pieces
from singan_runtime.drawing import Renderer
from singan_runtime.files import dataset_index, imagefolder, voc, yolo
from singan_runtime.files.dataset_index import IMAGES, MASKS, Row
from singan_runtime.files.dataset_spec import COCO, HUGGING_FACE, VOC, YOLO, DatasetSpec
from singan_runtime.files.overlays import OVERLAYS, draw_overlay


def list_folders(spec: DatasetSpec, labels: tuple[str, ...]) -> list[str]:
    """List the folders of a part of a dataset."""
    folders = [IMAGES, *(f"{MASKS}/{label}" for label in labels)]
    folders += [yolo.LABELS] if YOLO in spec.formats else []
    folders += [voc.ANNOTATIONS, voc.CLASSES] if VOC in spec.formats else []
    folders += [OVERLAYS] if spec.overlays else []
    return folders


def write_labels(
    folder: Path,
    name: str,
    seed: int,
    labels: tuple[str, ...],
    pixels: Pixels,
    masks: Pixels,
    spec: DatasetSpec,
) -> list[Row]:
    """Write the labels of a picture that have files of their own, and return its rows.

    pixels are uint8 (h, w, 3), masks uint8 (h, w, labels), 0 or 255. Raises OutputError.
    """
    pieces = _find_pieces(masks, spec)
    with_coco = COCO in spec.formats
    rows = []
    for k, label in enumerate(labels):
        instances = pieces[k] if spec.instances else None
        mask = masks[..., k] > 0
        rows.append(dataset_index.make_row(name, seed, label, mask, instances, with_coco))

    stem = Path(name).stem
    if YOLO in spec.formats:
        size = masks.shape[0], masks.shape[1]
        yolo.write_labels(folder / yolo.LABELS / f"{stem}.txt", pieces, size)
    if VOC in spec.formats:
        voc.write_boxes(folder / voc.ANNOTATIONS / f"{stem}.xml", rows)
        voc.write_classes(folder / voc.CLASSES / name, masks)
    if spec.overlays:
        encoding.save(folder / OVERLAYS / name, draw_overlay(pixels, masks, rows))
    return rows


def _find_pieces(masks: Pixels, spec: DatasetSpec) -> list[list[Piece]]:
    """Find the pieces of every label that are instances, or all if a label is one annotation.

    A polygon is one piece, so that YOLO's labels need them in either case.
    """
    if not spec.instances and YOLO not in spec.formats:
        return []
    least = spec.min_area if spec.instances else 1
    return [list(find_pieces(mask > 0, least)) for mask in np.moveaxis(masks, 2, 0)]


def write_indexes(folder: Path, rows: Iterable[Row], renderer: Renderer, spec: DatasetSpec) -> None:
    """Write the files that label all pictures of a part, reading the rows several times.

    Raises OutputError.
    """
    dataset_index.write_csv(folder, rows)
    if COCO in spec.formats:
        dataset_index.write_coco(folder, rows, renderer, spec.to_dict())
    if HUGGING_FACE in spec.formats:
        imagefolder.write_metadata(folder, rows)
