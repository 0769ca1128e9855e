"""Errors as one line on stderr and an exit status: 1 failed, 2 usage (Typer's own), 130 interrupted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from singan_core.errors import SinGANError

_debug = [False]


class Stopped(KeyboardInterrupt):
    """A signal has ended work in order; the exit status tells which, as shells do."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.status = 128 + number


def show_tracebacks(wanted: bool) -> None:
    """What --debug says; it stands before the command, so it is known before the command runs."""
    _debug[0] = wanted


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command, its foreseeable errors told in one line unless --debug stands before it."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (SinGANError, OSError, MemoryError, KeyboardInterrupt, ModuleNotFoundError) as error:
            if _debug[0]:
                raise
            typer.echo(f"error: {one_line(error)}", err=True)
            raise typer.Exit(status(error)) from None

    return run


def status(error: BaseException) -> int:
    """The exit status of an error."""
    if isinstance(error, Stopped):
        return error.status
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def one_line(error: BaseException) -> str:
    """What happened and what to do, on one line."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted; nothing half-written was left"
    if isinstance(error, MemoryError):
        return "not enough memory; ask for a smaller size"
    if isinstance(error, ModuleNotFoundError):
        extra = {"torch": "train", "safetensors": "train", "onnx": "export"}.get(
            (error.name or "").partition(".")[0]
        )
        if extra is None:
            return f"the package {error.name} is missing; run: pip install 'singan[cpu]'"
        also = ",cpu" if extra == "export" else ""
        return f"this command needs {error.name}; run: pip install 'singan[{extra}{also}]'"
    return " ".join(str(error).split())
