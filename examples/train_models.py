"""Trains the models of models/models.toml that have no bundle, and records what each took.

Usage: python examples/train_models.py [--work FOLDER] [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from model_list import ROOT, TIMES, Model, read_models

from singan_core import manifest as manifests


def run(words: list[str]) -> None:
    """Run this environment's singan from the repository's root; stop if it fails."""
    program = Path(sys.executable).with_name(words[0])
    if subprocess.run([program, *words[1:]], cwd=ROOT).returncode != 0:
        sys.exit(f"train_models: '{' '.join(words[:3])}' failed; see its message above")


def read_processor_seconds() -> float:
    """Read the seconds that finished child processes have spent on processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def find_processor() -> str:
    """Find the name of this machine's processor, or say that it is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def train(model: Model, work: Path) -> None:
    """Train and export a model, and record its time."""
    folder = work / model.name
    folder.parent.mkdir(parents=True, exist_ok=True)
    began, used = time.monotonic(), read_processor_seconds()
    run(model.list_words(str(folder)))
    seconds, used = time.monotonic() - began, read_processor_seconds() - used
    run(["singan", "export", str(folder), "--out", str(model.bundle)])

    times = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.exists() else {}
    times[model.name] = {
        "processor_seconds": round(used),
        "seconds": round(seconds),
        "hardware": f"one thread on {find_processor()}",
    }
    TIMES.write_text(json.dumps(times, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train what is asked for, or whatever has no bundle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "models")
    given = parser.parse_args()
    for model in read_models():
        is_wanted = model.name in given.names or not given.names
        if is_wanted and not (model.bundle / manifests.NAME).exists():
            train(model, given.work.absolute())


if __name__ == "__main__":
    main()
