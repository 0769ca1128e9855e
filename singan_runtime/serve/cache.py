"""Files that were made, kept in memory and on disk, each up to a number of bytes."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from singan_core.atomic import atomic_file, make_folder
from singan_core.errors import OutputError

LOCK = ".lock"
SWEPT = 0.75
"""Share of the limit that a sweep leaves."""

BETWEEN = 0.1
"""Share of the limit that a process writes between two sweeps: two processes stay within it."""

_FOLDER = re.compile(r"[0-9a-f]{2}")
_FILE = re.compile(r"[0-9a-f]{62}")
_LEFT = re.compile(r"\.[0-9a-f]{62}\..+\.tmp")  # by a process that was killed while it wrote
_ABANDONED = 3600  # seconds after which such a file has no writer
_TOUCHED = 60  # seconds for which a file counts as just used
_log = logging.getLogger(__name__)


class Memory:
    """The files that were asked for last, up to so many bytes. For one thread."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def read(self, key: str) -> bytes | None:
        """Return the file of a key, if it is there."""
        data = self._files.get(key)
        if data is not None:
            self._files.move_to_end(key)
        return data

    def write(self, key: str, data: bytes) -> None:
        """Keep a file, and forget those used longest ago that there is no room for."""
        if key in self._files or len(data) > self.limit:
            return
        self._files[key] = data
        self.size += len(data)
        while self.size > self.limit:
            self.size -= len(self._files.popitem(last=False)[1])


class Cache:
    """A folder of files by their keys, 64 hexadecimal digits, up to so many bytes.

    Several processes may share it. What goes wrong with its disk is logged, and costs no more than
    the cache. Files of other names are left alone.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """Make the folder if it is missing. Raises OutputError if it cannot be written to."""
        make_folder(folder)
        self.folder, self.limit = folder, limit
        self._unswept = float(limit)  # bytes written since the last sweep; the first sweeps
        self._counting = threading.Lock()

    def read(self, key: str) -> bytes | None:
        """Return the file of a key, if it is there."""
        path = self._find_path(key)
        try:
            data = path.read_bytes()
            if time.time() - path.stat().st_mtime > _TOUCHED:
                os.utime(path)  # by this the sweep sees what is used
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("cache: %s cannot be read (%s)", path, error.strerror)
            return None
        return data or None

    def write(self, key: str, data: bytes) -> None:
        """Keep a file, whole or not at all."""
        if len(data) > self.limit * BETWEEN or not self._make_room(len(data)):
            return
        path = self._find_path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as temporary:
                temporary.write_bytes(data)
        except (OutputError, OSError) as error:
            _log.warning("cache: not kept: %s", error)

    def sweep(self) -> bool:
        """Remove the files used longest ago until the rest is well within the limit.

        Return false where another process does it just now.
        """
        try:
            with FileLock(self.folder / LOCK, timeout=0):
                self._sweep()
        except Timeout:
            return False
        except OSError as error:
            _log.warning("cache: cannot be swept (%s)", error)
        return True

    def _sweep(self) -> None:
        found = sorted(self._list_files())
        left = sum(size for _, size, _ in found)
        if left <= self.limit * SWEPT:
            return
        for _, size, path in found:
            with suppress(FileNotFoundError):
                path.unlink()
            left -= size
            if left <= self.limit * SWEPT:
                return

    def _list_files(self) -> Iterator[tuple[float, int, Path]]:
        """List when each file was used, its bytes and its path; remove what is half-written."""
        for folder in self.folder.iterdir():
            if not _FOLDER.fullmatch(folder.name) or not folder.is_dir():
                continue
            for path in folder.iterdir():
                with suppress(FileNotFoundError):  # another process removes files too
                    found = path.stat()
                    if _FILE.fullmatch(path.name):
                        yield found.st_mtime, found.st_size, path
                    elif _LEFT.fullmatch(path.name) and time.time() - found.st_mtime > _ABANDONED:
                        path.unlink()

    def _make_room(self, size: int) -> bool:
        """Count bytes to be written, and sweep if they are many.

        Return false where another process sweeps just now: what came meanwhile would be over the
        limit.
        """
        with self._counting:
            self._unswept += size
            if self._unswept < self.limit * BETWEEN:
                return True
            written, self._unswept = self._unswept, float(size)
        if self.sweep():
            return True
        with self._counting:
            self._unswept += written
        return False

    def _find_path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]
