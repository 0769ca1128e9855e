"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from singan_core import leftovers
from singan_core.paths import (
    check_output_file,
    check_output_folder,
    explain_output_error,
    make_parents,
)


def make_folder(path: Path) -> None:
    """Make a folder and its parents if needed, and sweep out what killed writers have left in it.

    Raises OutputError unless it can be written to.
    """
    try:
        make_parents(path)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise explain_output_error(path, error) from error
    leftovers.sweep(path)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Provide a temporary path that replaces the file when the block succeeds.

    If it fails, the temporary file is removed and a file that was there stays. If the process is
    killed, leftovers.sweep removes it. Raises OutputError.
    """
    check_output_file(path)
    temporary = _choose_name(path, leftovers.TEMPORARY)
    try:
        temporary.touch()
        with leftovers.hold(temporary):
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise explain_output_error(path, error) from error
    finally:
        leftovers.remove(temporary)  # after success there is none


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Provide a temporary folder that replaces the folder when the block succeeds.

    If it fails, the temporary folder is removed and a folder that was there stays. If the process
    is killed, the old folder or the new one is there, whole; between two renames the old one has
    another name, under which leftovers.sweep finds it. Raises OutputError.
    """
    check_output_folder(path)
    if path.is_symlink():  # what the link leads to is replaced, as when a file is written
        path = Path(os.path.realpath(path))
    temporary, old = _choose_name(path, leftovers.TEMPORARY), _choose_name(path, leftovers.OLD)
    try:
        make_parents(path.parent)
        leftovers.sweep(path.parent)
        temporary.mkdir()
        with leftovers.hold(temporary):
            yield temporary
            for part in (*temporary.rglob("*"), temporary):
                _sync(part)
            _exchange(temporary, path, old)
        _sync(path.parent)
    except OSError as error:
        raise explain_output_error(path, error) from error
    finally:
        leftovers.remove(temporary)  # or the folder that was replaced


def _exchange(new: Path, path: Path, old: Path) -> None:
    """Put a new folder in the place of one that gets its name, or leave all as it was.

    Between the two it is called old, and whoever finds it under that name finds it whole.
    """
    with leftovers.hold(path):
        try:
            if os.path.lexists(path):
                path.replace(old)
            new.replace(path)
        finally:
            if os.path.lexists(old):
                old.replace(new if os.path.lexists(path) else path)


def _choose_name(path: Path, ending: str) -> Path:
    """Choose a hidden name beside a path that no other writer has.

    The number of the process would not do: in containers it is the same every time.
    """
    return leftovers.name_hidden(path, secrets.token_hex(6), ending)


def _sync(path: Path) -> None:
    """Make a file or folder last through a power failure, where the system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
