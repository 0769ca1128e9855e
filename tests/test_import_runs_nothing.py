"""Nothing in a checkpoint is executed, whatever its pickle asks for."""

import os
import pickle
import sys

import pytest

torch = pytest.importorskip("torch")

import reference_checkpoints as reference  # noqa: E402
from reference_checkpoints import write  # noqa: E402

from singan_core.errors import CheckpointError  # noqa: E402
from singan_train.reference import unpickle  # noqa: E402
from singan_train.reference.importer import import_checkpoint  # noqa: E402
from singan_train.run import folder as run_folder  # noqa: E402


class Hostile:
    """Makes a folder when a pickle of it is executed."""

    def __init__(self, path, function):
        self.path, self.function = path, function

    def __reduce__(self):
        argument = f"mkdir {self.path}" if self.function is os.system else str(self.path)
        return self.function, (argument,)


def test_the_hostile_file_of_these_tests_works_where_it_is_executed(tmp_path):
    pickle.loads(pickle.dumps(Hostile(tmp_path / "trap", os.mkdir)))
    assert (tmp_path / "trap").exists()


@pytest.mark.parametrize("file", ["1/netG.pth", "NoiseAmp.pth", "reals.pth", "Zs.pth"])
@pytest.mark.parametrize("zipped", [False, True, None])
@pytest.mark.parametrize("function", [os.system, os.mkdir], ids=["system", "mkdir"])
def test_a_hostile_pickle_is_refused_by_name_and_not_executed(
    checkpoint, tmp_path, file, zipped, function
):
    hostile = {"head.conv.weight": torch.zeros(1), "more": [Hostile(tmp_path / "trap", function)]}
    if zipped is None:
        (checkpoint / file).write_bytes(pickle.dumps(hostile["more"], protocol=4))
    else:
        reference.save(hostile, checkpoint / file, zipped)
    with pytest.raises(
        CheckpointError, match=rf"{file}: refused, because it names {os.name}\.{function.__name__}"
    ):
        import_checkpoint(checkpoint, tmp_path / "run")
    assert not (tmp_path / "trap").exists() and not (tmp_path / "run").exists()


def test_a_class_of_a_network_cannot_be_called(tmp_path):
    """torch.nn.modules names are known, but only as kinds of described objects."""
    module = b"ctorch.nn.modules.module\nModule\n"
    body = b"\x80\x02" + module + b"(X\x04\0\0\0trap" + module + b"tR."
    (tmp_path / "file").write_bytes(body)
    with pytest.raises(
        CheckpointError,
        match=r"refused, because it names the call of torch\.nn\.modules\.module\.Module",
    ):
        unpickle.read_file(tmp_path / "file")


def test_a_name_with_control_codes_stays_on_its_line(tmp_path):
    name = "evil\n\x1b[2Jname"
    body = b"\x80\x04\x8c\x02os" + bytes([0x8C, len(name)]) + name.encode() + b"\x93."
    (tmp_path / "file").write_bytes(body)
    with pytest.raises(CheckpointError, match=r"names os\.evil\\n\\x1b\[2Jname, which"):
        unpickle.read_file(tmp_path / "file")


def test_whole_modules_are_read_without_their_classes(tmp_path):
    states = write(tmp_path / "in", layout="modules")
    assert "SinGAN" not in sys.modules
    modules = unpickle.read_file(tmp_path / "in" / "Gs.pth")
    assert [str(module.kind) for module in modules] == [
        "SinGAN.models.GeneratorConcatSkip2CleanAdd"
    ] * 4
    import_checkpoint(tmp_path / "in", tmp_path / "run")
    assert "SinGAN" not in sys.modules
    taken = run_folder.read_generator(tmp_path / "run", 1).net[0].weight
    torch.testing.assert_close(taken, states[1]["head.conv.weight"], atol=0, rtol=0)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_that_claims_more_than_it_holds_is_refused(tmp_path, zipped):
    reference.save([torch.zeros(4, 4)], tmp_path / "file", zipped)
    saved = (tmp_path / "file").read_bytes()
    claim = (
        saved.replace(b"K\x10N", b"J\xff\xff\xff\x7fN")
        if not zipped
        else saved.replace(b"K\x04K\x04", b"K\xffK\xff")
    )
    assert claim != saved
    (tmp_path / "file").write_bytes(claim)
    with pytest.raises(CheckpointError, match="no PyTorch file, or cut short"):
        unpickle.read_file(tmp_path / "file")
