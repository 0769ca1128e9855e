"""Two processes never write to one folder at once."""

import os
import signal
import subprocess
import sys

import pytest

from singan_core.errors import OutputError
from singan_core.lock import WRITER, lock_folder

HOLD = """
import sys, time
from pathlib import Path
from singan_core.lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_writer_is_told_who_holds_the_folder(tmp_path, holder):
    with (
        pytest.raises(OutputError, match=rf"process {holder.pid} on .*writes to it; wait until"),
        lock_folder(tmp_path),
    ):
        pass


def test_a_killed_writer_leaves_no_lock(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / WRITER).exists()  # what it left
    with lock_folder(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / WRITER).read_text()


def test_a_folder_is_free_when_its_writer_is_done(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path):
            assert (tmp_path / WRITER).exists()
        assert not (tmp_path / WRITER).exists()


def test_a_writer_that_fails_frees_the_folder(tmp_path):
    with pytest.raises(ValueError), lock_folder(tmp_path):
        raise ValueError
    with lock_folder(tmp_path):
        pass


def test_what_stands_in_the_writers_file_cannot_reach_the_terminal(tmp_path, holder):
    (tmp_path / WRITER).write_text("\x1b[31mred")
    with (
        pytest.raises(OutputError, match="another process writes to it") as caught,
        lock_folder(tmp_path),
    ):
        pass
    assert "\x1b" not in str(caught.value)


def test_a_file_in_the_folders_place_is_said_in_one_line(tmp_path):
    (tmp_path / "run").write_text("a file")
    with (
        pytest.raises(OutputError, match="a file stands where a folder is needed"),
        lock_folder(tmp_path / "run"),
    ):
        pass
