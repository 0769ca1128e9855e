"""Files of moving pictures: what each format can hold, and who writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_core.errors import RequestError
from singan_core.limits import read_real
from singan_core.paths import check_output_file
from singan_core.pyramid import Size
from singan_runtime.files import apng, ffmpeg, gif, webp

Colour = tuple[int, int, int]

MAX_FRAME_MEMORY = 1.0  # GB
MOST_MEMORY = 1024  # GB
SLOWEST = 0.1  # frames per second


@dataclass(frozen=True)
class Format:
    """What a format can hold."""

    longest_side: int  # px
    fastest: int = 120  # frames per second
    ticks: int | None = None  # per second, of its clock; None where ffmpeg counts frames
    held_bytes: int = 0  # per pixel and frame, that Pillow holds until the file is written


FORMATS = {
    "gif": Format(65_535, fastest=50, ticks=100, held_bytes=6),  # players slow down what is faster
    "mp4": Format(16_384),
    "webm": Format(65_535),
    "webp": Format(16_383, ticks=1000, held_bytes=6),
    "png": Format(2**31 - 1, ticks=1000, held_bytes=8),
}


def check(
    path: Path,
    size: Size,
    frames: int,
    fps: float,
    max_memory: float = MAX_FRAME_MEMORY,
    holds_all: bool = False,
) -> None:
    """Raise an error that says why so many frames of a size (height, width) cannot become the file.

    The ending tells the format; max_memory is in GB; holds_all says that whoever draws the frames
    keeps them all, whatever the format. Raises RequestError, OutputError or InstallError.
    """
    name = find_format(path)
    format = FORMATS[name]
    read_real(fps, f"fps of {name}", SLOWEST, format.fastest)
    max_memory = read_real(max_memory, "max frame memory in GB", 0.001, MOST_MEMORY)
    check_output_file(path)

    _check_size(name, size)
    if name in ffmpeg.OPTIONS:
        ffmpeg.import_imageio()
    _check_memory(name, size, frames, max_memory, holds_all)


def _check_size(name: str, size: Size) -> None:
    """Raise RequestError if a format cannot hold frames of a size."""
    height, width = size
    longest = FORMATS[name].longest_side
    if max(size) > longest:
        raise RequestError(f"{width}x{height} is too large for {name}: sides up to {longest} px")
    if name == "mp4" and (height % 2 or width % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        raise RequestError(
            f"{width}x{height} is odd, which mp4 cannot hold: ask for {even}, or write webm"
        )


def _check_memory(name: str, size: Size, frames: int, limit: float, holds_all: bool) -> None:
    """Raise RequestError if the frames that wait for the last one take more than so many GB."""
    height, width = size
    needed = frames * height * width * (FORMATS[name].held_bytes + 4 * holds_all) / 1e9
    if needed <= limit:
        return
    remedy = "write mp4 or webm, which hold one frame at a time"
    if holds_all:
        remedy = "leave out --loop or choose the harmonic walk"
    raise RequestError(
        f"{frames} frames of {width}x{height} in {name} take {needed:.2g} GB of memory, over the "
        f"limit of {limit:g} GB; {remedy}, or raise the limit (--max-frame-memory)"
    )


def find_format(path: Path) -> str:
    """Find the name of the format that a file's ending stands for. Raises RequestError."""
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise RequestError(
            f"{path}: unknown format {name or 'without an ending'}; "
            f"end the name in one of {endings}"
        )
    return name


def save(
    path: Path,
    frames: Iterable[Pixels],
    fps: float = 10.0,
    background: Colour = (255, 255, 255),
) -> None:
    """Write one or more frames, uint8 (h, w, C), whole or not at all.

    Formats that can say so repeat endlessly. Transparency stays in webp and png and falls on the
    background elsewhere. MP4 and WebM hold one frame at a time. Raises RequestError, OutputError or
    InstallError.
    """
    name = find_format(path)
    if name not in ("webp", "png"):
        frames = (images.flatten(frame, background) for frame in frames)

    with atomic_file(path) as temporary:
        if name in ffmpeg.OPTIONS:
            ffmpeg.encode(temporary, name, iter(frames), fps)
            return
        pictures = [images.to_pillow(frame) for frame in frames]
        ticks = FORMATS[name].ticks
        assert ticks is not None
        write = {"gif": gif.save, "webp": webp.save, "png": apng.save}[name]
        write(temporary, pictures, share_out(len(pictures), fps, ticks))


def share_out(count: int, fps: float, ticks: int) -> list[int]:
    """Share out the time among frames, in milliseconds: whole ticks of a clock, without drift.

    ticks is how many the clock has in a second.
    """
    ends = [round(number * ticks / fps) * 1000 // ticks for number in range(count + 1)]
    return [stop - start for start, stop in pairwise(ends)]
