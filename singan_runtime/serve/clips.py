"""Clips: what the URL of an animation asks for, and its file's bytes."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_runtime.clips import animation
from singan_runtime.clips.record import describe_clip
from singan_runtime.clips.walk import Walk
from singan_runtime.files import video
from singan_runtime.parsing import parse_number
from singan_runtime.sampler import Sampler
from singan_runtime.serve import orders
from singan_runtime.serve.effort import check_effort
from singan_runtime.serve.orders import Order
from singan_runtime.serve.settings import Settings

MEDIA = {
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "webp": "image/webp",
    "png": "image/png",
}
PARAMETERS = (
    "seed", "zoom", "start_scale", "keep", "place", "background", "quality", "w", "dpr",
    "download",
    "frames", "fps", "loop", "alpha", "beta", "move",
)  # fmt: skip


@dataclass(frozen=True)
class ClipOrder(Order):
    """An animation that a URL asks for."""

    walk: Walk = field(default_factory=Walk)
    fps: float = animation.FPS
    move: tuple[str, ...] = ()  # labels of what may move; none: everything

    @property
    def media(self) -> str:
        """The media type of the file."""
        return MEDIA[self.format]

    @property
    def pixels(self) -> int:
        """How many pixels are made."""
        return super().pixels * self.walk.length

    @property
    def suffix(self) -> str:
        """The ending of a file name."""
        return f".{self.format}"

    def describe(self) -> str:
        """Return a text that is the same for equal orders."""
        walk = self.walk
        moves = [walk.frames, walk.alpha, walk.beta, walk.loop, self.fps, *self.move]
        return json.dumps([super().describe(), moves])


def read_order(name: str, words: Mapping[str, str]) -> ClipOrder:
    """Read the order of a file name, as in 640x360.webm, and a query's words.

    Raises RequestError.
    """
    order = orders.read_order(name, words, PARAMETERS, {format: format for format in MEDIA})
    request = order.request
    walk = Walk(
        frames=orders.read_whole(words, "frames", Walk.frames),
        alpha=_read_number(words, "alpha", Walk.alpha),
        beta=_read_number(words, "beta", Walk.beta),
        start_scale=request.start_scale,
        seed=request.seed,
        loop=orders.read_switch(words, "loop"),
    )

    fps = _read_number(words, "fps", animation.FPS)
    animation.check(walk)
    how = order.format, order.background, order.is_download, order.quality
    move = tuple(words["move"].split(",")) if words.get("move") else ()
    return ClipOrder(request, *how, walk=walk, fps=fps, move=move)


def _read_number(words: Mapping[str, str], name: str, usual: float) -> float:
    number = parse_number(words.get(name, str(usual)), name, "a number")
    if not math.isfinite(number):
        raise RequestError(f"{name} {number} is not possible: it must be a number")
    return number


def check_limits(order: ClipOrder, settings: Settings) -> None:
    """Raise RequestError, before any work, if a clip is too large to be made.

    Raises InstallError where its format cannot be written here.
    """
    orders.check_pixels(order.size, settings.max_pixels)
    if order.pixels > settings.max_clip_pixels:
        raise RequestError(
            f"{order.walk.length} frames are {order.pixels} pixels, over this service's limit of "
            f"{settings.max_clip_pixels} a clip; ask for fewer or smaller ones"
        )
    path, frames = Path(f"clip{order.suffix}"), order.walk.length
    video.check(path, order.size, frames, order.fps, quality=order.quality)


def make_clip(sampler: Sampler, order: ClipOrder, check: Callable[[], None]) -> bytes:
    """Draw the frames of an order and write them as a file's bytes.

    check is called before each frame, and raises where the work is to be given up. Raises
    RequestError or InstallError.
    """
    request = order.request
    check_effort(sampler, request)
    scene = order.walk, request.size, request.zoom
    moving = None
    if order.move:
        moving = animation.find_labelled(sampler, *scene, request.keep, order.move)
        check()
    frames = animation.animate(sampler, *scene, moving, request.keep)

    def watch() -> Iterator[Pixels]:
        for frame in frames:
            check()
            yield frame

    assert request.size is not None
    what = order.walk, request.size, request.zoom, request.keep
    said = None
    if order.has_metadata:
        said = describe_clip(sampler, *what, order.fps, order.move)
    with tempfile.TemporaryDirectory(prefix="singan-") as folder:
        path = Path(folder) / f"clip{order.suffix}"
        video.save(path, watch(), order.fps, order.background, order.quality, said)
        return path.read_bytes()
