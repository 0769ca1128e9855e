"""The folder of results, which every worker must see as the same one."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from singan_core import leftovers
from singan_core.atomic import make_folder
from singan_core.errors import OutputError
from singan_core.lock import lock_folder
from singan_core.paths import explain_output_error


@contextmanager
def hold_folder(folder: Path) -> Iterator[Path]:
    """Make a folder, hold it for one command, and give a file in it by which workers know it.

    What killed workers have left in it is removed at the end. Raises OutputError.
    """
    make_folder(folder)
    mark = leftovers.name_hidden(folder / "mark", secrets.token_hex(6), leftovers.TEMPORARY)
    with lock_folder(folder):
        try:
            mark.write_text("one folder for all workers\n", encoding="utf-8")
        except OSError as error:
            raise explain_output_error(folder, error) from error
        try:
            with leftovers.hold(mark):  # so that nobody takes it for a leftover
                yield mark
        finally:
            with suppress(OSError):
                mark.unlink()
            leftovers.sweep(folder)


def check_mark(mark: Path) -> None:
    """Raise OutputError unless the folder of results on this machine is that of the command."""
    if not mark.exists():
        raise OutputError(
            f"{mark.parent}: on {socket.gethostname()} not the folder that it is where the command "
            "runs; name one that all machines share, under the same path"
        )
