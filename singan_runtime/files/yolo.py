"""Labels for YOLO: a text file beside every picture, in which a line is a polygon of an object."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from singan_core.arrays import Mask
from singan_core.atomic import atomic_file
from singan_core.errors import OutputError
from singan_runtime.connected import Piece
from singan_runtime.files.dataset_index import IMAGES
from singan_runtime.files.polygons import fill, trace

LABELS, DATA = "labels", "data.yaml"
LEAST_OVERLAP = 0.98
"""Least intersection over union of the polygons of a label with what they stand for."""


def write_labels(path: Path, pieces: list[list[Piece]], size: tuple[int, int]) -> None:
    """Write the file of a picture (height, width), whose pieces are given for each label.

    Points are the middles of pixels in shares of the picture. Raises OutputError, also for
    polygons that do not stand for the mask.
    """
    lines = []
    for number, ones in enumerate(pieces):
        polygons = [trace(piece) for piece in ones]
        if (overlap := _measure_overlap(fill(polygons, size), ones)) < LEAST_OVERLAP:
            raise OutputError(
                f"{path}: polygons have an intersection over union of {overlap:.3f} with the mask, "
                f"{LEAST_OVERLAP} is needed: leave out yolo, or smooth masks with --despeckle"
            )
        for points in polygons:
            shares = (points + 0.5) / (size[1], size[0])
            lines.append(" ".join([str(number), *(f"{share:.7f}" for share in shares.ravel())]))

    with atomic_file(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def _measure_overlap(filled: Mask, pieces: list[Piece]) -> float:
    """Measure the intersection over union of what polygons fill with pieces."""
    mask = np.zeros_like(filled)
    for piece in pieces:
        height, width = piece.mask.shape
        mask[piece.y : piece.y + height, piece.x : piece.x + width] |= piece.mask
    union = np.count_nonzero(mask | filled)
    return float(np.count_nonzero(mask & filled) / union) if union else 1.0


def write_data(out: Path, parts: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Write data.yaml, which says where the parts are and how labels are numbered.

    Without a part for validation, the pictures for training stand for it, as YOLO needs both.
    Raises OutputError.
    """
    folders = [f"{part}/{IMAGES}" if part else IMAGES for part in parts]
    lines = [f"train: {folders[0]}", f"val: {folders[-1]}", "names:"]
    lines += [f"  {number}: {json.dumps(label)}" for number, label in enumerate(labels)]
    with atomic_file(out / DATA) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
