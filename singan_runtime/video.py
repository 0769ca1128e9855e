"""Files of moving pictures: GIF, WebP and PNG by Pillow, MP4 and WebM by the ffmpeg that imageio-ffmpeg brings."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_core.atomic import atomic_file
from singan_core.errors import InstallError, OutputError, RequestError
from singan_core.pyramid import Size
from singan_runtime import apng, repeats

Pixels = NDArray[np.uint8]

MAX_FRAME_MEMORY = 1.0  # GB
_FFMPEG = {
    "mp4": ["-c:v", "libx264", "-crf", "18", "-movflags", "+faststart"],
    "webm": ["-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-cpu-used", "4"],
}
_HELD = {
    "gif": 6,
    "webp": 6,
    "png": 8,
}  # bytes per pixel and frame that Pillow holds until the file is written
_TICKS = {"gif": 100, "webp": 1000, "png": 1000}  # per second, of the format's clock
_MOST = {
    "gif": 65535,
    "webp": 16383,
    "mp4": 16384,
    "webm": 65535,
    "png": 2**31 - 1,
}  # px, longest side
_FASTEST = {"gif": 50}  # frames per second: players slow down what is faster
FASTEST = 120
FORMATS = ("gif", "mp4", "webm", "webp", "png")
_BITEXACT = [
    "-threads",
    "1",
    "-fflags",
    "+bitexact",
    "-flags:v",
    "+bitexact",
    "-map_metadata",
    "-1",
]
_COLOURS = (  # said in the file, since players guess by size otherwise; ffmpeg rounds down unless told not to
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1"
)


def check(
    path: Path,
    size: Size,
    frames: int,
    fps: float,
    max_memory: float = MAX_FRAME_MEMORY,
    holds_all: bool = False,
) -> None:
    """Raise an error that says why so many frames of the size (height, width) cannot become the file, before any is.

    The ending tells the format; max_memory in GB; holds_all: whoever draws them keeps them all, whatever the format.
    Raises RequestError, OutputError or InstallError.
    """
    format = format_of(path)
    height, width = size
    fastest = _FASTEST.get(format, FASTEST)
    if not 0.1 <= fps <= fastest:
        raise RequestError(
            f"{fps:g} frames per second are not possible: {format} takes 0.1 to {fastest}"
        )
    if path.is_dir():
        raise OutputError(f"{path}: a folder stands there; choose another name")
    if max(size) > _MOST[format]:
        raise RequestError(
            f"{width}x{height} is too large for {format}: sides up to {_MOST[format]} px"
        )
    if format == "mp4" and (height % 2 or width % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        raise RequestError(
            f"{width}x{height} is odd, which mp4 cannot hold: ask for {even}, or write webm"
        )
    if format in _FFMPEG:
        _imageio_ffmpeg()
    needed = frames * height * width * (_HELD.get(format, 0) + 4 * holds_all) / 1e9
    if needed > max_memory:
        remedy = (
            "leave out --loop or choose the harmonic walk"
            if holds_all
            else "write mp4 or webm, which hold one frame at a time"
        )
        raise RequestError(
            f"{frames} frames of {width}x{height} in {format} take {needed:.2g} GB of memory, over the limit of "
            f"{max_memory:g} GB; {remedy}, or raise the limit (--max-frame-memory)"
        )


def format_of(path: Path) -> str:
    """The format that a file's ending names. Raises RequestError."""
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise RequestError(
            f"{path}: unknown format {format or 'without an ending'}; end the name in one of {endings}"
        )
    return format


def save(
    path: Path,
    frames: Iterable[Pixels],
    fps: float = 10.0,
    background: tuple[int, int, int] = (255, 255, 255),
) -> None:
    """Write frames, uint8 (h, w, C), one or more, endlessly repeating where the format says so, whole or not at all.

    Transparency stays in webp and png and falls on the background elsewhere. MP4 and WebM hold one frame at a time.
    Raises RequestError, OutputError or InstallError.
    """
    format = format_of(path)
    with atomic_file(path) as temporary:
        if format in _FFMPEG:
            _encode(temporary, format, (images.flatten(frame, background) for frame in frames), fps)
        elif format == "gif":
            _save_gif(temporary, (images.flatten(frame, background) for frame in frames), fps)
        else:
            pictures = [images.to_pillow(frame) for frame in frames]
            (_save_webp if format == "webp" else _save_png)(temporary, pictures, fps)


def share_out(count: int, fps: float, ticks: int) -> list[int]:
    """Share out the time among frames, in milliseconds: whole ticks of a clock, without drift over many frames.

    ticks is how many the clock has in a second.
    """
    ends = [round(number * ticks / fps) * 1000 // ticks for number in range(count + 1)]
    return [stop - start for start, stop in pairwise(ends)]


def _save_png(path: Path, pictures: list[Image.Image], fps: float) -> None:
    apng.save(path, pictures, share_out(len(pictures), fps, _TICKS["png"]))


def _save_webp(path: Path, pictures: list[Image.Image], fps: float) -> None:
    lasting = share_out(len(pictures), fps, _TICKS["webp"])
    first, *others = pictures
    first.save(
        path,
        "webp",
        save_all=True,
        append_images=others,
        duration=lasting,
        loop=0,
        quality=90,
        method=4,
    )
    repeats.add_to_webp(path, lasting, first.size)


def _save_gif(path: Path, frames: Iterable[Pixels], fps: float) -> None:
    """All frames share one palette, since a palette of its own per frame makes flat areas flash.

    No dithering, whose dots would crawl from frame to frame.
    """
    pictures = [images.to_pillow(frame).convert("RGB") for frame in frames]
    palette = _palette(pictures)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]

    lasting = share_out(len(indexed), fps, _TICKS["gif"])
    starts = [0, *accumulate(repeats.count_runs(indexed))]
    first, *others = [indexed[start] for start in starts[:-1]]
    lasts = [lasting[start] for start in starts[:-1]]
    first.save(path, "gif", save_all=True, append_images=others, duration=lasts, loop=0)
    repeats.add_to_gif(path, [lasting[start + 1 : stop] for start, stop in pairwise(starts)])


def _palette(pictures: list[Image.Image], looked_at: int = 8) -> Image.Image:
    """256 colours fitted to a few frames at once.

    Each distinct colour counts by the root of its pixels: by all of them a wide sky would take the palette for itself
    and leave a small balloon grey.
    """
    few = pictures[:: max(1, len(pictures) // looked_at)][:looked_at]
    pixels = np.concatenate([np.asarray(picture).reshape(-1, 3) for picture in few])
    pixels = pixels[:: -(-len(pixels) // 2**20)]  # a million tell enough
    coarse = (pixels >> 2).astype(np.uint32) @ np.array([1 << 12, 1 << 6, 1], np.uint32)
    _, first, count = np.unique(coarse, return_index=True, return_counts=True)
    colours = np.repeat(pixels[first], np.sqrt(count).astype(int), axis=0)
    return Image.fromarray(colours[:, None]).quantize(256, kmeans=3)


def _encode(path: Path, format: str, frames: Iterator[Pixels], fps: float) -> None:
    """Frames, uint8 (h, w, 1 or 3), through ffmpeg, one at a time; the same frames give the same bytes."""
    first = next(frames)
    height, width, channels = first.shape
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray" if channels == 1 else "rgb24",
        "-s",
        f"{width}x{height}",
    ]
    rate = str(Fraction(fps).limit_denominator(1000))
    command = [
        _imageio_ffmpeg().get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        *source,
        "-r",
        rate,
        "-i",
        "-",
        "-an",
    ]
    command += [
        *_FFMPEG[format],
        "-vf",
        _COLOURS,
        "-pix_fmt",
        "yuv420p",
        *_BITEXACT,
        "-f",
        format,
        str(path),
    ]
    with tempfile.TemporaryFile() as said:  # a pipe that nobody reads could fill and stop ffmpeg
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=said, start_new_session=True
        )
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):  # ffmpeg has ended early and said why
                for frame in chain([first], frames):
                    process.stdin.write(np.ascontiguousarray(frame).data)
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(BrokenPipeError):  # closing writes what is left
                process.stdin.close()
            process.wait()
        if process.returncode:
            said.seek(0)
            raise _failure(said.read().decode(errors="replace"))


def _failure(said: str) -> OSError:
    """What ffmpeg's complaint means."""
    if "No space left" in said:
        return OSError(errno.ENOSPC, "No space left on device")
    return OSError(0, "ffmpeg: " + (said.strip().splitlines() or ["no reason given"])[-1])


def _imageio_ffmpeg() -> Any:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InstallError(
            "MP4 and WebM files need imageio-ffmpeg; run: pip install 'singan[media]'"
        ) from error
    return imageio_ffmpeg
