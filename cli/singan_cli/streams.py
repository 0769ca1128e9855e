"""The program's standard streams, which may be closed, full or nobody's any more."""

from __future__ import annotations

import errno
import io
import os
import sys

LEFT_BY_READER = 141
"""Exit status when standard output goes to a program that has ended: that of SIGPIPE in shells."""


class _Output(io.FileIO):
    """Standard output, whose errors become one line instead of one at every later write."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write bytes.

        Raises OutputError, or SystemExit without a word if whoever reads has seen enough.
        """
        try:
            return super().write(data)
        except OSError as error:
            _discard(self.fileno())  # what is still buffered
            if error.errno == errno.EPIPE:
                raise SystemExit(LEFT_BY_READER) from None
            raise _explain(error) from error


class _Messages(io.FileIO):
    """Standard error: work goes on though nobody can read about it."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write bytes, if that is possible."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def replace() -> None:
    """Replace standard output and error by streams that fail in order.

    Names of files that are not UTF-8 are written with backslashes.
    """
    _open_closed()
    if os.name == "nt":  # a console there is no descriptor
        return
    sys.stdout = _wrap(sys.stdout, _Output, 1)
    sys.stderr = _wrap(sys.stderr, _Messages, 2)


def _open_closed() -> None:
    """Point streams that are closed at nothing: else the next file opened would be written to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _wrap(stream: object, kind: type[io.FileIO], number: int) -> io.TextIOWrapper:
    """Wrap a standard stream's descriptor in another kind of file."""
    raw = kind(number, "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=kind is _Messages or raw.isatty(),
    )


def _discard(number: int) -> None:
    """Point a descriptor at nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _explain(error: OSError) -> Exception:
    from pathlib import Path

    from singan_core.paths import explain_output_error

    return explain_output_error(Path("standard output"), error)
