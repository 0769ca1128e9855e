import errno
import os

import pytest

from singan_core import atomic
from singan_core.errors import OutputError


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(ValueError, match="half-way"), atomic.atomic_file(path) as temporary:
        temporary.write_text("half")
        raise ValueError("half-way")
    assert list(tmp_path.iterdir()) == []
    with atomic.atomic_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_write_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError), atomic.atomic_file(path) as temporary:
        temporary.write_text("new")
        raise ValueError
    assert path.read_text() == "old"


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "b"
    with pytest.raises(ValueError), atomic.atomic_folder(folder) as temporary:
        (temporary / "one").write_text("1")
        raise ValueError
    assert list(tmp_path.iterdir()) == []
    for content in ("first", "second"):
        with atomic.atomic_folder(folder) as temporary:
            (temporary / "one").write_text(content)
        assert (folder / "one").read_text() == content
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_a_failed_replacement_keeps_the_old_folder(tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "one").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic.atomic_folder(folder):
        raise KeyboardInterrupt
    assert (folder / "one").read_text() == "old"


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, known_temporaries):
    """/dev/full is a device on which every write fails as on a full disk."""
    path = tmp_path / "a.txt"
    temporary = tmp_path / ".a.txt.singan-0.tmp"
    temporary.symlink_to("/dev/full")
    with (
        pytest.raises(OutputError, match=r"a\.txt: the disk is full; free some space"),
        atomic.atomic_file(path) as same,
    ):
        assert same == temporary
        same.write_text("x" * 100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "not writable"),
        (errno.EROFS, "not writable"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_every_cause_has_its_words(tmp_path, number, message):
    assert message in str(
        atomic.explain_output_error(tmp_path, OSError(number, os.strerror(number)))
    )


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        atomic.make_folder(tmp_path / "file" / "folder")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        atomic.make_folder(tmp_path / "file")
