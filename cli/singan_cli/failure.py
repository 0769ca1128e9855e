"""Errors become one line on stderr and an exit status.

The status is 1 for a failure, 2 for wrong usage (set by Typer) and 130 for an interruption.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from singan_cli.terminal import say
from singan_core.errors import SinGANError

EXTRAS = {"torch": "train", "safetensors": "train", "onnx": "export,cpu"}
"""Which extra of the package 'singan' installs a package that a command misses."""

_debug = [False]


class StoppedBySignal(KeyboardInterrupt):
    """Work that a signal has ended in order.

    As in shells, the exit status tells which signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.status = 128 + number


def show_tracebacks(wanted: bool) -> None:
    """Remember --debug, which stands before the command and so is known before the command runs."""
    _debug[0] = wanted


def guard(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that a foreseeable error is printed on one line, without a traceback.

    With --debug the error is raised instead.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (SinGANError, OSError, MemoryError, KeyboardInterrupt, ModuleNotFoundError) as error:
            if _debug[0]:
                raise
            say(f"error: {describe_error(error)}", err=True)
            raise typer.Exit(choose_status(error)) from None

    return run


def choose_status(error: BaseException) -> int:
    """Choose the exit status of an error."""
    if isinstance(error, StoppedBySignal):
        return error.status
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def describe_error(error: BaseException) -> str:
    """Say on one line what happened and what to do."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted; nothing half-written was left"
    if isinstance(error, MemoryError):
        return "not enough memory; ask for a smaller size"
    if isinstance(error, ModuleNotFoundError):
        return describe_missing_package(error)
    return " ".join(str(error).split())


def describe_missing_package(error: ModuleNotFoundError) -> str:
    """Say how to install a package that is missing."""
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return f"the package {error.name} is missing; run: pip install 'singan[cpu]'"
    return f"this command needs {error.name}; run: pip install 'singan[{extra}]'"
