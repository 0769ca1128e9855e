"""MP4 and WebM by the ffmpeg program that imageio-ffmpeg brings, a frame at a time."""

from __future__ import annotations

import errno
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from singan_core.arrays import Pixels
from singan_core.errors import InstallError

OPTIONS = {
    "mp4": shlex.split("-c:v libx264 -crf 18 -movflags +faststart"),
    "webm": shlex.split("-c:v libvpx-vp9 -crf 24 -b:v 0 -cpu-used 4"),
}
_SAME_BYTES = shlex.split("-threads 1 -fflags +bitexact -flags:v +bitexact -map_metadata -1")
_COLOURS = (
    # Without these flags ffmpeg rounds down.
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    # Said in the file, since players guess by the size otherwise.
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1"
)


def encode(path: Path, format: str, frames: Iterator[Pixels], fps: float) -> None:
    """Write one or more frames, uint8 (h, w, 1 or 3), one at a time, as mp4 or webm.

    The same frames give the same bytes. Raises OSError with ffmpeg's reason, InstallError.
    """
    first = next(frames)
    command = _make_command(path, format, first.shape, fps)

    # Into a file: a pipe that nobody reads could fill and stop ffmpeg.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=said, start_new_session=True
        )
        _feed(process, chain([first], frames))
        if process.returncode:
            said.seek(0)
            raise _describe_failure(said.read().decode(errors="replace"))


def _make_command(path: Path, format: str, shape: tuple[int, ...], fps: float) -> list[str]:
    """Make the command that encodes frames of a shape (h, w, 1 or 3) from its standard input."""
    height, width, channels = shape
    pixels = "gray" if channels == 1 else "rgb24"
    rate = str(Fraction(fps).limit_denominator(1000))
    return [
        *(import_imageio().get_ffmpeg_exe(), "-v", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", rate, "-i", "-"),
        *("-an", *OPTIONS[format], "-vf", _COLOURS, "-pix_fmt", "yuv420p"),
        *(*_SAME_BYTES, "-f", format, f"file:{path}"),  # its name may look like an address
    ]


def _feed(process: subprocess.Popen[bytes], frames: Iterator[Pixels]) -> None:
    """Write frames to a process and wait for its end, or kill it if the frames fail."""
    pipe: IO[bytes] | None = process.stdin
    assert pipe is not None

    try:
        # A broken pipe means that ffmpeg has ended early and said why.
        with suppress(BrokenPipeError):
            for frame in frames:
                pipe.write(np.ascontiguousarray(frame).data)
    except BaseException:
        process.kill()
        raise
    finally:
        with suppress(BrokenPipeError):  # closing writes what is left
            pipe.close()
        process.wait()


def _describe_failure(said: str) -> OSError:
    """Describe what ffmpeg complains of as an error of the system."""
    if "No space left" in said:
        return OSError(errno.ENOSPC, "No space left on device")
    return OSError(0, "ffmpeg: " + (said.strip().splitlines() or ["no reason given"])[-1])


def import_imageio() -> Any:
    """Import imageio_ffmpeg. Raises InstallError."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InstallError(
            "MP4 and WebM files need imageio-ffmpeg; run: pip install 'singan[media]'"
        ) from error
    return imageio_ffmpeg
