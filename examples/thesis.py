"""The thesis done again, with detail levels and without: its samples, shapes, clips and findings.

A stopped run goes on when the command is repeated: parts that are done are skipped, and trainings
go on from their last checkpoint. It needs the extras export, cpu and plot.

Usage: python examples/thesis.py FOLDER [--photo FILE] [--parts PART,...] [--page docs/thesis.md]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thesis_models import Models, Work
from thesis_page import write_page
from thesis_parts import PARTS

from singan_core.atomic import atomic_file

PHOTO = Path(__file__).parent / "aitzgorri.jpg"

Record = dict[str, dict[str, Any]]
"""What is known of each part: its seconds, those of processors, whether it is done, its results."""


class Notebook:
    """The record of a folder, in record.json, which outlives a stopped run."""

    def __init__(self, folder: Path, work: Work) -> None:
        self.path = folder / "record.json"
        self.parts: Record = {}
        described = json.loads(json.dumps(dataclasses.asdict(work)))
        if self.path.exists():
            known = json.loads(self.path.read_text(encoding="utf-8"))
            if known["work"] != described:
                raise SystemExit(f"{folder}: begun with other numbers; choose another folder")
            self.parts = known["parts"]
        self.work = described

    def is_done(self, part: str) -> bool:
        """Whether a part is done."""
        return bool(self.parts.get(part, {}).get("results"))

    def add(self, part: str, seconds: float, processor: float, results: object) -> None:
        """Add time to a part, and its results, which are None while it is not done."""
        known = self.parts.get(part, {"seconds": 0.0, "processor": 0.0})
        self.parts[part] = {
            "seconds": round(known["seconds"] + seconds, 1),
            "processor": round(known["processor"] + processor, 1),
            "results": results,
        }
        with atomic_file(self.path) as temporary:
            content = {"work": self.work, "parts": self.parts}
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def do_part(name: str, models: Models, notebook: Notebook) -> None:
    """Do a part and record its time, also if it is stopped."""
    print(f"{name}: {PARTS[name][0]}", flush=True)
    results = None
    began, used = time.monotonic(), time.process_time()
    try:
        results = PARTS[name][1](models)
    finally:
        notebook.add(name, time.monotonic() - began, time.process_time() - used, results)
    known = notebook.parts[name]
    print(f"  done in {known['seconds']} s ({known['processor']} s of processors)", flush=True)


def repeat_thesis(folder: Path, photo: Path, parts: Sequence[str], work: Work) -> Notebook:
    """Do parts in their order, except those that the folder has."""
    models, notebook = Models(folder, photo, work), Notebook(folder, work)
    for name in PARTS:
        if name not in parts:
            continue
        if notebook.is_done(name):
            print(f"{name}: done before", flush=True)
        else:
            do_part(name, models, notebook)
    return notebook


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--page", type=Path, help="also write the page of docs, and its pictures")
    given = parser.parse_args()
    parts = given.parts.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"unknown part {unknown[0]!r}: choose {', '.join(PARTS)}")

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that its time is recorded
    try:
        notebook = repeat_thesis(given.folder, given.photo, parts, Work())
    except KeyboardInterrupt:
        raise SystemExit("thesis: stopped; the same command goes on from here") from None
    if given.page:
        write_page(given.page, given.folder, notebook.parts)


if __name__ == "__main__":
    main()
