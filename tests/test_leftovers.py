"""A killed writer leaves the old or the new, whole, and the next one sweeps out the rest."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from singan_core import atomic, leftovers
from singan_core.lock import lock_folder
from singan_runtime import Sampler

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from singan_core import atomic

path, step = Path(sys.argv[2]), int(sys.argv[3])
seen = 0

def count(event, arguments):
    "Kill this process before its step-th call of the system that has to do with files."
    global seen
    if event.startswith(("os.", "shutil.", "fcntl.")) or event == "open":
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "folder":
    def write():
        with atomic.atomic_folder(path) as temporary:
            for name in ("one", "two"):
                (temporary / name).write_text("new")
else:
    def write():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text("new")

sys.addaudithook(count)
write()
"""
"""Arguments: file or folder, the path to replace, the step before which to die."""

LIVING = """
import sys, time
from pathlib import Path
from singan_core import atomic
path = Path(sys.argv[1])
with atomic.atomic_folder(path / "folder") as folder, atomic.atomic_file(path / "file") as file:
    (folder / "one").write_text("half"), file.write_text("half")
    print("writing", flush=True)
    sys.stdin.readline()
"""


def run_killed(kind, path, step):
    """Whether the process was killed, which it is unless it has fewer steps."""
    words = [sys.executable, "-c", KILLED_AT, kind, str(path), str(step)]
    status = subprocess.run(words, check=False).returncode
    assert status in (0, -signal.SIGKILL)
    return status != 0


def make_old(path, is_folder=True):
    if is_folder:
        path.mkdir()
        for name in ("one", "two", "three"):
            (path / name).write_text("old")
    else:
        path.write_text("old")


def read(path):
    if path.is_file():
        return path.read_text()
    return {file.name: file.read_text() for file in path.iterdir()}


OLD = {"file": "old", "folder": dict.fromkeys(("one", "two", "three"), "old")}
NEW = {"file": "new", "folder": dict.fromkeys(("one", "two"), "new")}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_whole(tmp_path, kind):
    steps = 0
    for step in range(1, 200):
        folder = tmp_path / str(step)
        folder.mkdir()
        make_old(folder / "target", kind == "folder")
        killed = run_killed(kind, folder / "target", step)
        leftovers.sweep(folder)
        assert read(folder / "target") in (OLD[kind], NEW[kind]), step
        if not killed:
            break
        steps += 1

        left = [path for path in folder.iterdir() if path.name != "target"]
        for path in left:  # only what had no content yet: its writer might be a living one
            assert leftovers._is_young_and_empty(path), step
            os.utime(path, (0, 0))
        atomic.make_folder(folder)
        assert [path.name for path in folder.iterdir()] == ["target"], step
    assert steps > (5 if kind == "file" else 15)


def find_swap(tmp_path):
    """The step before which the old folder is gone and the new one is not there yet."""
    for step in range(1, 200):
        folder = tmp_path / str(step)
        folder.mkdir()
        make_old(folder / "target")
        assert run_killed("folder", folder / "target", step)
        if not (folder / "target").exists():
            return step
    raise AssertionError("there is no such step")


def test_a_bundle_whose_writer_was_killed_between_the_renames_can_be_read(tiny_bundle, tmp_path):
    step = find_swap(tmp_path)
    kept = shutil.copytree(tiny_bundle, tmp_path / "kept" / "bundle")
    assert run_killed("folder", kept, step) and not kept.exists()
    assert Sampler.load(kept).reconstruct().any()
    atomic.make_folder(kept.parent)
    assert [path.name for path in kept.parent.iterdir()] == ["bundle"]


def test_what_a_living_writer_has_begun_is_never_swept(tmp_path):
    words = [sys.executable, "-c", LIVING, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "writing\n"
        atomic.make_folder(tmp_path)
        for path in tmp_path.iterdir():
            os.utime(path, (0, 0))
        leftovers.sweep(tmp_path)
        other.communicate("go on\n")
    assert other.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_writer_that_has_only_begun_is_given_time(tmp_path):
    mark = "0123456789ab"
    path = leftovers.name_hidden(tmp_path / "a", mark, leftovers.TEMPORARY)
    path.touch()
    leftovers.sweep(tmp_path)
    assert path.exists()
    past = time.time() - leftovers.EMPTY_SECONDS - 1
    os.utime(path, (past, past))
    leftovers.sweep(tmp_path)
    assert not path.exists()


def test_files_of_others_are_left_alone(tmp_path):
    names = (".a.0123456789ab.tmp", ".a.tmp", "a.singan-0123456789ab.tmp", ".a.singan-12.tmp")
    for name in names:
        (tmp_path / name).write_text("mine")
    atomic.make_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_the_next_writer_of_a_bundle_sweeps_inside_it(tmp_path):
    (tmp_path / ".manifest.json.singan-0123456789ab.tmp").write_text("half")
    with lock_folder(tmp_path):
        assert not list(tmp_path.glob(".manifest*"))


def test_without_locks_nothing_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "fcntl", None)
    path = tmp_path / ".a.singan-0123456789ab.tmp"
    path.write_text("half")
    atomic.make_folder(tmp_path)
    with atomic.atomic_file(tmp_path / "b") as temporary:
        temporary.write_text("whole")
    assert path.exists() and (tmp_path / "b").read_text() == "whole"
