"""The record of a site, manifest.json: what its pictures are, and which of them are done."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from singan_core import bounded_json
from singan_core.atomic import atomic_file
from singan_core.bounded_file import BoundedFile
from singan_core.errors import OutputError, say_reason
from singan_core.manifest import NAME
from singan_core.paths import require_file


@dataclass(frozen=True)
class PictureFile:
    """A file of a picture."""

    name: str
    format: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path, format: str) -> PictureFile:
        """Measure a file that has been written."""
        content = path.read_bytes()
        return cls(path.name, format, len(content), hashlib.sha256(content).hexdigest())

    def is_whole(self, folder: Path) -> bool:
        """Whether the file is in a folder with just these bytes."""
        path = folder / self.name
        try:
            if not path.is_file() or path.stat().st_size != self.bytes:
                return False
            with open(require_file(path), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


@dataclass(frozen=True)
class QuietZone:
    """Where text can stand in a picture, in px, and how quiet it is there."""

    left: int
    top: int
    width: int
    height: int
    energy: float  # gradient energy as a share of the whole picture's


@dataclass(frozen=True)
class Picture:
    """The picture of a screen, and what a page needs to show it."""

    screen: str
    width: int
    height: int
    colour: str  # the mean, as #rrggbb
    placeholder: str  # a WebP file of at most 32 px, in base64
    files: tuple[PictureFile, ...]
    calm: QuietZone | None = None


@dataclass(frozen=True)
class SiteRecord:
    """What a site shows and what of it is done."""

    settings: dict[str, Any]  # all that decides the bytes of its pictures but what follows
    screens: dict[str, str]  # that are asked for, as WxH by name
    seed: int  # of all pictures
    pictures: tuple[Picture, ...]  # that are done
    complete: bool
    kind: Literal["site"] = "site"
    format_version: Literal[1] = 1


def read_record(folder: Path) -> SiteRecord | None:
    """Read the record of a site, if there is one.

    Raises OutputError for a manifest.json that is another's.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with BoundedFile(require_file(path)) as file:
            return msgspec.convert(bounded_json.decode(file.read()), SiteRecord)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise OutputError(
            f"{path}: not a file that 'singan make' wrote ({say_reason(error)}); choose another "
            "folder, or remove the file to begin anew"
        ) from None


def write_record(folder: Path, record: SiteRecord) -> None:
    """Write the record of a site, whole or not at all. Raises OutputError."""
    text = json.dumps(dataclasses.asdict(record), indent=2) + "\n"
    with atomic_file(folder / NAME) as temporary:
        temporary.write_text(text, encoding="utf-8")
