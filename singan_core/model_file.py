"""One-file models: a bundle as one zip file, whose members are read where they lie.

Members are stored, not compressed: photo and preview are compressed already, weights hardly can be,
and so no member is larger than its file, and equal bundles make equal files everywhere. A path into
such a file, as in model.singan/fp64/scale_00.onnx, is what a path into a bundle's folder is.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import MOST_FILES, MOST_FOLDER_BYTES, MOST_TEXT

ENDING = ".singan"

_END = struct.Struct("<4s4HLLH")
"""The zip's last record: mark, disks, members (twice), size and place of the list, a comment."""
_END_MARK = b"PK\x05\x06"
_MOST_LIST = 1 << 20  # bytes of the list of members
_MOST_BYTES = MOST_FOLDER_BYTES + (_MOST_LIST << 1)
_TIME = (1980, 1, 1, 0, 0, 0)  # of all members: the first that a zip can hold
_UNIX, _MODE = 3, stat.S_IFREG | 0o644
_UTF_8 = 0x800  # the only flag that a member may have

UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile)
"""What the library raises for a damaged file."""


def is_model_file(path: Path) -> bool:
    """Whether a path is that of a one-file model, by its ending. A folder never is."""
    return path.suffix.lower() == ENDING and path.is_file()


def find_model_file(folder: Path) -> tuple[Path, str] | None:
    """Find the one-file model that a folder's path names or leads into.

    Return its path, and what the names of members begin with.
    """
    if is_model_file(folder):
        return folder, ""
    return (folder.parent, f"{folder.name}/") if is_model_file(folder.parent) else None


def has_member(path: Path, name: str) -> bool:
    """Whether a one-file model has a member of a name. Raises BundleError for a damaged file."""
    with _open(path) as archive:
        return name in archive.NameToInfo


def open_member(path: Path, name: str) -> tuple[IO[bytes], int]:
    """Open a member of a one-file model, and return its size as well.

    Raises BundleError for a damaged file. Reading raises one of UNREADABLE.
    """
    with _open(path) as archive:
        try:
            return archive.open(name), archive.getinfo(name).file_size
        except (KeyError, NotImplementedError, *UNREADABLE) as error:
            raise BundleError(
                f"{path / name}: cannot be read ({say_reason(error)}); "
                "get or make the one-file model again"
            ) from error


@contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose members can be trusted to lie in it one by one. Raises BundleError."""
    try:
        with open(path, "rb") as file:
            members_end = _check_end(file)
        with zipfile.ZipFile(path) as archive:  # members that are open outlive it
            _check_members(archive.infolist(), members_end)
            yield archive
    except (NotImplementedError, *UNREADABLE) as error:
        raise BundleError(
            f"{path}: not a whole one-file model ({say_reason(error)}); get it again, or make it "
            "with 'singan export'"
        ) from error


def _check_end(file: BinaryIO) -> int:
    """Check the zip's last record, and return where its members end. Raises ValueError.

    What it states is compared with the file before anything of that size is read.
    """
    size = os.fstat(file.fileno()).st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{size} bytes, at most {_MOST_BYTES} are possible")
    file.seek(max(0, size - _END.size))
    record = file.read(_END.size)
    if len(record) < _END.size or not record.startswith(_END_MARK):
        raise ValueError("it does not end as a zip file does")

    _, disk, first, here, count, listed, place, comment = _END.unpack(record)
    if (disk, first, comment) != (0, 0, 0) or here != count:
        raise ValueError("its zip has parts or a comment")
    if count > MOST_FILES + 1 or listed > _MOST_LIST:
        raise ValueError(f"{count} members, at most {MOST_FILES + 1} are possible")
    if place + listed + _END.size != size:
        raise ValueError("it has another length than it states")
    return place


def _check_members(members: list[zipfile.ZipInfo], end: int) -> None:
    """Raise ValueError unless members are plain files of different names, stored side by side."""
    names = {member.filename for member in members}
    if len(names) != len(members):
        raise ValueError("two members have one name")

    for member in members:
        name = f"{member.filename!r:.{MOST_TEXT}}"
        if re.search(r"[\\:\x00-\x1f]|^/|(^|/)\.\.(/|$)", member.filename):
            raise ValueError(f"{name} is no name inside a folder")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir() or kind not in (0, stat.S_IFREG) or member.flag_bits & ~_UTF_8:
            raise ValueError(f"{name} is a folder, a link or encrypted")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise ValueError(f"{name} is compressed, which other programs do")

    if sum(member.file_size for member in members) > end:
        raise ValueError("its members are larger than the file")


def write_model_file(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write members (name, content) into a new one-file model, in this order. Raises OSError."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name, _TIME)
            member.create_system = _UNIX
            member.external_attr = _MODE << 16
            archive.writestr(member, content)
