"""Errors become one line on stderr and an exit status.

The status is 1 for a failure, 2 for wrong usage (set by Typer) and 128 more than the number of a
signal that ended the work.
"""

from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from singan_cli.signals import NOTHING_LEFT, StoppedBySignal, raise_signals
from singan_cli.terminal import say
from singan_core.errors import SinGANError, say_reason
from singan_core.paths import explain_output_error

EXTRAS = {
    "torch": ("torch safetensors", "train"),
    "safetensors": ("torch safetensors", "train"),
    "onnx": ("onnx onnxscript onnxruntime", "export"),
    "ray": ("'ray[client]'", "cluster"),
} | dict.fromkeys(
    ("starlette", "uvicorn", "multipart", "python_multipart", "prometheus_client"),
    ("starlette uvicorn python-multipart prometheus-client", "serve"),
)
"""What to install for a package that a command misses, and singan's extra that names it.

No hint installs singan itself, which comes from wherever its user has got it.
"""

_NO_MEMORY = re.compile(
    r"(can't|cannot|failed to) allocate|bad_?alloc|out of memory|can't start new thread|"
    r"failed to map segment|could not create a primitive",
    re.IGNORECASE,
)
"""How PyTorch, ONNX Runtime, the loader of libraries and threads say that memory is short."""

_debug = [False]


def show_tracebacks(wanted: bool) -> None:
    """Remember --debug, which stands before the command and so is known before the command runs."""
    _debug[0] = wanted


def guard(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that errors and signals end it in order, with one line on stderr."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        with exit_on_errors(), raise_signals():
            command(*args, **kwargs)

    return run


@contextmanager
def exit_on_errors() -> Iterator[None]:
    """Print a foreseeable error of the block on one line, without a traceback, and exit.

    With --debug the error is raised instead.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        line = describe_error(error)
        if line is None or _debug[0]:
            raise
        say(f"error: {line}", err=True)
        raise SystemExit(choose_status(error)) from None


def choose_status(error: BaseException) -> int:
    """Choose the exit status of an error."""
    if isinstance(error, StoppedBySignal):
        return error.status
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def describe_error(error: BaseException) -> str | None:
    """Say on one line what happened and what to do, or return None for what nobody foresaw."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or f"interrupted; {NOTHING_LEFT}"
    if is_out_of_memory(error):
        return "not enough memory; ask for a smaller size, or close other programs"
    if isinstance(error, ModuleNotFoundError):
        return describe_missing_package(error)
    if isinstance(error, OSError) and not isinstance(error, SinGANError):
        return describe_system_error(error)
    return say_reason(error) if isinstance(error, SinGANError) else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, means that memory is used up."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, SinGANError):
        return cause is not None and is_out_of_memory(cause)
    libraries = isinstance(error, RuntimeError | ImportError | SystemError | OSError)
    return libraries and _NO_MEMORY.search(str(error)) is not None


def describe_system_error(error: OSError) -> str:
    """Say what the system refused, without the number that it has for it."""
    reason = say_reason(error)
    if error.filename is None:
        return f"the system refuses this: {reason}"
    path = Path(os.fsdecode(error.filename))
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOENT, errno.EISDIR):
        return f"{path}: {reason.lower()}; choose another name"
    return str(explain_output_error(path, error))


def describe_missing_package(error: ModuleNotFoundError) -> str:
    """Say how to install a package that is missing."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        return f"the package {name} is missing; run: pip install {name}"
    packages, extra = EXTRAS[name]
    return f"this command needs {name}; run: pip install {packages} (singan's extra {extra})"
