"""Checks of paths before anything is read from them or written to them."""

from __future__ import annotations

import errno
from pathlib import Path

from singan_core.errors import OutputError


def require_file(path: Path) -> Path:
    """Return a path to read from. Raises OSError for a pipe, which would be waited for, or device.

    A path with nothing at it, or a folder, is left to whoever opens it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "a device or pipe, not a file", str(path))
    return path


def check_output_file(path: Path) -> None:
    """Raise OutputError unless a file may be written at a path, in place of another if need be."""
    name = path.name
    try:
        if name in ("", "..") or path.is_dir():
            raise OutputError(f"{path}: a folder stands there; choose another name")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path}: a device or pipe stands there; choose another name")
    except OSError as error:
        raise explain_output_error(path, error) from error


def check_output_folder(path: Path) -> None:
    """Raise OutputError unless a new folder may take the place of whatever is at a path."""
    try:
        if path.exists() and not path.is_dir():
            raise explain_output_error(path, NotADirectoryError(errno.ENOTDIR, ""))
        if path.name in ("", "..") or (path.exists() and path.samefile(Path())):
            raise OutputError(
                f"{path}: a folder in use cannot be replaced; name a new one, as in {path / 'new'}"
            )
    except OSError as error:
        raise explain_output_error(path, error) from error


def explain_output_error(path: Path, error: OSError) -> OutputError:
    """Translate an OSError on writing into one line for the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"{path}: the disk is full; free some space or write elsewhere, "
            "then run the command again"
        )

    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{path}: not writable ({error.strerror}); choose another place "
            "or change its permissions"
        )

    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"{path}: a file stands where a folder is needed; choose another place")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")


def make_parents(path: Path) -> None:
    """Make a folder and its parents, however many there are. Raises OSError."""
    missing = []
    for folder in (path, *path.parents):
        if folder.is_dir():
            break
        missing.append(folder)

    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
