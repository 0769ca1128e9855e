"""The command in the process of a test, and what it says."""

import sys
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from singan_cli.app import app

SINGAN = str(Path(sys.executable).with_name("singan"))
EDITING = ("retarget", "harmonize", "edit", "paint", "upscale")
COMMANDS = (
    *("make", "train", "train-many", "import", "export", "verify", "inspect", "models"),
    *("sample", "render-many", "animate", "dataset"),
    *(*EDITING, "serve", "markup", "health", "evaluate", "bench", "plot", "doctor"),
)


def call(*words):
    """The command in this process: (exit status, stdout, stderr)."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def one_line(*words, status=1):
    """The one line that a mistake gives."""
    got, _, said = call(*words)
    assert got == status, said
    lines = [line for line in said.strip().splitlines() if not line.startswith("drawing with")]
    assert len(lines) == 1 and lines[0].startswith("error: "), said
    return lines[0]


def usage(*words):
    """What a mistyped option gives: exit 2, Typer's usage lines and the cause, no traceback."""
    status, _, said = call(*words)
    assert status == 2 and "Traceback" not in said
    return " ".join(said.split())


def size_of(path):
    with Image.open(path) as image:
        return image.size
