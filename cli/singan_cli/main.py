"""The entry point of the singan command: signals and lost streams are met from its first line.

The commands are in app.py, whose imports take a third of a second.
"""

from __future__ import annotations

import sys

from singan_cli import signals

# At the import, and before any other one: while modules load, Ctrl-C would give a traceback.
signals.leave_at_once()


def _explain_failed_import(error: BaseException) -> None:
    """Say that memory is too short to begin, or raise the error again."""
    cause: BaseException | None = error
    while cause is not None and not _is_want_of_memory(cause):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        raise error
    sys.stderr.write("error: not enough memory to begin\n")
    sys.exit(1)


def _is_want_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | SystemError):
        return True
    said = str(error)
    return isinstance(error, ImportError) and ("allocate" in said or "map segment" in said)


def main() -> None:
    """Run the installed command."""
    from singan_cli import streams

    streams.replace()

    try:
        from singan_cli.app import run
        from singan_cli.failure import exit_on_errors
    except (MemoryError, SystemError, ImportError) as error:
        _explain_failed_import(error)

    with exit_on_errors():  # of --help and --version; commands have a guard of their own
        run()
