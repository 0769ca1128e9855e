"""Masks from files that hold several labels: pictures of class numbers, and COCO's annotations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import bounded_json, encoding
from singan_core.arrays import Mask
from singan_core.errors import ImageError, say_reason
from singan_core.picture_files import WHOLE, check_path, open_picture
from singan_core.plain_names import make_plain
from singan_core.pyramid import Size
from singan_runtime.files.dataset_index import import_pycocotools

COCO_ENDING = ".json"
NO_CLASS = (0, 255)
"""Class numbers of the background, and of what has no class."""

_MOST_COCO = 1 << 26  # bytes of a file of annotations
_FAR = 4  # times the picture's side: points of a polygon may lie so far outside
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def write_masks(path: Path, photo: Path, classes: Sequence[str], folder: Path) -> list[Path]:
    """Write every label of a file as a mask into a folder, and return the masks' paths.

    The file is COCO's annotations of a photo, if it ends in .json, or else a picture whose pixels
    are class numbers, of which classes are the names from 1 on. Raises ImageError, or InstallError
    without pycocotools.
    """
    check_path(path)
    is_coco = path.suffix.lower() == COCO_ENDING
    found = _read_coco(path, photo) if is_coco else _read_classes(path, classes)
    written = []
    for label, mask in found:
        written.append(folder / f"{make_plain(label)}.png")
        encoding.save(written[-1], mask[..., None] * np.uint8(255))
    if not written:
        raise ImageError(f"{path}: no label covers any pixel of {photo.name}; name another file")
    return written


def _read_classes(path: Path, classes: Sequence[str]) -> Iterator[tuple[str, Mask]]:
    """Read a picture of class numbers: a palette, or grey of 8 bits. Raises ImageError."""
    image, _ = open_picture(path)
    if image.mode not in ("P", "L"):
        raise ImageError(
            f"{path}: its mode is {image.mode}, but class numbers stand in a palette or in grey of "
            "8 bits; save it so"
        )
    numbers = np.asarray(image)
    beyond = [one for one in np.unique(numbers) if one not in NO_CLASS and one > len(classes)]
    if beyond:
        raise ImageError(
            f"{path}: it has the class number {beyond[0]}, but {len(classes)} names were given; "
            "name all classes from 1 on, in order (--classes)"
        )

    for number, label in enumerate(classes, 1):
        mask = numbers == number
        if mask.any():
            yield label, mask
        else:
            warnings.warn(f"{path}: no pixel is of class {number}, {label}", stacklevel=3)


def _read_coco(path: Path, photo: Path) -> list[tuple[str, Mask]]:
    """Read what COCO's annotations say of a photo, label by label. Raises ImageError."""
    try:
        if path.stat().st_size > _MOST_COCO:
            raise ValueError(f"at most {_MOST_COCO} bytes are read; cut out what is of the photo")
        data = bounded_json.decode(path.read_bytes(), _MOST_COCO)
        entry = _find_image(data["images"], photo, path)
        size = int(entry["height"]), int(entry["width"])
        if min(size) < 1 or size[0] * size[1] > WHOLE:
            raise ValueError(f"a picture of {size[1]}x{size[0]}")

        names = {one["id"]: str(one["name"]) for one in data["categories"]}
        masks: dict[str, Mask] = {}
        for one in data["annotations"]:
            if one["image_id"] == entry["id"]:
                label = names[one["category_id"]]
                mask = _decode_segmentation(one["segmentation"], size)
                masks[label] = masks.get(label, np.False_) | mask
    except (OSError, *_MALFORMED) as error:
        raise ImageError(
            f"{path}: not COCO's annotations of {photo.name} ({say_reason(error)}); "
            "name a mask or another file"
        ) from error
    return [(label, mask) for label, mask in masks.items() if mask.any()]


def _find_image(images: list[dict[str, Any]], photo: Path, path: Path) -> dict[str, Any]:
    """Find the entry of a photo: by its file's name, or else the only one. Raises ImageError."""
    named = [one for one in images if Path(str(one["file_name"])).name == photo.name]
    found = named or images
    if len(found) != 1:
        raise ImageError(
            f"{path}: {len(found)} of its {len(images)} pictures may be {photo.name}; one must "
            "have this file name"
        )
    return found[0]


def _decode_segmentation(segmentation: Any, size: Size) -> Mask:
    """Decode polygons or run lengths, as a mask of a size. Raises one of _MALFORMED."""
    if not isinstance(segmentation, dict):
        polygons = [[float(one) for one in part] for part in segmentation]
        segmentation = _encode_polygons(polygons, size)
    counts = segmentation["counts"]
    runs = _decode_counts(counts) if isinstance(counts, str) else [int(one) for one in counts]
    if tuple(segmentation["size"]) != size or min(runs) < 0 or sum(runs) != size[0] * size[1]:
        raise ValueError("run lengths of another size")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(size[1], size[0]).T


def _encode_polygons(polygons: list[list[float]], size: Size) -> dict[str, Any]:
    """Encode polygons (x, y, x, y, ...) as run lengths of what they cover together."""
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2 or not max(map(abs, polygon)) <= _FAR * max(size):
            raise ValueError("a polygon of less than 3 points, or far outside")
    if not polygons:
        raise ValueError("no polygon")
    tool = import_pycocotools()
    merged = tool.merge(tool.frPyObjects(polygons, *size))
    return {"size": merged["size"], "counts": merged["counts"].decode("ascii")}


def _decode_counts(text: str) -> list[int]:
    """Decode COCO's text of run lengths: from the fourth on, differences to the last but one.

    pycocotools would trust that they fit the picture.
    """
    runs: list[int] = []
    value = place = 0
    for letter in text:
        code = ord(letter) - 48
        value |= (code & 31) << place
        place += 5
        if not 0 <= code < 64 or place > 60:
            raise ValueError("damaged run lengths")
        if code & 32:
            continue
        if code & 16:
            value -= 1 << place
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = place = 0
    return runs
