"""One writer a folder: a run that trains, a bundle that gets a format, a dataset that grows."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from singan_core.errors import OutputError
from singan_core.leftovers import sweep
from singan_core.paths import explain_output_error

LOCK, WRITER = ".lock", ".writer"
"""Hidden files in the folder: what the system locks, and who holds it, in words."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder for one writer at a time, and make it if it is missing.

    The system drops the lock when its process ends in whatever way, so none is ever stale. What
    killed writers have left in the folder is swept out. Raises OutputError that names the process
    which holds the folder, or one that says why it cannot be written to. A folder of a stranger's
    may hold links, through which its writer would write into other files: those that leave it are
    refused.
    """
    _check_links(folder)
    lock = FileLock(folder / LOCK, timeout=0, mode=0o644)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(
            f"{folder}: {_read_writer(folder)} writes to it; wait until it is done, or stop it, "
            "then run the command again"
        ) from error
    except OSError as error:
        raise explain_output_error(folder, error) from error

    try:
        sweep(folder)
        with suppress(OSError):  # it only makes the other's message clearer
            (folder / WRITER).write_text(_describe_this_process(), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            (folder / WRITER).unlink()
        lock.release()


def _check_links(folder: Path) -> None:
    """Raise OutputError if something in the folder leads out of it, or is no file or folder.

    Temporary files do not count: their names are drawn when they are made.
    """
    try:
        inside = folder.resolve()
        strange = [
            path
            for path in folder.iterdir()
            if path.suffix != ".tmp"
            and (not path.resolve().is_relative_to(inside) or not (path.is_file() or path.is_dir()))
        ]
    except (OSError, RuntimeError):  # the lock says what is wrong with the folder
        return
    if strange:
        raise OutputError(
            f"{strange[0]}: a link that leaves the folder, or no file; the folder is about to be "
            "written to: remove it or put a copy of the file there"
        )


def _describe_this_process() -> str:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since},"


def _read_writer(folder: Path) -> str:
    try:
        with open(folder / WRITER, encoding="utf-8") as file:
            words = file.read(200)
    except (OSError, UnicodeDecodeError):
        return "another process"
    return words if words.isprintable() and words else "another process"
