"""Every number of a training run: one frozen dataclass, and the presets that fill it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from singan_core import RECEPTIVE_FIELD
from singan_core.arguments import read_switch, read_word
from singan_core.errors import RequestError
from singan_core.file_limits import MOST_HAND_OVER, MOST_SCALES, MOST_SIDE
from singan_core.limits import read_whole

Border = Literal["zero", "noise"]
Schedule = Literal["geometric", "linear"]
Precision = Literal["auto", "float32", "bfloat16"]

MOST_ON_CUDA = 1920
"""Longer side (px) of the standard preset without detail on a GPU, where the photo has as much."""


class Layout(NamedTuple):
    """How far pictures may depart from the photo's layout.

    At the coarsest scale a generator sees 11 px. On a canvas of 15 px it knows nearly everywhere
    how far the border is, and so what belongs there. On a larger one it knows less, and things may
    appear anywhere.
    """

    min_size: int  # px, shorter side of the coarsest scale
    variety: float  # least diversity that pictures are given


LAYOUTS = {"free": Layout(19, 0.3), "scene": Layout(15, 0.09), "strict": Layout(13, 0.07)}
LEAST_SCALES = 3
"""Generators that there are at least below detail levels, so that start scales 0, 1 and 2 exist."""

IMPORTED = "imported"
"""Preset of a run that another program has trained."""


@dataclass(frozen=True)
class TrainingConfig:
    """Every number of a training run. The defaults are the standard preset.

    The field names are those of config.json. `windows` and `window` there mean crops, which is the
    word everywhere else.
    """

    preset: str = "standard"
    seed: int = 0
    channels: str = "auto"
    border: Border = "zero"

    # the pyramid
    detail: bool = True  # levels of the photo's own pixels above the generators
    # shorter side of the coarsest scale, px
    min_size: int = LAYOUTS["scene"].min_size
    # with detail: the least diversity, for which export raises the noise
    variety: float = LAYOUTS["scene"].variety
    # shorter side of the last generator's canvas, above which detail levels go on, px
    hand_over: int = 25
    # longer side of the finest scale, px: the stored photo's, or without detail the generators'
    max_size: int = 1920
    scale_factor: float = 0.75  # adjusted so that a whole number of scales fits
    schedule: Schedule = "geometric"  # sizes grow by a factor, or by equally many pixels
    scales: int | None = None  # fixes the number of scales instead

    # the networks
    width: int = 32  # channels of the hidden layers at scale 0
    width_doubles_every: int | None = None  # scales; None keeps it constant
    max_width: int = 128
    generator_norm: bool = True  # BatchNorm
    discriminator_norm: bool = False
    # whether BatchNorm's statistics are gathered over whole canvases when the learning rate drops
    fixed_statistics: bool = True
    # of the convolutions; the weights are float32 (device.choose_precision says what auto is)
    precision: Precision = "auto"

    # the training of one scale
    iterations: int = 1500
    window_share: float = 2 / 3  # of the iterations, for scales that are seen through crops
    discriminator_steps: int = 1  # per iteration
    generator_steps: int = 1
    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_at: float = 0.8  # share of the iterations after which the learning rate drops
    decay: float = 0.1  # factor by which it drops
    # share of the iterations since the drop that the generator's weights are averaged over
    averaging: float = 0.5
    # With weight w the discriminator's slope becomes 1 + distance / (2 w): a low weight lets the
    # adversarial loss outweigh the reconstruction.
    gradient_penalty_weight: float = 1.0
    # share of the coarsest fakes drawn as part of a wider canvas, which the photo never shows
    open_sides: float = 0.5
    reconstruction_weight: float = 30.0
    noise_weight: float = 0.1  # noise amplitude per RMSE of the upsampled reconstruction
    # without detail: one generator more, which draws what lies beyond the finest scale
    continuation: bool = False
    # its reconstruction weight (SinGAN section 4, super-resolution)
    continuation_weight: float = 100.0
    windows: int = 3  # crops of a large canvas per step; 0 always takes the whole
    window: int = 48  # side of such a crop, px
    pool: int = 64  # previous-scale samples made once per scale; 0 draws a new one for every step

    def width_at(self, scale: int) -> int:
        """Return the channels of the hidden layers at a scale."""
        doublings = scale // self.width_doubles_every if self.width_doubles_every else 0
        return min(self.width * 2**doublings, max(self.width, self.max_width))

    def has_crops(self, size: tuple[int, int]) -> bool:
        """Whether a canvas is so large that a step sees crops of it instead of the whole."""
        return (
            bool(self.windows)
            and min(size) > self.window
            and size[0] * size[1] > self.windows * self.window**2
        )

    def count_viewed_pixels(self, size: tuple[int, int]) -> int:
        """Count the pixels of a canvas that one step sees."""
        return self.windows * self.window**2 if self.has_crops(size) else size[0] * size[1]

    def iterations_for(self, size: tuple[int, int]) -> int:
        """Return the iterations of a scale of this size."""
        if self.has_crops(size):
            return max(1, round(self.iterations * self.window_share))
        return self.iterations


PRESETS = {
    "draft": TrainingConfig(preset="draft", iterations=900, window_share=0.6),
    "standard": TrainingConfig(),
    "paper": TrainingConfig(
        preset="paper",
        detail=False,
        min_size=25,
        max_size=250,
        gradient_penalty_weight=0.1,
        open_sides=0.0,
        width_doubles_every=4,
        precision="float32",
        discriminator_norm=True,
        fixed_statistics=False,
        averaging=0.0,
        reconstruction_weight=10.0,
        iterations=2000,
        discriminator_steps=3,
        generator_steps=3,
        windows=0,
        pool=0,
    ),
}
_GENERATORS_ALONE: dict[str, Any] = {
    "detail": False,
    "min_size": 25,
    "continuation": True,
    "gradient_penalty_weight": 0.1,
    "open_sides": 0.0,
}
WITHOUT_DETAIL = {
    "draft": replace(PRESETS["draft"], **_GENERATORS_ALONE, max_size=192),
    "standard": replace(PRESETS["standard"], **_GENERATORS_ALONE, max_size=250),
    "paper": PRESETS["paper"],
}
"""The same presets for runs without detail, where generators draw everything."""


def make_config(name: str, **changes: Any) -> TrainingConfig:
    """Return the named preset with some fields changed.

    A change to None counts as not given. Without detail (detail=False) the presets start from other
    numbers: WITHOUT_DETAIL.

    Raises RequestError for an unknown preset or an impossible number.
    """
    if read_word(name, "preset") not in PRESETS:
        raise RequestError(f"unknown preset {name!r}: choose {', '.join(PRESETS)}")

    given = {key: value for key, value in changes.items() if value is not None}
    detail = read_switch(given.get("detail", PRESETS[name].detail), "detail")
    if detail and not PRESETS[name].detail:
        raise RequestError(
            f"preset {name} has no detail: choose draft or standard, or leave detail out"
        )
    if not detail and "hand_over" in given:
        raise RequestError(
            "without detail there is no hand-over: leave it out, max size says where generators end"
        )

    config = replace((PRESETS if detail else WITHOUT_DETAIL)[name], **given)
    check_config(config)
    return config


def expand_layout(name: str | None, min_size: int | None) -> dict[str, Any]:
    """Return the fields that a layout stands for, or without a layout the min size alone.

    Raises RequestError for an unknown layout, or if both are given.
    """
    if name is None:
        return {"min_size": min_size}
    if name not in LAYOUTS:
        raise RequestError(f"unknown layout {name!r}: choose {', '.join(LAYOUTS)}")
    if min_size is not None:
        raise RequestError(
            f"layout {name} is min size {LAYOUTS[name].min_size}: give one of the two, not both"
        )
    return LAYOUTS[name]._asdict()


_LIMITS = {
    "min_size": (RECEPTIVE_FIELD, 1024),
    "hand_over": (RECEPTIVE_FIELD, MOST_HAND_OVER),
    "max_size": (RECEPTIVE_FIELD, MOST_SIDE),
    "iterations": (1, 10**6),
    "seed": (0, 2**63 - 1),
}
_CHOICES = {
    "schedule": ("geometric", "linear"),
    "border": ("zero", "noise"),
    "precision": ("auto", "float32", "bfloat16"),
}
_CHANNELS = ("auto", "1", "3", "4")


def check_config(config: TrainingConfig) -> None:
    """Raise RequestError naming the first field whose value is not possible."""
    for name, (low, high) in _LIMITS.items():
        read_whole(getattr(config, name), _to_words(name), low, high)
    if config.scales is not None:
        read_whole(config.scales, "scales", 1, MOST_SCALES)
    for name in ("detail", "continuation"):
        read_switch(getattr(config, name), name)
    for name in (*_CHOICES, "channels"):
        read_word(getattr(config, name), name)

    if config.detail:
        _check_detail(config)
    elif config.max_size < config.min_size:
        raise RequestError(f"max size {config.max_size} is below min size {config.min_size}")

    for name, choices in _CHOICES.items():
        value = getattr(config, name)
        if value not in choices:
            *others, last = choices
            raise RequestError(f"unknown {name} {value!r}: choose {', '.join(others)} or {last}")
    if config.channels not in _CHANNELS:
        raise RequestError(f"channels {config.channels!r} is not possible: choose auto, 1, 3 or 4")


def _check_detail(config: TrainingConfig) -> None:
    """Raise RequestError unless the generators' sizes and then the detail levels' can grow."""
    if config.hand_over < config.min_size:
        raise RequestError(
            f"hand-over {config.hand_over} is below min size {config.min_size}: "
            "raise the one or lower the other"
        )

    if config.max_size < config.hand_over:
        raise RequestError(
            f"max size {config.max_size} is below hand-over {config.hand_over}: "
            "raise the one or lower the other"
        )

    if config.continuation:
        raise RequestError(
            "with detail there is nothing to continue: leave continuation out, "
            "or train without detail"
        )


def _to_words(name: str) -> str:
    """Return a field's name as messages have it."""
    return "hand-over" if name == "hand_over" else name.replace("_", " ")


def list_differences(stored: TrainingConfig, asked: dict[str, Any]) -> list[str]:
    """List, in words, each option that was given (not None) and differs from a stored run's."""
    known = {field.name for field in fields(TrainingConfig)}
    return [
        f"{_to_words(name)} {value} (the run has {getattr(stored, name)})"
        for name, value in asked.items()
        if name in known and value is not None and getattr(stored, name) != value
    ]
