"""A file of which a read never asks for more than the file holds.

Decoders read as many bytes as a file says that its next part has. Python sets that memory aside
before it reads: two gigabytes for a damaged picture of a hundred bytes.
"""

from __future__ import annotations

import io
import os
from pathlib import Path


class BoundedFile(io.BufferedReader):
    """A file opened for reading, for decoders that believe what it says. Raises OSError."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._length = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most size bytes, all that follow if size is None or negative."""
        left = max(0, self._length - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))
