"""A folder of pictures with their masks and labels; an interrupted one goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import encoding
from singan_core.arguments import read_object, read_path
from singan_core.arrays import Pixels
from singan_core.atomic import make_folder
from singan_core.bounded_file import BoundedFile
from singan_core.errors import OutputError
from singan_core.lock import lock_folder
from singan_core.metadata import KEY, Metadata
from singan_core.paths import require_file
from singan_core.pyramid import Size
from singan_runtime.files import dataset_index, yolo
from singan_runtime.files.dataset_index import COCO, CSV, IMAGES, MASKS
from singan_runtime.files.dataset_labels import list_folders, write_indexes, write_labels
from singan_runtime.files.dataset_spec import (
    TRAIN_PART,
    VAL_PART,
    YOLO,
    DatasetSpec,
    settle,
)
from singan_runtime.files.names import name_picture
from singan_runtime.files.presence import UNREADABLE, decode
from singan_runtime.files.provenance import describe_picture
from singan_runtime.labelled_pictures import draw_labelled_picture
from singan_runtime.sampler import Sampler

__all__ = ["COCO", "CSV", "IMAGES", "MASKS", "DatasetSpec", "settle", "write_dataset"]


def write_dataset(
    sampler: Sampler,
    out: Path,
    spec: DatasetSpec,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write the pictures and masks that are not there yet, then what labels all of them.

    advance is called after each picture. Returns how many were there. Raises RequestError,
    InstallError or OutputError: the folder cannot be written, or a picture of another request is
    in it.
    """
    out = read_path(out, "dataset")
    spec = settle(sampler, read_object(spec, DatasetSpec, "spec"))
    make_folder(out)
    with lock_folder(out):
        _check_present(sampler, out, spec)  # refuse before the first is drawn
        kept = sum(_write_part(sampler, out, part, spec, advance) for part in spec.parts)
        if YOLO in spec.formats:
            yolo.write_data(out, spec.parts, sampler.manifest.labels)
    return kept


def _write_part(
    sampler: Sampler, out: Path, part: str, spec: DatasetSpec, advance: Callable[[], None]
) -> int:
    """Write what is missing in a part, and return how many pictures were there."""
    labels = sampler.manifest.labels
    folder = out / part
    for name in list_folders(spec, labels):
        make_folder(folder / name)

    kept = 0
    with dataset_index.hold_rows(folder) as rows:
        for seed in spec.seeds:
            if spec.find_part(seed) != part:
                continue
            name = _name_file(sampler, spec, seed)
            drawn = _read_picture(folder, name, labels, spec.request.size)
            if drawn is None:
                drawn = _write_picture(sampler, folder, name, spec, seed)
            else:
                kept += 1
            rows.add(write_labels(folder, name, seed, labels, *drawn, spec))
            advance()
        write_indexes(folder, rows, sampler, spec)
    return kept


def _name_file(sampler: Sampler, spec: DatasetSpec, seed: int) -> str:
    return f"{name_picture(sampler.manifest.name, replace(spec.request, seed=seed))}.png"


def _describe_picture(sampler: Sampler, spec: DatasetSpec, seed: int) -> Metadata:
    return describe_picture(sampler, spec.to_dict() | {"seed": seed})


def _check_present(sampler: Sampler, out: Path, spec: DatasetSpec) -> None:
    """Raise OutputError if a picture of another request, or of another part, has a name of ours.

    Folders are listed, not the seeds, of which there may be a thousand million.
    """
    for part in ("", TRAIN_PART, VAL_PART):
        folder = out / part / IMAGES
        for path in folder.iterdir() if folder.is_dir() else ():
            digits = path.stem.rpartition("_")[2]
            if not re.fullmatch(r"[0-9]{1,20}", digits) or int(digits) not in spec.seeds:
                continue
            if path.name != _name_file(sampler, spec, int(digits)):
                continue
            if spec.find_part(int(digits)) != part:
                raise OutputError(
                    f"{path}: written with another share for validation; "
                    "give the same --val again or choose another --out"
                )
            _check_same(path, _describe_picture(sampler, spec, int(digits)))


def _check_same(path: Path, metadata: Metadata) -> None:
    """Raise OutputError if a picture of another request is at the path.

    One that cannot be read is left to be replaced.
    """
    if not path.exists():
        return
    try:
        with BoundedFile(require_file(path)) as file, Image.open(file, formats=("PNG",)) as image:
            found = image.info.get(KEY)
    except UNREADABLE:
        return
    if found != metadata.record:
        raise OutputError(
            f"{path}: of another model or request; choose another --out or delete that folder"
        )


def _read_picture(
    folder: Path, name: str, labels: tuple[str, ...], size: Size | None
) -> tuple[Pixels, Pixels] | None:
    """Read a complete picture, (h, w, 3), and its masks, (h, w, labels).

    Returns None if a file is missing, damaged or of another form.
    """
    try:
        pixels = decode(folder / IMAGES / name, size)
        masks = [decode(folder / MASKS / label / name, size) for label in labels]
    except UNREADABLE:
        return None
    fit = all(mask.shape == size and set(np.unique(mask)) <= {0, 255} for mask in masks)
    return (pixels, np.stack(masks, axis=2)) if fit and pixels.ndim == 3 else None


def _write_picture(
    sampler: Sampler, folder: Path, name: str, spec: DatasetSpec, seed: int
) -> tuple[Pixels, Pixels]:
    """Draw and write a picture and its masks, and return both.

    The picture is written last: where it is, its masks are too.
    """
    pixels, masks = draw_labelled_picture(sampler, spec, seed)
    for k, label in enumerate(sampler.manifest.labels):
        encoding.save(folder / MASKS / label / name, masks[..., k : k + 1])
    encoding.save(folder / IMAGES / name, pixels, metadata=_describe_picture(sampler, spec, seed))
    return pixels, masks
