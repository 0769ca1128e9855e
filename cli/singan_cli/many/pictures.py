"""What 'singan render-many' does: the picture of each request, which a worker draws."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_cli.many.outcome import Outcome, attempt
from singan_cli.many.shared_folder import check_mark
from singan_cli.opening import open_sampler
from singan_core.encoding import Style
from singan_core.fitting import MAX_PIXELS
from singan_runtime.files.presence import is_drawn
from singan_runtime.files.writing import check_writable, write_picture
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

OPEN = 2
"""Models that a worker keeps open, since requests of a model mostly follow each other."""


@dataclass(frozen=True)
class Drawing:
    """How all pictures of a job are drawn and written."""

    mark: Path  # in the folder of the pictures
    style: Style
    device: str = "cpu"
    threads: int = 1
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class PictureItem:
    """A picture to be drawn."""

    name: str  # of its file
    bundle: Path
    request: Request
    drawing: Drawing


def draw_item(item: PictureItem, board: Any = None) -> Outcome:
    """Draw and write a picture, unless it is there. This is what a worker does."""
    return attempt(item.name, lambda: draw(item))


def draw(item: PictureItem) -> bool:
    """Draw and write a picture, whole or not at all, and return whether it was missing.

    Raises a SinGANError.
    """
    how = item.drawing
    check_mark(how.mark)
    sampler = open_model(item.bundle, how.device, how.threads, how.max_pixels)
    path = how.mark.parent / item.name
    if is_drawn(sampler, path, item.request):
        return False
    check_writable(sampler, item.request, how.style)
    write_picture(sampler, path, item.request, how.style)
    return True


@functools.lru_cache(OPEN)
def open_model(bundle: Path, device: str, threads: int, max_pixels: int) -> Sampler:
    """Open a model, or return the one that this worker has open. Raises a SinGANError."""
    return open_sampler(bundle, device, threads, max_pixels)
