"""Read the files of runs and bundles: only those that the manifest lists, each checked as read.

The folder of a bundle may also be a one-file model, and either may come from a stranger. A file
must be a regular one inside the folder, so that no link leads elsewhere and no device or pipe is
opened. What is hashed is what is returned: a file that changes between two readings deceives
nobody.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import MOST_FOLDER_BYTES, MOST_TEXT
from singan_core.model_file import UNREADABLE, find_model_file, has_member, open_member

Kind = Literal["run", "bundle"]
COMMANDS = {"run": "singan train", "bundle": "singan export"}
"""What makes each kind of folder."""


def read_listed(
    folder: Path, files: Mapping[str, str] | None, name: str, most: int = MOST_FOLDER_BYTES
) -> bytes:
    """Read a file of at most so many bytes whose sha256 is among the listed ones, by name.

    Without a list the folder is being written, by this program, and has no manifest yet. Raises
    BundleError.
    """
    path = folder / name
    if files is None:
        return read_inside(folder, name, most)
    if name not in files:
        raise BundleError(f"{path}: not listed in the manifest; make the folder again")
    data = read_inside(folder, name, most)
    if (found := hashlib.sha256(data).hexdigest()) != files[name]:
        raise BundleError(
            f"{path}: changed since the manifest was read (sha256 {found[:12]}..., "
            f"expected {files[name][:12]}...); load the folder again"
        )
    return data


def read_inside(folder: Path, name: str, most: int, kind: Kind = "bundle") -> bytes:
    """Read a regular file inside a folder, of at most so many bytes. Raises BundleError."""
    file, size = open_inside(folder, name, kind)
    with file:
        data = b"" if size > most else _read(file, folder / name, size + 1)
    if max(size, len(data)) > most:
        raise BundleError(
            f"{folder / name}: {max(size, len(data))} bytes, at most {most} are possible; "
            f"do not use this {kind}"
        )
    return data


def _read(file: IO[bytes], path: Path, most: int) -> bytes:
    try:
        return file.read(most)
    except UNREADABLE as error:
        raise BundleError(f"{path}: cannot be read ({say_reason(error)})") from error


def measure_inside(folder: Path, name: str, kind: Kind = "bundle") -> int:
    """Measure a regular file inside a folder, in bytes. Raises BundleError."""
    file, size = open_inside(folder, name, kind)
    file.close()
    return size


def hash_inside(folder: Path, name: str, kind: Kind = "bundle") -> str:
    """Compute the hexadecimal sha256 of a regular file inside a folder. Raises BundleError."""
    file, _ = open_inside(folder, name, kind)
    with file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except UNREADABLE as error:
            raise BundleError(f"{folder / name}: cannot be read ({say_reason(error)})") from error


def check_inside(folder: Path, name: str, kind: Kind = "bundle") -> None:
    """Raise BundleError unless a name is that of something inside a folder, links followed."""
    path = folder / name
    if (found := find_model_file(folder)) is not None:
        if not has_member(found[0], found[1] + name):
            raise BundleError(f"{path}: missing; get or make the one-file model again")
        return

    try:
        is_inside = path.resolve().is_relative_to(folder.resolve()) and not Path(name).is_absolute()
        exists = path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"{folder}: names {name!r:.{MOST_TEXT}}, which cannot be a file ({say_reason(error)}); "
            f"do not use this {kind}"
        ) from error

    if not is_inside:
        raise BundleError(
            f"{folder}: names {name!r}, which leaves the folder; do not use this {kind}"
        )
    if not exists:
        raise BundleError(f"{path}: missing; make the {kind} again with '{COMMANDS[kind]}'")


def open_inside(folder: Path, name: str, kind: Kind = "bundle") -> tuple[IO[bytes], int]:
    """Open a regular file inside a folder, and return its size as well.

    A pipe is not waited for, and a device not touched. Raises BundleError for anything else.
    """
    check_inside(folder, name, kind)
    path = folder / name
    if (found := find_model_file(folder)) is not None:
        return open_member(found[0], found[1] + name)

    try:
        if not path.is_file():
            raise BundleError(f"{path}: a device or pipe, not a file; make its folder again")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error

    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise BundleError(f"{path}: a device or pipe, not a file; make its folder again")
    return os.fdopen(descriptor, "rb"), status.st_size


_BINARY = getattr(os, "O_BINARY", 0)  # of Windows, which would translate the ends of lines
