"""Find what killed writers have left in a folder, and remove it or put it back.

A writer holds its temporary file or folder by a lock that the system drops when the process ends in
whatever way. So what has content and is held by nobody is certainly left over. Where the system has
no such locks, nothing is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY, OLD = "tmp", "old"
"""Endings of what becomes a file or folder, and of a folder while another takes its place."""

EMPTY_SECONDS = 60
"""Age from which an empty leftover is removed: a writer may just have made it, not held it yet."""

_HIDDEN = re.compile(
    rf"\.(?P<name>.+)\.singan-[0-9a-f]{{12}}\.(?P<ending>{TEMPORARY}|{OLD})", re.DOTALL
)


def name_hidden(path: Path, mark: str, ending: str) -> Path:
    """Return the hidden name beside a path under which a writer with this mark keeps it."""
    return path.with_name(f".{path.name}.singan-{mark}.{ending}")


@contextmanager
def hold(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a file or folder, and tell whether that worked.

    It does not if the path cannot be opened, if the system has no such locks, or without wait if
    another holds it.
    """
    descriptor, is_held = None, False
    with suppress(OSError, AttributeError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        is_held = True
    try:
        yield is_held
    finally:
        if descriptor is not None:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed writers have left in a folder, and put back what they had moved aside."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if found := _HIDDEN.fullmatch(path.name):
                _settle(path, folder / found["name"], found["ending"])


def _settle(path: Path, target: Path, ending: str) -> None:
    """Remove a leftover that no writer holds, or put it back if nothing has taken its place."""
    with hold(path, wait=False) as is_held:
        if not is_held:
            return
        if ending == OLD and not os.path.lexists(target):
            path.rename(target)
            return
        if ending == OLD:  # what is half removed must never be put back
            path = path.rename(path.with_suffix(f".{TEMPORARY}"))
        if not _is_young_and_empty(path):
            remove(path)


def _is_young_and_empty(path: Path) -> bool:
    has_content = any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
    return not has_content and time.time() - path.stat().st_mtime < EMPTY_SECONDS


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there and can be removed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
