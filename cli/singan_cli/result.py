"""One picture into one file, whose ending says its format; what the editing commands share."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli.terminal import say
from singan_core import RECEPTIVE_FIELD, encoding
from singan_core.atomic import make_folder
from singan_core.encoding import ENDINGS
from singan_core.errors import RequestError
from singan_core.paths import check_output_file, explain_output_error

if TYPE_CHECKING:
    from singan_core.arrays import Pixels
    from singan_core.pyramid import Size
    from singan_runtime import Sampler

Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE.{png,jpg,webp,avif}",
        help="The result, in the format of its ending.",
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


@dataclass(frozen=True)
class Target:
    """The file of a result: where it goes, and how the picture is encoded."""

    path: Path
    background: tuple[int, int, int]
    quality: int | None
    has_metadata: bool

    @property
    def format(self) -> str:
        """The format of the file's ending, or an empty text if it is unknown."""
        return ENDINGS.get(self.path.suffix.lower(), "")

    def check(self, size: Size) -> None:
        """Refuse before the work what could not be written after it.

        Raises RequestError, InstallError or OutputError.
        """
        out = self.path
        if not self.format:
            raise RequestError(
                f"{out}: unknown format; end the name in one of {', '.join(ENDINGS)}"
            )
        encoding.check_format(self.format, size, self.quality)
        check_place(out)

    def write(self, pixels: Pixels, sampler: Sampler, request: dict[str, Any]) -> None:
        """Write a picture, with the request that repeats it, and say so."""
        from singan_runtime.files.provenance import describe_picture

        height, width = pixels.shape[:2]
        said = None
        if self.has_metadata:
            said = describe_picture(sampler, {"size": f"{width}x{height}", **request})
        make_folder(self.path.parent)
        encoding.save(self.path, pixels, self.format, self.background, self.quality, said)
        say(f"wrote {self.path}, {width}x{height}")


def check_place(out: Path) -> None:
    """Raise OutputError if no file can be written at a path."""
    check_output_file(out)
    existing = next(folder for folder in out.absolute().parents if folder.exists())
    if not existing.is_dir():
        raise explain_output_error(out.parent, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(existing, os.W_OK):
        raise explain_output_error(
            out.parent, PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        )
