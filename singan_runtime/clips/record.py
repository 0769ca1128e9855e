"""What the file of a clip says of where it comes from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from singan_core.metadata import Metadata
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_runtime.clips.walk import Walk
from singan_runtime.files.provenance import describe_file, describe_picture
from singan_runtime.files.writing import describe_keep
from singan_runtime.keep import Keep
from singan_runtime.parsing import format_size
from singan_runtime.sampler import Sampler


def describe_clip(
    sampler: Sampler,
    walk: Walk,
    size: Size,
    zoom: Zoom,
    keep: tuple[Keep, ...],
    fps: float,
    move: Path | tuple[str, ...] | None = None,
) -> Metadata:
    """Return what the file of a clip is to say.

    move is what may move: a mask file, or labels.
    """
    request: dict[str, Any] = {"command": "animate", "size": format_size(size), "zoom": zoom}
    walked = dataclasses.asdict(walk)
    request |= {"walk": walked.pop("kind"), **walked, "fps": fps}
    request |= {"keep": describe_keep(sampler, keep)} if keep else {}
    if move:
        request["move"] = describe_file(move) if isinstance(move, Path) else list(move)
    return describe_picture(sampler, request)
