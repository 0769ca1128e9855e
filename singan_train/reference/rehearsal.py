"""Read a checkpoint's files in a process of its own first, which may die of them.

What gets through there, within limits of memory and time, is read again where it is needed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from singan_core.errors import CheckpointError
from singan_train.reference.pickle_machine import Allowance
from singan_train.reference.unpickle import read_file

MOST_MEMORY = 2**31  # bytes of address space, of which Python and numpy take a tenth
MOST_SECONDS = 60
_REFUSED = 3  # exit status


def rehearse(paths: Sequence[Path]) -> None:
    """Read files in another process. Raises CheckpointError if they are refused or end it."""
    source = str(Path(__file__).parents[2])
    found = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": found, "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-P", "-m", __spec__.name, *map(str, paths)]
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CheckpointError(
            f"{paths[0].parent}: reading its files took more than {MOST_SECONDS} s; "
            "do not use this checkpoint"
        ) from error

    if done.returncode == _REFUSED:
        raise CheckpointError(os.fsdecode(done.stderr).strip())
    if done.returncode != 0:
        began = os.fsdecode(done.stdout).splitlines()
        raise CheckpointError(
            f"{began[-1] if began else paths[0].parent}: the process that tried to read it "
            f"{_describe_end(done.returncode)}; do not use this file"
        )


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _limit_process() -> None:
    """Limit what this process may take, and leave no core file behind."""
    try:
        import resource
    except ImportError:  # Windows, where the time alone is limited
        return
    for kind, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


def main(paths: Sequence[str]) -> int:
    """Read the files, naming each before it is begun, and return the exit status."""
    _limit_process()
    allowance = Allowance()
    try:
        for path in paths:
            print(path, flush=True)
            read_file(Path(path), allowance)
    except CheckpointError as error:
        print(error, file=sys.stderr)
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
