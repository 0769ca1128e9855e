"""The main job for real: photo -> run -> bundle -> pictures, with the time of every step.

Usage: python examples/demo.py PHOTO DIR
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

SIZES = ("250x166", "640x480", "1024x1024", "1920x1080", "1080x1920")


def run_singan(*words: str | Path) -> float:
    """Run this environment's singan and return the seconds it took; stop if it failed."""
    program = shutil.which("singan", path=Path(sys.executable).parent)  # singan.exe on Windows
    if program is None:
        sys.exit("demo: singan is not installed beside this Python; run: pip install .[export,cpu]")
    print("\n$", "singan", *words, flush=True)
    began = time.monotonic()
    if subprocess.run([program, *map(str, words)]).returncode != 0:
        sys.exit(f"demo: 'singan {words[0]}' failed; see its message above")
    return time.monotonic() - began


def count_kilobytes(path: Path) -> int:
    """Count the kB of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(file.stat().st_size for file in files) // 1000


def print_step(name: str, seconds: float, path: Path) -> None:
    """Print a row of the report."""
    print(f"{name:26}{seconds:8.1f}  {count_kilobytes(path):7}  {path}")


def main(photo: Path, folder: Path) -> None:
    """Do every step and report."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    run, bundle, samples = folder / "run", folder / "bundle", folder / "samples"
    gif = folder / "animation.gif"

    sample = ("sample", bundle, "--out", samples, "--size", ",".join(SIZES))
    commands: dict[str, tuple[Path, tuple[str | Path, ...]]] = {
        "train (preset draft)": (run, ("train", photo, "--out", run, "--preset", "draft")),
        "export, with parity": (bundle, ("export", run, "--out", bundle)),
        "verify against the run": (bundle / "parity.json", ("verify", bundle, "--run", run)),
        "sample five sizes": (samples, sample),
        "animate": (gif, ("animate", bundle, "--out", gif, "--frames", "40", "--loop")),
    }
    seconds = {name: run_singan(*words) for name, (_, words) in commands.items()}

    print(f"\n{'step':26}{'seconds':>8}  {'kB':>7}  where")
    for name, (path, _) in commands.items():
        print_step(name, seconds[name], path)
    print_step("all", sum(seconds.values()), folder)
    for path in sorted(samples.iterdir()):
        print(f"  {path} ({count_kilobytes(path)} kB)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
