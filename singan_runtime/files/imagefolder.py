"""metadata.jsonl, by which Hugging Face's datasets load a folder of pictures with their labels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from singan_core.atomic import atomic_file
from singan_runtime.files.dataset_index import IMAGES, MASKS, Row, group_by_picture

METADATA = "metadata.jsonl"


def write_metadata(out: Path, rows: Iterable[Row]) -> None:
    """Write a line for each picture: its file, its masks' files and its objects.

    Names that end in file_name become columns of pictures when they are loaded. Raises OutputError.
    """
    with atomic_file(out / METADATA) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for _, group in group_by_picture(rows):
            file.write(json.dumps(_describe_picture(list(group))) + "\n")


def _describe_picture(rows: list[Row]) -> dict[str, Any]:
    """Describe a picture by its rows, one for each label."""
    height, width = rows[0].size
    described: dict[str, Any] = {
        "file_name": f"{IMAGES}/{rows[0].name}",
        "seed": rows[0].seed,
        "width": width,
        "height": height,
    }
    for row in rows:
        described[f"mask_{row.label}_file_name"] = f"{MASKS}/{row.label}/{row.name}"

    objects = [(row.label, one) for row in rows for one in row.annotations]
    described["objects"] = {
        "category": [label for label, _ in objects],
        "bbox": [list(one.box) for _, one in objects],
        "area": [one.area for _, one in objects],
    }
    return described
