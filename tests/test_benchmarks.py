"""Benchmarks are seldom run, so that a renamed function would go unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted(BENCHMARKS.glob("*.py")) if "main()" in path.read_text()]
)
def test_it_starts_and_says_how_it_is_used(name):
    pytest.importorskip("onnx")
    command = [sys.executable, BENCHMARKS / f"{name}.py", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"python benchmarks/{name}.py" in said


def test_the_parts_of_a_picture_that_are_timed_exist():
    """They are named by strings, which no type checker reads."""
    code = (
        "from detail import PARTS; print(all(hasattr(module, name) for module, name, _ in PARTS))"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"
