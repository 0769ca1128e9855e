"""The main job for real: photo -> run -> bundle -> pictures, with the time of every step. Usage: demo.py PHOTO DIR."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

SIZES = ("250x166", "640x480", "1024x1024", "1920x1080", "1080x1920")


def singan(*words: str | Path) -> float:
    """Run the singan of this environment on the words and return the seconds it took; stop if it failed."""
    command = [str(Path(sys.executable).with_name("singan")), *map(str, words)]
    print("\n$", "singan", *command[1:], flush=True)
    began = time.monotonic()
    if subprocess.run(command).returncode != 0:
        sys.exit(f"demo: 'singan {words[0]}' failed; see its message above")
    return time.monotonic() - began


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return (
        path.stat().st_size
        if path.is_file()
        else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    )


def main(photo: Path, folder: Path) -> None:
    """Do every step and report."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    run, bundle, samples, gif = (
        folder / name for name in ("run", "bundle", "samples", "animation.gif")
    )
    steps = {
        "train (preset draft)": (run, singan("train", photo, "--out", run, "--preset", "draft")),
        "export, with parity": (bundle, singan("export", run, "--out", bundle)),
        "verify against the run": (bundle / "parity.json", singan("verify", bundle, "--run", run)),
        "sample five sizes": (
            samples,
            singan("sample", bundle, "--out", samples, "--size", ",".join(SIZES)),
        ),
        "animate": (gif, singan("animate", bundle, "--out", gif, "--frames", "40", "--loop")),
    }
    print(f"\n{'step':26}{'seconds':>8}  {'kB':>7}  where")
    for name, (path, seconds) in steps.items():
        print(f"{name:26}{seconds:8.1f}  {size_of(path) // 1000:7}  {path}")
    print(
        f"{'all':26}{sum(seconds for _, seconds in steps.values()):8.1f}  {size_of(folder) // 1000:7}  {folder}"
    )
    for path in sorted(samples.iterdir()):
        print(f"  {path} ({size_of(path) // 1000} kB)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
