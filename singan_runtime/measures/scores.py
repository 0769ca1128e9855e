"""The scores of samples: what each means, and how it is written for people and for JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

Value = float | tuple[float, ...]

MEANING = {
    "swd": (
        "distance of patch statistics to the photo's (sliced Wasserstein); lower is better, 0 is "
        "equal"
    ),
    "swd_octaves": (
        "swd for each size of detail, finest first; tells if fine or coarse texture is unlike the "
        "photo's"
    ),
    "detail": (
        "detail of each size over the photo's, finest first; 1 is as much, lower is blurred, "
        "higher too sharp"
    ),
    "diversity": (
        "how much samples differ from each other, in units of the photo's own contrast; 0 is no "
        "variety"
    ),
    "guide_diversity": (
        "diversity of what the generators hand over; if diversity is lower, the detail levels "
        "lost some"
    ),
    "coherence": (
        "distance from patches of the samples to the nearest in the photo; high means things it "
        "never showed"
    ),
    "completeness": (
        "distance from patches of the photo to the nearest in the samples; high means things left "
        "out"
    ),
    "structure": (
        "distance from large patches of the samples to the nearest in the photo; high means "
        "broken objects"
    ),
    "layout": (
        "swd of large patches of the pictures at 100 px; low means that big shapes are arranged "
        "as in the photo"
    ),
    "rim": (
        "step from the outermost row or column to the next over the steps behind it; 1 is no frame"
    ),
    "repetition": (
        "how often a sample shows the same patches of the photo; 1 is the best, 2 is twice what "
        "is needed"
    ),
    "piece_size": (
        "area of the copied piece that the median pixel lies in, per cent of the picture; low is "
        "a mosaic"
    ),
    "copied_share": (
        "share of the picture that its largest copied piece covers; 1 is one single copy from the "
        "photo"
    ),
    "join_cost": (
        "how much worse samples follow the photo where copied pieces meet than within; low means "
        "unseen seams"
    ),
    "sifid": "distance of Inception features to the photo's (SinGAN, section 3); lower is better",
}
"""What each score says, in the order in which they are listed; docs/quality.md has the recipes."""


@dataclass(frozen=True)
class Scores:
    """Means over the samples of one start scale, None for what does not apply or was not asked."""

    start_scale: int
    count: int
    swd: float
    swd_octaves: tuple[float, ...]  # finest first
    detail: tuple[float, ...]  # finest first; infinite where the photo has none
    diversity: float
    coherence: float
    completeness: float
    structure: float
    layout: float
    rim: float
    guide_diversity: float | None = None
    repetition: float | None = None
    piece_size: float | None = None
    copied_share: float | None = None
    join_cost: float | None = None
    sifid: float | None = None

    @property
    def measured(self) -> dict[str, Value]:
        """The values of the measures that apply, in the order of MEANING."""
        values = {key: getattr(self, key) for key in MEANING}
        return {key: value for key, value in values.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """Convert every field for a JSON file, where null stands for infinity."""
        converted: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                value = [one if math.isfinite(one) else None for one in value]
            converted[field.name] = value
        return converted


def describe(value: Value) -> str:
    """Write a value for people, or the values of an octave measure."""
    return " ".join(f"{one:.4f}" for one in (value if isinstance(value, tuple) else (value,)))
