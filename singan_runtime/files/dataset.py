"""A folder of pictures with their masks and an index; an interrupted one goes on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from singan_core import encoding, fitting
from singan_core.arguments import read_object, read_path
from singan_core.arrays import Pixels
from singan_core.atomic import make_folder
from singan_core.bounded_file import BoundedFile
from singan_core.errors import OutputError, RequestError
from singan_core.fitting import Zoom
from singan_core.limits import MOST_PICTURES, read_reals, read_whole
from singan_core.lock import lock_folder
from singan_core.metadata import KEY, Metadata
from singan_core.paths import require_file
from singan_core.pyramid import Size
from singan_runtime.files import dataset_index
from singan_runtime.files.dataset_index import COCO, CSV, IMAGES, MASKS
from singan_runtime.files.names import name_picture
from singan_runtime.files.presence import UNREADABLE, decode
from singan_runtime.files.provenance import describe_picture
from singan_runtime.keep import Keep
from singan_runtime.request import Request, check_seed
from singan_runtime.sampler import Sampler

__all__ = ["COCO", "CSV", "IMAGES", "MASKS", "DatasetSpec", "write_dataset"]

Shares = tuple[float, float, float, float]

SCALES = 0.01, 100  # times the zoom: the least and the most
MOST_DESPECKLE = 15  # px
TRIES = 100  # of places, until kept objects do not overlap
LONGER_SIDE = 500  # px of pictures with detail, unless told otherwise


@dataclass(frozen=True)
class DatasetSpec:
    """Which pictures a dataset holds: those of a request's seed and of the seeds that follow.

    Objects that the request keeps are labels of the model. They stand whole in every picture, at
    random places. A request without a size stands for the trained size, with detail reduced to
    LONGER_SIDE.
    """

    count: int  # of pictures
    request: Request = field(default_factory=Request)
    within: Shares = (0.0, 0.0, 1.0, 1.0)
    """Where the centres of kept objects may lie: left, top, right, bottom, in shares."""
    scales: tuple[float, float] = (1.0, 1.0)
    """The least and the most that the zoom is multiplied by, at random."""
    despeckle: int = 0
    """Side in px, odd, of the square whose majority a mask's pixel takes; 0 leaves masks alone."""

    def __post_init__(self) -> None:
        """Bring numbers to their plain form. Raises RequestError for what no model can draw."""
        object.__setattr__(self, "count", read_whole(self.count, "count", 1, MOST_PICTURES))
        read_object(self.request, Request, "request")
        check_seed(self.request.seed, self.count)
        if self.request.window is not None or not self.request.detail:
            raise RequestError("a dataset holds whole pictures: leave out window and detail")

        left, top, right, bottom = read_reals(self.within, "within", 4)
        object.__setattr__(self, "within", (left, top, right, bottom))
        if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
            raise RequestError(
                f"places within {left:g},{top:g},{right:g},{bottom:g} are not possible: give left, "
                "top, right and bottom in shares of the picture, 0 to 1 in that order"
            )
        low, high = read_reals(self.scales, "scales", 2)
        object.__setattr__(self, "scales", (low, high))
        if not SCALES[0] <= low <= high <= SCALES[1]:
            raise RequestError(
                f"scales {low:g},{high:g} are not possible: give the least and the most, "
                f"{SCALES[0]} to {SCALES[1]}"
            )
        despeckle = read_whole(self.despeckle, "despeckle", 0, MOST_DESPECKLE)
        object.__setattr__(self, "despeckle", despeckle)
        if self.despeckle and not (self.despeckle % 2 and 3 <= self.despeckle <= MOST_DESPECKLE):
            raise RequestError(
                f"despeckle {self.despeckle} is not possible: "
                f"0, or an odd number of 3 to {MOST_DESPECKLE} px"
            )

    @property
    def seeds(self) -> range:
        """One seed for each picture."""
        return range(self.request.seed, self.request.seed + self.count)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose objects stand in every picture."""
        return tuple(one.name for one in self.request.keep)

    def to_dict(self) -> dict[str, Any]:
        """Return, as JSON's types, what decides every picture but for its seed and their count."""
        described = self.request.to_dict()
        if self.labels:
            described |= {"keep": list(self.labels), "within": list(self.within)}
        if self.scales != (1, 1):
            described["scales"] = list(self.scales)
        if self.despeckle:
            described["despeckle"] = self.despeckle
        return described


def settle(sampler: Sampler, spec: DatasetSpec) -> DatasetSpec:
    """Return the spec with the size that its pictures have with a model, and check it.

    Raises RequestError for what cannot be drawn, InstallError without pycocotools.
    """
    sampler.check_labels()
    size = spec.request.size or sampler.limit_size(LONGER_SIDE)
    spec = replace(spec, request=replace(spec.request, size=size))

    for label in spec.labels:
        if label not in sampler.manifest.labels:
            names = ", ".join(sampler.manifest.labels)
            raise RequestError(
                f"{label}: not a label of {sampler.manifest.name}; keep one or more of {names}"
            )
    sampler.check_pixels(sampler.plan_request(replace(spec.request, keep=())).size)
    for scale in spec.scales:  # an object that is too large is refused before the first picture
        zoom = _find_zoom(sampler, spec, scale)
        for label in spec.labels:
            sampler.plan_request(replace(spec.request, zoom=zoom, keep=(Keep(name=label),)))
    dataset_index.import_pycocotools()
    return spec


def choose_request(sampler: Sampler, spec: DatasetSpec, seed: int) -> Request:
    """Choose the zoom of a seed's picture and the places of the objects that it keeps.

    They are a function of the seed alone. Raises RequestError if no places are found at which the
    objects do not overlap.
    """
    low, high = spec.scales
    zoom = _find_zoom(sampler, spec, low + (high - low) * _draw_share(seed, "scale"))
    request = replace(spec.request, seed=seed, zoom=zoom)
    if not spec.labels:
        return request

    refused = None
    for number in range(TRIES):
        keep = [_place_object(spec, label, seed, number) for label in spec.labels]
        placed = replace(request, keep=tuple(keep))
        try:
            sampler.plan_request(placed)
        except RequestError as error:
            refused = error
        else:
            return placed
    raise RequestError(
        f"seed {seed}: found no places for the kept objects in {TRIES} tries: {refused}"
    )


def _place_object(spec: DatasetSpec, label: str, seed: int, number: int) -> Keep:
    """Choose a place of an object in the try of a number."""
    left, top, right, bottom = spec.within
    x = left + (right - left) * _draw_share(seed, f"x {label} {number}")
    y = top + (bottom - top) * _draw_share(seed, f"y {label} {number}")
    return Keep(None, x, y, label)


def _find_zoom(sampler: Sampler, spec: DatasetSpec, scale: float) -> Zoom:
    """Find the zoom that draws a picture so many times as large as the spec's own zoom."""
    request = spec.request
    if scale == 1:
        return request.zoom
    assert request.size is not None
    return scale * fitting.choose_zoom(sampler.manifest.pyramid, request.size, request.zoom)


def _draw_share(seed: int, name: str) -> float:
    """Draw a number, 0 to below 1, that nothing but the seed and a name decides."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") / 2**32


def write_dataset(
    sampler: Sampler,
    out: Path,
    spec: DatasetSpec,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write the pictures and masks that are not there yet, then the index of all.

    advance is called after each picture. Returns how many were there. Raises RequestError,
    InstallError or OutputError: the folder cannot be written, or a picture of another request is
    in it.
    """
    out = read_path(out, "dataset")
    spec = settle(sampler, read_object(spec, DatasetSpec, "spec"))
    make_folder(out)
    with lock_folder(out):
        return _write(sampler, out, spec, advance)


def _write(sampler: Sampler, out: Path, spec: DatasetSpec, advance: Callable[[], None]) -> int:
    """Write what is missing, and return how many pictures were there."""
    labels = sampler.manifest.labels
    for folder in (out / IMAGES, *(out / MASKS / label for label in labels)):
        make_folder(folder)

    _check_present(sampler, out, spec)  # refuse before the first is drawn

    kept = 0
    with dataset_index.hold_rows(out) as rows:
        for seed in spec.seeds:
            name = _name_file(sampler, spec, seed)
            masks = _read_masks(out, name, labels, spec.request.size)
            if masks is None:
                masks = _write_picture(sampler, out, name, spec, seed)
            else:
                kept += 1
            rows.add(dataset_index.list_rows(name, seed, labels, masks))
            advance()
        dataset_index.write_indexes(out, rows, sampler, spec.to_dict())
    return kept


def _name_file(sampler: Sampler, spec: DatasetSpec, seed: int) -> str:
    return f"{name_picture(sampler.manifest.name, replace(spec.request, seed=seed))}.png"


def _describe_picture(sampler: Sampler, spec: DatasetSpec, seed: int) -> Metadata:
    return describe_picture(sampler, spec.to_dict() | {"seed": seed})


def _check_present(sampler: Sampler, out: Path, spec: DatasetSpec) -> None:
    """Raise OutputError if a picture of another request has the name of one of these.

    The folder is listed, not the seeds, of which there may be a thousand million.
    """
    for path in (out / IMAGES).iterdir():
        digits = path.stem.rpartition("_")[2]
        if not re.fullmatch(r"[0-9]{1,20}", digits) or int(digits) not in spec.seeds:
            continue
        if path.name == _name_file(sampler, spec, int(digits)):
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


def _read_masks(out: Path, name: str, labels: tuple[str, ...], size: Size | None) -> Pixels | None:
    """Read the masks of a complete picture, (h, w, labels).

    Returns None if a file is missing, damaged or of another form.
    """
    try:
        decode(out / IMAGES / name, size)
        masks = [decode(out / MASKS / label / name, size) for label in labels]
    except UNREADABLE:
        return None
    fit = all(mask.shape == size and set(np.unique(mask)) <= {0, 255} for mask in masks)
    return np.stack(masks, axis=2) if fit else None


def _write_picture(sampler: Sampler, out: Path, name: str, spec: DatasetSpec, seed: int) -> Pixels:
    """Draw and write a picture and its masks, and return the masks.

    The picture is written last: where it is, its masks are too.
    """
    pixels, masks = sampler.draw_labelled(choose_request(sampler, spec, seed))
    if spec.despeckle:
        layers = [_remove_specks(layer, spec.despeckle) for layer in np.moveaxis(masks, 2, 0)]
        masks = np.stack(layers, axis=2)

    for k, label in enumerate(sampler.manifest.labels):
        encoding.save(out / MASKS / label / name, masks[..., k : k + 1])
    encoding.save(out / IMAGES / name, pixels, metadata=_describe_picture(sampler, spec, seed))
    return masks


def _remove_specks(mask: Pixels, side: int) -> Pixels:
    """Give each pixel of a mask, uint8 (h, w), the value of most of the square around it."""
    return np.asarray(Image.fromarray(mask).filter(ImageFilter.MedianFilter(side)))
