"""The clips that singan animate writes: one, or a grid of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from singan_runtime.clips.animation import GRID_BETAS, GRID_START_SCALES, Walk

if TYPE_CHECKING:
    from singan_core.arrays import Mask
    from singan_core.metadata import Metadata
    from singan_core.pyramid import Size
    from singan_core.zooms import Zoom
    from singan_runtime import Sampler
    from singan_runtime.keep import Keep


@dataclasses.dataclass(frozen=True)
class Scene:
    """What moves in every clip."""

    sampler: Sampler
    size: Size
    zoom: Zoom
    keep: tuple[Keep, ...]


@dataclasses.dataclass(frozen=True)
class Style:
    """How frames become files."""

    fps: float
    background: tuple[int, int, int]
    quality: int | None
    has_metadata: bool
    move: Path | None  # the file of the mask of what may move


def make_grid(folder: Path, walk: Walk) -> dict[Path, Walk]:
    """Make the walks of the paper's supplementary overview, by their files.

    They differ in how far down and how smoothly things move.
    """
    walks = {}
    for start_scale, beta in itertools.product(GRID_START_SCALES, GRID_BETAS):
        path = folder / f"start_scale_{start_scale}_beta_{beta:.2f}.gif"
        walks[path] = dataclasses.replace(walk, start_scale=start_scale, beta=beta)
    return walks


def check_clips(
    scene: Scene, walks: Mapping[Path, Walk], style: Style, max_frame_memory: float
) -> None:
    """Refuse, before the first frame is drawn, what cannot be drawn or written.

    Raises RequestError, InstallError or OutputError.
    """
    from singan_runtime.clips import animation
    from singan_runtime.files import video

    for path, walk in walks.items():
        animation.check(walk)
        scene.sampler.plan(scene.size, scene.zoom, walk.start_scale, keep=scene.keep)
        scene.sampler.check_pixels(scene.size)
        holds_all = walk.loop and walk.kind == "paper"
        how = style.fps, max_frame_memory, holds_all, style.quality
        video.check(path, scene.size, walk.length, *how)


def read_move(path: Path | None, size: Size) -> Mask | None:
    """Read the mask of what may move. Raises ImageError, or RequestError if it is too narrow."""
    if path is None:
        return None
    from singan_runtime import masks
    from singan_runtime.clips import animation

    mask = masks.read(path, {size: "the clip's first frame"}, may_fill=True)
    animation.soften(mask, size)
    return mask


def write_clips(
    scene: Scene,
    walks: Mapping[Path, Walk],
    move: Mask | None,
    style: Style,
) -> None:
    """Draw and write every clip. Raises RequestError or OutputError."""
    from singan_cli.progress import count_progress
    from singan_runtime.clips import animation
    from singan_runtime.files import video

    with count_progress("frames", sum(walk.length for walk in walks.values())) as advance:
        for path, walk in walks.items():
            frames = animation.animate(
                scene.sampler, walk, scene.size, scene.zoom, move, scene.keep
            )
            counted = (frame for frame in frames if advance() is None)
            said = describe_clip(scene, walk, style) if style.has_metadata else None
            video.save(path, counted, style.fps, style.background, style.quality, said)


def describe_clip(scene: Scene, walk: Walk, style: Style) -> Metadata:
    """Return what the file of a clip is to say."""
    from singan_runtime.clips import record

    fields = walk, scene.size, scene.zoom, scene.keep, style.fps, style.move
    return record.describe_clip(scene.sampler, *fields)
