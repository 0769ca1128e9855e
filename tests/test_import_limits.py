"""A checkpoint can neither fill the memory, nor take for ever, nor end what reads it."""

import os
import pickle
import shutil
import subprocess
import sys
import time
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import reference_checkpoints as reference  # noqa: E402

from singan_core.errors import CheckpointError  # noqa: E402
from singan_train.reference import rehearsal, unpickle  # noqa: E402
from singan_train.reference.checkpoint import read_checkpoint  # noqa: E402
from singan_train.reference.pickle_machine import (  # noqa: E402
    MOST_BYTES,
    MOST_INSTRUCTIONS,
    MOST_NESTED,
)
from singan_train.reference.pickled_names import SHOWN  # noqa: E402
from singan_train.reference.unpickle import MOST_FILE_BYTES, read_file  # noqa: E402

SECONDS = 10  # that a hostile file may take, on a busy machine


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkpoint of two scales; treat it as read-only."""
    folder = tmp_path_factory.mktemp("written") / "in"
    reference.write(folder, shapes=reference.SHAPES[:2], widths=(6, 6))
    return folder


@pytest.fixture
def checkpoint(written, tmp_path):
    return shutil.copytree(written, tmp_path / "in")


def write_zip(path, pickled, storages=()):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for number, content in enumerate(storages):
            archive.writestr(f"archive/data/{number}", content)
    return path


def refer(count, key=b"0"):
    """Instructions for a storage of that many float32 values."""
    word = b"X" + len(key).to_bytes(4, "little") + key
    number = b"J" + count.to_bytes(4, "little")
    return b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + word + b"X\x03\0\0\0cpu" + number + b"tQ"


def view(storage, size):
    """Instructions for a tensor (size,) of a storage's first values."""
    number = b"J" + size.to_bytes(4, "little")
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + number + b"\x85K\x01\x85"
        b"\x89ccollections\nOrderedDict\n)RtR"
    )


def refused(path, match, read=read_file):
    began = time.monotonic()
    with pytest.raises(CheckpointError, match=match) as caught:
        read(path)
    assert time.monotonic() - began < SECONDS
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200 + 3 * SHOWN
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_is_no_regular_file_is_neither_read_nor_waited_for(checkpoint, kind):
    path = checkpoint / "reals.pth"
    path.unlink()
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    refused(path, r"reals\.pth: no regular file")
    refused(checkpoint, r"reals\.pth: no regular file", read_checkpoint)


def test_a_file_larger_than_any_checkpoint_is_not_read(tmp_path):
    with open(tmp_path / "file", "wb") as file:
        file.truncate(MOST_FILE_BYTES + 1)
    refused(tmp_path / "file", "256 MB, at most 256 MB are read")


@pytest.mark.parametrize("zipped", [False, True])
def test_tensors_cannot_claim_more_than_a_checkpoint_may(tmp_path, zipped):
    """One value that is repeated to 5 GB, and 64 that are repeated to 16 MB each."""
    reference.save(torch.zeros(1).expand(1, 3, 20000, 20000), tmp_path / "file", zipped)
    refused(tmp_path / "file", f"tensors that claim more than {MOST_BYTES} bytes")
    parts = [torch.zeros(1).expand(2000, 2000) for _ in range(64)]
    reference.save(parts, tmp_path / "file", zipped)
    refused(tmp_path / "file", f"tensors that claim more than {MOST_BYTES} bytes")


def test_all_files_of_a_checkpoint_share_one_allowance(checkpoint):
    for scale in (0, 1):
        many = {"head.conv.weight": torch.zeros(1).expand(9000, 9000)}
        reference.save(many, checkpoint / str(scale) / "netG.pth")
    read_file(checkpoint / "0" / "netG.pth")
    refused(checkpoint, r"1/netG\.pth: .*tensors that claim more than", read_checkpoint)


def test_a_storage_is_held_once_however_often_it_is_named(tmp_path):
    values = bytes(4 * 2**20)
    every = b"".join(view(refer(2**20), 5) for _ in range(1500))
    path = write_zip(tmp_path / "file", b"\x80\x02](" + every + b"e.", [values])
    tracemalloc.start()
    assert len(read_file(path)) == 1500
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(values)

    every = b"".join(view(refer(2**20), 2**20) for _ in range(1500))
    write_zip(path, b"\x80\x02](" + every + b"e.", [values])
    refused(path, "tensors that claim more than")


def test_entries_of_an_archive_that_share_their_bytes_are_refused(tmp_path):
    path = write_zip(tmp_path / "file", b"\x80\x02].", [bytes(2**16)])
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.getinfo("archive/data/0")
        for number in range(1, 40):  # further names for the same bytes
            again = zipfile.ZipInfo(f"archive/data/{number}")
            again.header_offset, again.CRC = first.header_offset, first.CRC
            again.file_size = again.compress_size = first.file_size
            archive.filelist.append(again)
        archive._didModify = True
    refused(path, "entries that hold more than the file")


@pytest.mark.parametrize(
    ("pickled", "match"),
    [
        (b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".", f"nested more than {MOST_NESTED}"),
        (b"\x80\x02)" + b"\x85" * 50_000 + b".", f"nested more than {MOST_NESTED}"),
        (b"\x80\x02})" + b"\x85" * 500_000 + b"K\x01s.", "a dict with other keys than names"),
        (
            b"\x80\x02ccollections\nOrderedDict\n])"
            + b"\x85" * 500_000
            + b"K\x01\x86a\x85R.",
            "a dict with other keys than names",
        ),
        (b"\x80\x02" + b"(" * 500_000 + b"t" * 500_000 + b".", "nested more than"),
        (b"\x80\x02" + b"N" * (MOST_INSTRUCTIONS + 1) + b".", "more than 1048576 instructions"),
        (b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\n)" + b"\x85" * 500_000
         + b"NK\x01tQ.", "a storage without name"),
        (b"\x80\x02X" + (2**20).to_bytes(4, "little") + b"\x1b" * 2**20 + b"Q.", "no PyTorch file"),
        (b"\x80\x02ctorch.nn.modules.a\n" + b"\xc2\x9b" * 9999 + b"\nh\x05.", "no PyTorch file"),
    ],
    ids=["lists", "tuples", "key", "ordered", "marks", "long", "storage", "name", "memo"],
)  # fmt: skip
def test_a_pickle_that_would_end_or_stop_the_interpreter_is_refused(tmp_path, pickled, match):
    refused(write_zip(tmp_path / "file", pickled), match)


def test_a_value_that_doubles_at_every_step_is_not_written_into_a_message(checkpoint):
    doubled = b"".join(b"q%ch%c\x86" % (n, n) for n in range(50))
    write_zip(checkpoint / "NoiseAmp.pth", b"\x80\x02](N" + doubled + b"e.")
    refused(checkpoint, "noise amplitudes must be numbers of 0 or more, got tuple", read_checkpoint)


def test_names_of_a_file_stay_on_the_line_of_their_message(checkpoint):
    kind = b"ctorch.nn.modules.a\n\x1b[2J" + b"x" * 10_000 + b"\n)\x81"
    write_zip(checkpoint / "0" / "netG.pth", b"\x80\x02" + kind + b".")
    refused(checkpoint, r"expected, got torch\.nn\.modules\.a\.\\x1b\[2Jxx", read_checkpoint)
    state = torch.load(checkpoint / "1" / "netG.pth", weights_only=True)
    for scale in (0, 1):
        reference.save(
            state | {"\x1b[2J" + "x" * 10_000: torch.zeros(1)},
            checkpoint / str(scale) / "netG.pth",
        )
    refused(checkpoint, r"scale 0: \\x1b\[2Jxx", read_checkpoint)


def test_models_that_nobody_could_draw_are_refused(checkpoint):
    huge = [torch.zeros(1).expand(1, 3, *size) for size in ((13, 18), (12, 8203))]
    reference.save(huge, checkpoint / "reals.pth")
    refused(checkpoint, r"reals\.pth: 8203x12; 8192 px a side are the most", read_checkpoint)
    reference.save([1.0] * 65, checkpoint / "NoiseAmp.pth")
    reference.save(huge[:1], checkpoint / "reals.pth")
    refused(checkpoint, r"NoiseAmp\.pth: 65 scales; 64 are the most", read_checkpoint)


class Saved:
    """The files of checkpoints in both formats, whole modules among them."""

    def __init__(self, folder):
        self.contents = []
        for zipped in (False, True):
            reference.write(
                folder / f"modules {zipped}", layout="modules", zipped=zipped,
                shapes=reference.SHAPES[:2], widths=(2, 2),
            )  # fmt: skip
            for name in ("Gs.pth", "NoiseAmp.pth", "Zs.pth"):
                self.contents.append((folder / f"modules {zipped}" / name).read_bytes())


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return Saved(tmp_path_factory.mktemp("saved"))


@given(
    number=st.integers(0, 5),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=4),
    is_cut=st.booleans(),
    at_start=st.booleans(),
)
@settings(max_examples=400)
def test_no_altered_file_ends_in_another_error(saved, tmp_path, number, changes, is_cut, at_start):
    content = saved.contents[number]
    for place, replacement in changes:
        at = int(place * min(len(content), 3000 if at_start else len(content)))
        content = content[:at] + replacement + content[at + len(replacement) :]
        content = content[:at] if is_cut else content
    (tmp_path / "file").write_bytes(content)
    try:
        read_file(tmp_path / "file")
    except CheckpointError as error:
        assert str(error).isprintable()


# the process that reads first


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Let a shell script take the place of the process that reads the files first."""

    def write(script):
        path = tmp_path / "python"
        path.write_text("#!/bin/sh\necho /a/file.pth\n" + script)
        path.chmod(0o755)
        monkeypatch.setattr(rehearsal.sys, "executable", str(path))

    return write


def test_a_file_that_ends_the_process_which_reads_it_is_refused_in_one_line(checkpoint, stand_in):
    stand_in("kill -SEGV $$")
    refused(checkpoint, r"^/a/file\.pth: .* was ended by SIGSEGV; do not use", read_checkpoint)
    stand_in("exit 1")
    refused(checkpoint, r"^/a/file\.pth: .* ended with status 1; do not use", read_checkpoint)


def test_a_file_that_takes_too_long_is_refused(checkpoint, stand_in, monkeypatch):
    monkeypatch.setattr(rehearsal, "MOST_SECONDS", 0.2)
    stand_in("exec sleep 60")
    refused(checkpoint, r"in: reading its files took more than 0\.2 s", read_checkpoint)


def test_the_process_that_reads_has_limits():
    program = (
        "import resource\n"
        "from singan_train.reference import rehearsal\n"
        "rehearsal._limit_process()\n"
        "try:\n    bytearray(3 * 2**30)\nexcept MemoryError:\n    print('no memory')\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["no memory", str(rehearsal.MOST_SECONDS)]


def test_what_a_rehearsal_reads_is_never_unpickled(checkpoint, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    (checkpoint / "0" / "netG.pth").write_bytes(pickle.dumps([Trap()]))
    refused(checkpoint, r"0/netG\.pth: refused, because it names", read_checkpoint)
    assert not (tmp_path / "trap").exists()


def test_reading_a_good_checkpoint_is_rehearsed(written, monkeypatch):
    read = []
    monkeypatch.setattr("singan_train.reference.checkpoint.rehearse", read.extend)
    read_checkpoint(written)
    taken = {path.relative_to(written).as_posix() for path in read}
    assert taken == {"reals.pth", "NoiseAmp.pth", "Zs.pth", "0/netG.pth", "1/netG.pth"}
    assert unpickle.read_file(read[0])
