"""What a training run is told: one frozen dataclass, and the presets that fill it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from singan_core.errors import RequestError
from singan_core.manifest import MOST_DETAIL

Border = Literal["zero", "noise"]
Schedule = Literal["geometric", "linear"]
Precision = Literal["auto", "float32", "bfloat16"]

MOST_ON_CUDA = 1920
"""Longer side (px) of the standard preset without detail on a GPU, where the photo has as much."""


class Layout(NamedTuple):
    """How far pictures may depart from the photo's layout.

    At the coarsest scale a generator sees 11 px: on a canvas of 15 px it knows nearly everywhere how far the border is,
    and so what belongs there; on a larger one it knows less, and things may appear anywhere.
    """

    min_size: int  # px, shorter side of the coarsest scale
    variety: float  # least diversity that pictures are given


LAYOUTS = {"free": Layout(19, 0.3), "scene": Layout(15, 0.09), "strict": Layout(13, 0.07)}
LEAST_SCALES = 3
"""Of generators below detail levels, so that start scales 0, 1 and 2 all draw."""

IMPORTED = "imported"
"""Preset of a run that another program has trained."""


@dataclass(frozen=True)
class TrainingConfig:
    """Every number of a training run. The defaults are the standard preset."""

    preset: str = "standard"
    seed: int = 0
    channels: str = "auto"
    border: Border = "zero"
    # pyramid
    detail: bool = True  # levels of the photo's own pixels above the generators; runs from before there were any: no
    min_size: int = LAYOUTS["scene"].min_size  # px, shorter side of the coarsest scale
    variety: float = LAYOUTS[
        "scene"
    ].variety  # with detail: least diversity, for which export raises the noise
    hand_over: int = 25  # px, shorter side of the last generator's canvas, where levels go on
    max_size: int = 1920  # px, longer side of the finest scale: of the stored photo, or without detail the generators'
    scale_factor: float = 0.75  # adjusted so that a whole number of scales fits
    schedule: Schedule = "geometric"  # how sizes grow: by a factor, or by as many pixels
    scales: int | None = None  # fixes the number of scales instead
    # networks
    width: int = 32  # channels of the hidden layers at scale 0
    width_doubles_every: int | None = None  # scales; None keeps it constant
    max_width: int = 128
    generator_norm: bool = True  # BatchNorm
    discriminator_norm: bool = False
    fixed_statistics: bool = (
        True  # BatchNorm's, gathered over whole canvases when the learning rate drops
    )
    precision: Precision = (
        "auto"  # of the convolutions in training (the weights are float32): device.precision
    )
    # one scale
    iterations: int = 1500
    window_share: float = 2 / 3  # of the iterations, for scales seen through windows
    discriminator_steps: int = 1  # per iteration
    generator_steps: int = 1
    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_at: float = 0.8  # of the iterations
    decay: float = 0.1
    averaging: float = (
        0.5  # share of the iterations since the drop that the generator's weights are averaged over
    )
    gradient_penalty_weight: float = (
        1.0  # the critic's slope is 1 + distance / (2 weight): a lower one hunts alone
    )
    open_sides: float = 0.5  # share of coarsest fakes drawn as a part of a wider canvas, which the photo never shows
    reconstruction_weight: float = 30.0
    noise_weight: float = 0.1  # noise amplitude per RMSE of the upsampled reconstruction
    continuation: bool = (
        False  # one generator more, for what lies beyond the finest scale, if that is a generator's
    )
    continuation_weight: float = (
        100.0  # its reconstruction weight (SinGAN section 4, super-resolution)
    )
    windows: int = 3  # squares of a large canvas that one step looks at; 0 always takes the whole
    window: int = 48  # px, side of such a square
    pool: int = 64  # previous-scale images made once per scale; 0 draws a new one for every step

    def width_at(self, scale: int) -> int:
        """Channels of the hidden layers at a scale."""
        doublings = scale // self.width_doubles_every if self.width_doubles_every else 0
        return min(self.width * 2**doublings, max(self.width, self.max_width))

    def uses_windows(self, size: tuple[int, int]) -> bool:
        """Whether a canvas is large enough for windows to be less than the whole."""
        return (
            bool(self.windows)
            and min(size) > self.window
            and size[0] * size[1] > self.windows * self.window**2
        )

    def viewed_pixels(self, size: tuple[int, int]) -> int:
        """How many pixels one step looks at."""
        return self.windows * self.window**2 if self.uses_windows(size) else size[0] * size[1]

    def iterations_for(self, size: tuple[int, int]) -> int:
        """Iterations of a scale of this size."""
        return (
            max(1, round(self.iterations * self.window_share))
            if self.uses_windows(size)
            else self.iterations
        )


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
"""The same presets where generators draw everything."""


def preset(name: str, **changes: Any) -> TrainingConfig:
    """Fill the named preset, the one without detail if that is asked for, with the given fields (None: none given).

    Raises RequestError.
    """
    if name not in PRESETS:
        raise RequestError(f"unknown preset {name!r}: choose {', '.join(PRESETS)}")
    given = {key: value for key, value in changes.items() if value is not None}
    detail = given.get("detail", PRESETS[name].detail)
    if detail and not PRESETS[name].detail:
        raise RequestError(
            f"preset {name} has no detail: choose draft or standard, or leave detail out"
        )
    if not detail and "hand_over" in given:
        raise RequestError(
            "without detail there is no hand-over: leave it out, max size says where generators end"
        )
    return checked(replace((PRESETS if detail else WITHOUT_DETAIL)[name], **given))


def chosen_layout(name: str | None, min_size: int | None) -> dict[str, Any]:
    """The fields that a layout stands for, or the min size alone. Raises RequestError for an unknown one or both."""
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
    "min_size": (11, 1024),
    "hand_over": (11, 1024),
    "max_size": (11, MOST_DETAIL),
    "iterations": (1, 10**6),
    "seed": (0, 2**63 - 1),
}


def checked(config: TrainingConfig) -> TrainingConfig:
    """Return the config itself, if every number is possible. Raises RequestError naming the first that is not."""
    for name, (low, high) in _LIMITS.items():
        value = getattr(config, name)
        if not low <= value <= high:
            raise RequestError(
                f"{_words(name)} {value} is not possible: it must be {low} to {high}"
            )
    if config.detail:
        _check_detail(config)
    elif config.max_size < config.min_size:
        raise RequestError(f"max size {config.max_size} is below min size {config.min_size}")
    if config.schedule not in ("geometric", "linear"):
        raise RequestError(f"unknown schedule {config.schedule!r}: choose geometric or linear")
    if config.border not in ("zero", "noise"):
        raise RequestError(f"unknown border {config.border!r}: choose zero or noise")
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise RequestError(
            f"unknown precision {config.precision!r}: choose auto, float32 or bfloat16"
        )
    if config.channels not in ("auto", "1", "3", "4"):
        raise RequestError(f"channels {config.channels!r} is not possible: choose auto, 1, 3 or 4")
    return config


def _check_detail(config: TrainingConfig) -> None:
    """Raise RequestError unless generators, then detail levels, can follow each other."""
    if config.hand_over < config.min_size:
        raise RequestError(
            f"hand-over {config.hand_over} is below min size {config.min_size}: raise the one or lower the other"
        )
    if config.max_size < config.hand_over:
        raise RequestError(
            f"max size {config.max_size} is below hand-over {config.hand_over}: raise the one or lower the other"
        )
    if config.continuation:
        raise RequestError(
            "with detail there is nothing to continue: leave continuation out, or train without detail"
        )


def _words(name: str) -> str:
    """A field's name as messages have it."""
    return "hand-over" if name == "hand_over" else name.replace("_", " ")


def differences(stored: TrainingConfig, asked: dict[str, Any]) -> list[str]:
    """List what was asked for explicitly (not None) and differs from a stored run, as readable phrases."""
    known = {field.name for field in fields(TrainingConfig)}
    return [
        f"{_words(name)} {value} (the run has {getattr(stored, name)})"
        for name, value in asked.items()
        if name in known and value is not None and getattr(stored, name) != value
    ]
