"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from singan_core.paths import (
    check_output_file,
    check_output_folder,
    explain_output_error,
    make_parents,
)


def make_folder(path: Path) -> None:
    """Make a folder and its parents if needed. Raises OutputError unless it can be written to."""
    try:
        make_parents(path)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise explain_output_error(path, error) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Provide a temporary path that replaces the file when the block succeeds.

    If it fails, the temporary file is removed and a file that was there stays. Raises OutputError.
    """
    check_output_file(path)
    temporary = _choose_name(path, "tmp")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise explain_output_error(path, error) from error
    finally:
        with suppress(OSError):  # after success, or if the block wrote nothing, there is none
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Provide a temporary folder that replaces the folder when the block succeeds.

    If it fails, the temporary folder is removed and a folder that was there stays. Raises
    OutputError.
    """
    check_output_folder(path)
    if path.is_symlink():  # what the link leads to is replaced, as when a file is written
        path = Path(os.path.realpath(path))
    temporary, old = _choose_name(path, "tmp"), _choose_name(path, "old")
    try:
        make_parents(path.parent)
        temporary.mkdir()
        yield temporary

        if path.exists():
            path.replace(old)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise explain_output_error(path, error) from error
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _choose_name(path: Path, ending: str) -> Path:
    """Choose a hidden name beside a path that no other writer has.

    The number of the process would not do: in containers it is the same every time.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.{ending}")


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure, where the system can."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
