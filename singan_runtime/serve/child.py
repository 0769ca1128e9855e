"""Runs commands of this program as child processes, which never outlive this one."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from singan_core.errors import TrainingError

_PROGRAM = """
import os, threading
from singan_cli.main import main

def follow_parent():
    while os.read(0, 1):
        pass
    os._exit(1)  # its end of the pipe is closed: it has ended, in whatever way

if hasattr(os, "nice"):
    os.nice(10)  # pictures that somebody waits for come first
threading.Thread(target=follow_parent, daemon=True).start()
main()
"""
_ERROR = "error: "
"""What the command line writes before the one line of a failure."""


async def run_command(words: Sequence[str], read_line: Callable[[str], None]) -> None:
    """Run a command of singan to its end, and hand over each line that it writes on stderr.

    Where this is cancelled, the child is killed. Raises TrainingError with the line of a failure.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _PROGRAM, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the service, which ends its children itself
    )
    assert process.stderr is not None
    reason = ""
    try:
        async for raw in process.stderr:
            line = raw.decode("utf-8", "replace").strip()
            reason = line.removeprefix(_ERROR) if line.startswith(_ERROR) else reason
            read_line(line)
        status = await process.wait()
    finally:
        await _kill(process)

    if status != 0:
        raise TrainingError(reason or f"singan {words[0]} {_describe_status(status)}")


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a child that still runs, at once: the caller throws away what it has written."""
    if process.returncode is None:
        process.kill()
        await process.wait()


def _describe_status(status: int) -> str:
    """Say how a child ended that gave no reason."""
    if status == -getattr(signal, "SIGKILL", 9):
        return "was killed; perhaps memory was short"
    return f"ended with status {status}"
