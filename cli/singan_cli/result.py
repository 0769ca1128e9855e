"""One picture into one file, whose ending says its format; what the editing commands share."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli.terminal import say
from singan_core import RECEPTIVE_FIELD, images
from singan_core.atomic import make_folder
from singan_core.errors import RequestError
from singan_core.paths import check_output_file, explain_output_error

if TYPE_CHECKING:
    from singan_core.arrays import Pixels
    from singan_core.pyramid import Size
    from singan_runtime import Sampler

FORMATS = {ending: name for name, ending in images.FORMATS.items()} | {".jpeg": "jpeg"}

Out = Annotated[
    Path,
    typer.Option(
        "--out", metavar="FILE.{png,jpg,webp}", help="The result, in the format of its ending."
    ),
]
ImageFile = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE",
        help=f"Picture file, {RECEPTIVE_FIELD} px a side or more, with the training photo's "
        "channels.",
    ),
]


def start_scale(usual: str) -> Any:
    """Make the option --start-scale of a command, which says what is usual there."""
    text = "Scale at which the picture is injected, 1 to the finest: lower changes more."
    return typer.Option("--start-scale", help=text, show_default=usual)


def check_out(out: Path, size: Size) -> None:
    """Refuse before the work what could not be written after it.

    Raises RequestError or OutputError.
    """
    if out.suffix.lower() not in FORMATS:
        raise RequestError(f"{out}: unknown format; end the name in one of {', '.join(FORMATS)}")
    images.check_format(FORMATS[out.suffix.lower()], size)

    check_output_file(out)
    existing = next(folder for folder in out.absolute().parents if folder.exists())
    if not existing.is_dir():
        raise explain_output_error(out.parent, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(existing, os.W_OK):
        raise explain_output_error(
            out.parent, PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        )


def write_result(
    out: Path,
    pixels: Pixels,
    background: tuple[int, int, int],
    sampler: Sampler,
    request: dict[str, Any],
) -> None:
    """Write a picture, with the request that repeats it as PNG text, and say so."""
    from singan_runtime.files.provenance import describe_picture

    height, width = pixels.shape[:2]
    text = describe_picture(sampler, {"size": f"{width}x{height}", **request})
    make_folder(out.parent)
    images.save(out, pixels, FORMATS[out.suffix.lower()], background, text)
    say(f"wrote {out}, {width}x{height}")
