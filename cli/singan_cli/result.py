"""One picture into one file, whose ending says its format; what the editing commands share."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_core import images
from singan_core.atomic import make_folder, output_error
from singan_core.errors import OutputError, RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        help="Picture file, 11 px a side or more, with the training photo's channels.",
    ),
]


def start_scale(usual: str) -> Any:
    """The option --start-scale of a command, and what is usual there."""
    said = "Scale at which the picture is injected, 1 to the finest: lower changes more."
    return typer.Option("--start-scale", help=said, show_default=usual)


def prepare(out: Path, size: Size) -> None:
    """Refuse before the work what could not be written after it. Raises RequestError or OutputError."""
    if out.suffix.lower() not in FORMATS:
        raise RequestError(f"{out}: unknown format; end the name in one of {', '.join(FORMATS)}")
    images.check_format(FORMATS[out.suffix.lower()], size)
    if out.is_dir():
        raise OutputError(f"{out}: a folder stands there; choose another name")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not there.is_dir():
        raise output_error(out.parent, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(there, os.W_OK):
        raise output_error(out.parent, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def write(
    out: Path,
    pixels: NDArray[np.uint8],
    background: tuple[int, int, int],
    sampler: Sampler,
    bundle: Path,
    request: dict[str, Any],
) -> None:
    """Write the picture, with the request that repeats it as PNG text, and say so."""
    from singan_cli.sample import fingerprint, provenance

    height, width = pixels.shape[:2]
    text = provenance(sampler, fingerprint(bundle), {"size": f"{width}x{height}", **request})
    make_folder(out.parent)
    images.save(out, pixels, FORMATS[out.suffix.lower()], background, text)
    typer.echo(f"wrote {out}, {width}x{height}")


def told(path: Path | None) -> dict[str, str] | None:
    """Which file, exactly: its name and digest."""
    from singan_core.manifest import sha256

    return None if path is None else {"name": path.name, "sha256": sha256(path)}
