"""The entry point of the singan command: signals and lost streams are met from its first line.

The commands are in app.py, whose imports take a third of a second.
"""

from __future__ import annotations

from singan_cli import signals

# At the import, and before any other one: while modules load, Ctrl-C would give a traceback.
signals.leave_at_once()


def main() -> None:
    """Run the installed command."""
    from singan_cli import streams

    streams.replace()

    from singan_cli.app import run
    from singan_cli.failure import exit_on_errors

    with exit_on_errors():  # of --help and --version; commands have a guard of their own
        run()
