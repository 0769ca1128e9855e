"""A folder of pictures with their masks, and its index as CSV and COCO JSON; an interrupted one goes on."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from singan_core import images, pyramid
from singan_core.atomic import atomic_file, make_folder
from singan_core.errors import InstallError, OutputError, RequestError
from singan_core.pyramid import Size, Zoom
from singan_runtime.objects import Keep
from singan_runtime.sampler import Sampler, check_seed

Pixels = NDArray[np.uint8]
Provenance = Callable[[int], dict[str, str]]
"""PNG text of the picture of a seed: all that it is a function of, by which a kept one is recognised."""

Window = tuple[float, float, float, float]

IMAGES, MASKS, CSV, COCO = "images", "masks", "index.csv", "annotations.json"
MOST_DESPECKLE = 15  # px
TRIES = 100  # of places, until kept objects do not overlap
LONGER_SIDE = 500  # px of pictures with detail, unless told otherwise


@dataclass(frozen=True)
class Request:
    """Which pictures: count of them from a seed on, each as Sampler.labelled draws it."""

    count: int
    seed: int = 0
    size: Size | None = (
        None  # (height, width); None is the trained size, with detail within LONGER_SIDE
    )
    zoom: Zoom = "auto"
    start_scale: int = 0
    keep: tuple[
        str, ...
    ] = ()  # labels whose objects stand whole in every picture, at random places
    within: Window = (
        0.0,
        0.0,
        1.0,
        1.0,
    )  # where their centres may lie: left, top, right, bottom, shares of the picture
    scales: tuple[float, float] = (
        1.0,
        1.0,
    )  # how many times as large as at the zoom a picture is drawn, at random
    despeckle: int = 0  # px, odd: masks take the majority of such a square around each pixel; 0 leaves them alone

    @property
    def seeds(self) -> range:
        """One per picture."""
        return range(self.seed, self.seed + self.count)


@dataclass(frozen=True)
class Row:
    """A label in a picture: how many pixels it covers, where, and which (COCO's run lengths)."""

    name: str  # of the picture's file
    seed: int
    label: str
    area: int  # px; 0 if the object is not in the picture
    box: tuple[int, int, int, int]  # x, y, width, height
    run_lengths: dict[str, Any]


def size_of(sampler: Sampler, request: Request) -> Size:
    """The size of every picture."""
    return sampler.size_within(LONGER_SIDE) if request.size is None else request.size


def check(sampler: Sampler, request: Request) -> None:
    """Raise RequestError for what cannot be drawn, InstallError without pycocotools."""
    sampler.check_labels()
    if request.count < 1:
        raise RequestError(f"count {request.count} is not possible: ask for 1 picture or more")
    check_seed(request.seed, request.count)
    sampler.check_pixels(
        sampler.picture(size_of(sampler, request), request.zoom, request.start_scale).size
    )
    _check_keep(sampler, request)
    if request.despeckle and not (
        request.despeckle % 2 and 3 <= request.despeckle <= MOST_DESPECKLE
    ):
        raise RequestError(
            f"despeckle {request.despeckle} is not possible: 0, or an odd number of 3 to {MOST_DESPECKLE} px"
        )
    _run_lengths()


def _check_keep(sampler: Sampler, request: Request) -> None:
    left, top, right, bottom = request.within
    if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
        raise RequestError(
            f"places within {left:g},{top:g},{right:g},{bottom:g} are not possible: "
            "give left, top, right and bottom in shares of the picture, 0 to 1 in that order"
        )
    low, high = request.scales
    if not 0 < low <= high:
        raise RequestError(
            f"scales {low:g},{high:g} are not possible: give the least and the most, above 0"
        )
    for label in request.keep:
        if label not in sampler.manifest.labels:
            names = ", ".join(sampler.manifest.labels)
            raise RequestError(
                f"{label}: not a label of {sampler.manifest.name}; keep one or more of {names}"
            )
    for (
        scale
    ) in request.scales:  # an object too large for the picture is said before the first is drawn
        zoom = _zoom(sampler, request, scale)
        for label in request.keep:
            sampler.picture(
                size_of(sampler, request),
                zoom,
                request.start_scale,
                keep=sampler.read_keep([label]),
            )


def _zoom(sampler: Sampler, request: Request, scale: float) -> Zoom:
    if scale == 1:
        return request.zoom
    return scale * pyramid.chosen_zoom(
        sampler.manifest.pyramid, size_of(sampler, request), request.zoom
    )


def choose(sampler: Sampler, request: Request, seed: int) -> tuple[Zoom, tuple[Keep, ...]]:
    """Choose the zoom of a seed's picture and the places of the objects that it keeps: a function of the seed alone.

    Raises RequestError if no places are found at which they do not overlap.
    """
    low, high = request.scales
    zoom = _zoom(sampler, request, low + (high - low) * _share(seed, "scale"))
    if not request.keep:
        return zoom, ()
    left, top, right, bottom = request.within
    refused = None
    for number in range(TRIES):
        places = [
            (
                left + (right - left) * _share(seed, f"x {label} {number}"),
                top + (bottom - top) * _share(seed, f"y {label} {number}"),
            )
            for label in request.keep
        ]
        keep = sampler.read_keep(request.keep, places)
        try:
            sampler.picture(size_of(sampler, request), zoom, request.start_scale, keep=keep)
        except RequestError as error:
            refused = error
        else:
            return zoom, keep
    raise RequestError(
        f"seed {seed}: found no places for the kept objects in {TRIES} tries: {refused}"
    )


def _share(seed: int, what: str) -> float:
    """A number from 0 to below 1 that nothing but the seed and the name decides."""
    return int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:4], "big") / 2**32


def write(
    sampler: Sampler,
    out: Path,
    request: Request,
    provenance: Provenance = lambda seed: {},
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write the pictures and masks that are not there yet, then the index of all that were asked for; how many were.

    Raises RequestError, InstallError, or OutputError: not writable, or a picture of another request stands there.
    """
    check(sampler, request)
    labels = sampler.manifest.labels
    for folder in (out / IMAGES, *(out / MASKS / label for label in labels)):
        make_folder(folder)
    size = size_of(sampler, request)
    names = {
        seed: f"{sampler.manifest.name}_{size[1]}x{size[0]}_{seed}.png" for seed in request.seeds
    }
    for seed, name in names.items():  # refuse before the first is drawn
        _check_same(out / IMAGES / name, provenance(seed))
    rows: list[Row] = []
    kept = 0
    for seed, name in names.items():
        masks = _kept(out, name, labels, size)
        if masks is None:
            masks = _make(sampler, out, name, request, seed, provenance(seed))
        else:
            kept += 1
        rows += _rows(name, seed, labels, masks)
        advance()
    _write_csv(out / CSV, rows, size)
    _write_coco(out / COCO, rows, size, sampler)
    return kept


def _check_same(path: Path, text: dict[str, str]) -> None:
    """Raise OutputError if another request's picture stands there; one that cannot be read will be replaced."""
    if path.exists():
        try:
            with Image.open(path) as image:
                found = image.info
        except OSError:
            return
        if any(found.get(key) != value for key, value in text.items()):
            raise OutputError(
                f"{path}: of another model or request; choose another --out or delete that folder"
            )


def _kept(out: Path, name: str, labels: tuple[str, ...], size: Size) -> Pixels | None:
    """The masks of a complete item, (h, w, labels); None if a file is missing, damaged or of another form."""
    try:
        with Image.open(out / IMAGES / name) as image:
            image.load()
            whole = (image.height, image.width) == size
        masks = []
        for label in labels:
            with Image.open(out / MASKS / label / name) as mask:
                masks.append(np.asarray(mask))
    except (OSError, SyntaxError, ValueError):
        return None
    fit = whole and all(mask.shape == size and set(np.unique(mask)) <= {0, 255} for mask in masks)
    return np.stack(masks, axis=2) if fit else None


def _make(
    sampler: Sampler, out: Path, name: str, request: Request, seed: int, text: dict[str, str]
) -> Pixels:
    """Draw and write an item; the picture comes last, so that its being there means that all is. Its masks."""
    zoom, keep = choose(sampler, request, seed)
    pixels, masks = sampler.labelled(
        size_of(sampler, request), seed, zoom, request.start_scale, keep
    )
    if request.despeckle:
        masks = np.stack(
            [_despeckled(masks[..., k], request.despeckle) for k in range(masks.shape[2])], axis=2
        )
    for k, label in enumerate(sampler.manifest.labels):
        images.save(out / MASKS / label / name, masks[..., k : k + 1])
    images.save(out / IMAGES / name, pixels, text=text)
    return masks


def _despeckled(mask: Pixels, side: int) -> Pixels:
    """The mask, uint8 (h, w), each pixel as most of the square around it."""
    return np.asarray(Image.fromarray(mask).filter(ImageFilter.MedianFilter(side)))


def _rows(name: str, seed: int, labels: tuple[str, ...], masks: Pixels) -> Iterator[Row]:
    tool = _run_lengths()
    for k, label in enumerate(labels):
        coded = tool.encode(np.asfortranarray(masks[..., k] // 255))
        x, y, width, height = (round(float(value)) for value in tool.toBbox(coded))
        lengths = {"size": coded["size"], "counts": coded["counts"].decode("ascii")}
        yield Row(name, seed, label, int(tool.area(coded)), (x, y, width, height), lengths)


def _write_csv(path: Path, rows: list[Row], size: Size) -> None:
    """A line per picture and label."""
    header = (
        "image",
        "mask",
        "label",
        "seed",
        "width",
        "height",
        "area",
        "box_x",
        "box_y",
        "box_width",
        "box_height",
    )
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(header)
        for row in rows:
            paths = f"{IMAGES}/{row.name}", f"{MASKS}/{row.label}/{row.name}"
            lines.writerow([*paths, row.label, row.seed, size[1], size[0], row.area, *row.box])


def _write_coco(path: Path, rows: list[Row], size: Size, sampler: Sampler) -> None:
    """COCO's object detection format: an annotation per label that is in a picture; file names as below images/."""
    labels = sampler.manifest.labels
    pictures = {row.name: row.seed for row in rows}
    numbers = {name: number for number, name in enumerate(pictures, 1)}
    shown = [row for row in rows if row.area]
    content = {
        "info": {"description": f"Pictures drawn by singan from the model {sampler.manifest.name}"},
        "images": [
            {
                "id": numbers[name],
                "file_name": name,
                "width": size[1],
                "height": size[0],
                "seed": seed,
            }
            for name, seed in pictures.items()
        ],
        "categories": [{"id": number, "name": label} for number, label in enumerate(labels, 1)],
        "annotations": [
            {
                "id": number,
                "image_id": numbers[row.name],
                "category_id": labels.index(row.label) + 1,
                "segmentation": row.run_lengths,
                "area": row.area,
                "bbox": list(row.box),
                "iscrowd": 0,
            }
            for number, row in enumerate(shown, 1)
        ],
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _run_lengths() -> Any:
    """pycocotools.mask. Raises InstallError."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InstallError(
            "the COCO index needs pycocotools; run: pip install 'singan[dataset]'"
        ) from error
    return mask
