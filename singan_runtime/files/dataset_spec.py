"""What a dataset holds: which pictures, in which formats, and how each picture is asked for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Any

from singan_core.arguments import read_object, read_switch
from singan_core.errors import RequestError
from singan_core.limits import MOST_PICTURES, read_real, read_reals, read_whole, show
from singan_core.zooms import Zoom, choose_zoom
from singan_runtime.files import dataset_index
from singan_runtime.keep import Keep
from singan_runtime.request import Request, check_seed
from singan_runtime.sampler import Sampler

Shares = tuple[float, float, float, float]

SCALES = 0.01, 100  # times the zoom: the least and the most
MOST_DESPECKLE = 15  # px
TRIES = 100  # of places, until kept objects do not overlap
_SEARCHED = 10**5  # pictures, of which one at least is for validation
LONGER_SIDE = 500  # px of pictures with detail, unless told otherwise

COCO, YOLO, VOC, PNG, HUGGING_FACE = "coco", "yolo", "voc", "png", "hf"
FORMATS = (COCO, YOLO, VOC, PNG, HUGGING_FACE)
USUAL_FORMATS = (COCO, PNG)
MIN_AREA = 16  # px of a piece that is an instance, unless told otherwise
MOST_VAL = 0.9  # share of the pictures that are for validation
TRAIN_PART, VAL_PART = "train", "val"


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
    formats: tuple[str, ...] = USUAL_FORMATS
    """In which formats labels are written, of FORMATS. The masks (png) are always written."""
    val: float = 0.0
    """Share of the pictures that are for validation: both parts are folders then."""
    instances: bool = False  # every connected piece of a label is an annotation of its own
    min_area: int = MIN_AREA  # px; smaller pieces are no instances
    overlays: bool = False  # write every picture with its annotations drawn over it as well

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
        self._check_files()

    def _check_files(self) -> None:
        """Check what decides the files but not the pictures. Raises RequestError."""
        object.__setattr__(self, "formats", _read_formats(self.formats))
        object.__setattr__(self, "val", read_real(self.val, "val", 0, MOST_VAL))
        read_switch(self.instances, "instances")
        read_switch(self.overlays, "overlays")
        area = read_whole(self.min_area, "min area", 1, MOST_PICTURES)
        object.__setattr__(self, "min_area", area)
        if self.val and not any(self.is_for_validation(seed) for seed in self.seeds[:_SEARCHED]):
            raise RequestError(
                f"a share of {self.val:g} of {self.count} pictures is less than one: "
                "raise the count or the share for validation"
            )

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of the parts, or '' if there is one part only."""
        return (TRAIN_PART, VAL_PART) if self.val else ("",)

    def find_part(self, seed: int) -> str:
        """Find the part in which the picture of a seed is."""
        if not self.val:
            return ""
        return VAL_PART if self.is_for_validation(seed) else TRAIN_PART

    def is_for_validation(self, seed: int) -> bool:
        """Whether a seed's picture is for validation: every fifth one for a share of 0.2.

        A larger count moves no picture to the other part.
        """
        number = seed - self.request.seed
        return math.floor((number + 1) * self.val) > math.floor(number * self.val)

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


def _read_formats(value: object) -> tuple[str, ...]:
    """Read formats: words of FORMATS. Raises RequestError."""
    if isinstance(value, list | tuple) and value and all(one in FORMATS for one in value):
        return tuple(value)
    known = ", ".join(FORMATS)
    raise RequestError(f"formats {show(value)} are not possible: give some of {known}")


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
    if COCO in spec.formats:
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
    return scale * choose_zoom(sampler.manifest.pyramid, request.size, request.zoom)


def _draw_share(seed: int, name: str) -> float:
    """Draw a number, 0 to below 1, that nothing but the seed and a name decides."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") / 2**32
