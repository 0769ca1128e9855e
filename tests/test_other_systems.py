"""Nothing but the Makefile needs a POSIX system.

No Windows runs these tests. What it lacks is taken away from Python here instead.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
POSIX = ["fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"]
LACKING = {
    "os": "fork geteuid getuid nice sched_getaffinity killpg setsid mkfifo O_NONBLOCK O_NOFOLLOW",
    "signal": "SIGHUP SIGALRM alarm setitimer pthread_sigmask",
}
ASKS_AT_ONCE = "singan_export.engines.adapter"  # for TensorRT, when it is imported
PRELUDE = f"""
import sys
for name in {POSIX}:
    sys.modules[name] = None
import importlib
for module, names in {LACKING}.items():
    for name in names.split():
        if hasattr(importlib.import_module(module), name):
            delattr(importlib.import_module(module), name)
"""


def run(program, *words):
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + program, *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def list_modules(package, folder):
    """The import names of a package's modules."""
    files = sorted((folder / package).rglob("*.py"))
    return [path.relative_to(folder).with_suffix("").as_posix().replace("/", ".") for path in files]


@pytest.mark.parametrize(
    ("package", "folder", "needs"),
    [
        ("singan_core", ROOT, "numpy"),
        ("singan_runtime", ROOT, "starlette"),
        ("singan_train", ROOT, "torch"),
        ("singan_export", ROOT, "onnx"),
        ("singan_cli", ROOT / "cli", "onnx"),
    ],
)
def test_every_module_loads_without_what_windows_lacks(package, folder, needs):
    pytest.importorskip(needs)
    names = [name.removesuffix(".__init__") for name in list_modules(package, folder)]
    names = [name for name in names if name != ASKS_AT_ONCE]
    assert len(names) > 10
    run(f"for name in {names}: importlib.import_module(name)")


def test_pictures_are_drawn_and_timed_without_what_windows_lacks(detail_bundle, tmp_path):
    program = "from singan_cli.main import main; main()"
    run(program, "sample", detail_bundle, "--out", tmp_path / "one.png", "--size", "60x40")
    assert (tmp_path / "one.png").stat().st_size > 1000
    said = run(program, "bench", detail_bundle, "--size", "60x40", "--repeats", "1")
    assert "peak memory" not in said
