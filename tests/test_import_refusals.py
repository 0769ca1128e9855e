"""A checkpoint that cannot become a run is refused in one line, which says why."""

import shutil

import pytest

torch = pytest.importorskip("torch")

import reference_checkpoints as reference  # noqa: E402
from reference_checkpoints import write  # noqa: E402

from singan_core.errors import CheckpointError, OutputError  # noqa: E402
from singan_train.reference.checkpoint import read_checkpoint  # noqa: E402
from singan_train.reference.importer import import_checkpoint  # noqa: E402


def refused(folder, tmp_path, match):
    with pytest.raises(CheckpointError, match=match) as caught:
        import_checkpoint(folder, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("file", ["2/netG.pth", "Zs.pth"])
def test_a_file_cut_anywhere_is_refused(tmp_path, zipped, file):
    write(tmp_path / "in", zipped=zipped)
    whole = (tmp_path / "in" / file).read_bytes()
    for length in [
        *range(0, 300, 23),
        *range(300, len(whole) - 1, len(whole) // 9),
        len(whole) - 1,
    ]:
        (tmp_path / "in" / file).write_bytes(whole[:length])
        refused(
            tmp_path / "in",
            tmp_path,
            rf"{file}: no PyTorch file, or cut short \(.*\); get the whole file again",
        )


@pytest.mark.parametrize("content", [b"", b"PK", b"a text\n", b"\x89PNG\r\n", bytes(1000)])
def test_what_is_no_pytorch_file_is_refused(checkpoint, tmp_path, content):
    (checkpoint / "NoiseAmp.pth").write_bytes(content)
    refused(checkpoint, tmp_path, "NoiseAmp.pth: no PyTorch file|NoiseAmp.pth: refused")


def test_missing_scales_are_named(checkpoint, tmp_path):
    shutil.rmtree(checkpoint / "2")
    refused(checkpoint, tmp_path, r"2/netG.pth: cannot be read \(No such file or directory\)")


def test_a_training_that_was_stopped_is_told(checkpoint, tmp_path):
    amplitudes = torch.load(checkpoint / "NoiseAmp.pth", weights_only=True)
    reference.save(amplitudes[:2], checkpoint / "NoiseAmp.pth")
    refused(
        checkpoint, tmp_path, "reals.pth has 4 scales, NoiseAmp.pth has 2; the training was stopped"
    )


def test_another_projects_checkpoint_is_refused(checkpoint, tmp_path):
    state = torch.load(checkpoint / "1" / "netG.pth", weights_only=True)
    renamed = {f"features.{key}": value for key, value in state.items()}
    reference.save(renamed, checkpoint / "1" / "netG.pth")
    refused(
        checkpoint,
        tmp_path,
        r"scale 1: body.block1.conv.bias is missing, expected .*not a network of the reference",
    )


def test_layers_of_another_kernel_or_number_are_refused(checkpoint, tmp_path):
    state = torch.load(checkpoint / "1" / "netG.pth", weights_only=True)
    reference.save(
        state | {"head.conv.weight": torch.zeros(6, 3, 5, 5)}, checkpoint / "1" / "netG.pth"
    )
    refused(checkpoint, tmp_path, r"head.conv.weight is \(6, 3, 5, 5\), expected \(6, 3, 3, 3\)")
    more = {key.replace("block3", "block4"): value for key, value in state.items()}
    reference.save(state | more, checkpoint / "1" / "netG.pth")
    refused(checkpoint, tmp_path, r"body.block4.conv.bias is \(6,\), expected none")


def test_z_of_other_scales_must_be_zero(checkpoint, tmp_path):
    noises = torch.load(checkpoint / "Zs.pth", weights_only=True)
    noises[2][0, 0, 7, 7] = 1e-3
    reference.save(noises, checkpoint / "Zs.pth")
    refused(checkpoint, tmp_path, r"z\* of scale 2 is not zero")


def test_scales_smaller_than_a_networks_view_are_refused(tmp_path):
    write(tmp_path / "in", shapes=((8, 12), (17, 23)), widths=(6, 6))
    refused(tmp_path / "in", tmp_path, "scale 0 is 12x8; 11 px a side are the least")


def test_scales_must_grow(checkpoint, tmp_path):
    for name in ("reals.pth", "Zs.pth"):
        values = torch.load(checkpoint / name, weights_only=True)
        reference.save([values[1], *values[1:]], checkpoint / name)
    refused(checkpoint, tmp_path, "scale 1 of reals.pth is not larger than the one below")


def test_a_super_resolution_model_is_refused(checkpoint, tmp_path):
    noises = torch.load(checkpoint / "Zs.pth", weights_only=True)
    reference.save([noise * 0 for noise in noises], checkpoint / "Zs.pth")
    refused(checkpoint, tmp_path, "as in a super-resolution model")


def test_weights_that_are_no_numbers_are_refused(checkpoint, tmp_path):
    state = torch.load(checkpoint / "3" / "netG.pth", weights_only=True)
    state["tail.0.bias"][0] = float("nan")
    reference.save(state, checkpoint / "3" / "netG.pth")
    refused(checkpoint, tmp_path, "scale 3: has weights that are no numbers")


def test_consingan_is_refused_by_its_files_and_by_its_tensors(checkpoint, tmp_path):
    state = torch.load(checkpoint / "1" / "netG.pth", weights_only=True)
    growing = {key.replace("body.block", "body.0.block"): value for key, value in state.items()}
    reference.save(growing, checkpoint / "1" / "netG.pth")
    refused(checkpoint, tmp_path, "scale 1: a ConSinGAN checkpoint: .* cannot be imported")
    (checkpoint / "NoiseAmp.pth").rename(checkpoint / "noise_amp.pth")
    refused(checkpoint, tmp_path, "a ConSinGAN checkpoint: .* cannot be imported")


def test_a_folder_above_one_checkpoint_will_do_and_several_are_named(checkpoint, tmp_path):
    assert read_checkpoint(checkpoint.parent).name == "hills"
    shutil.copytree(checkpoint, checkpoint.parent / "scale_factor=0.800000,alpha=10")
    refused(
        checkpoint.parent,
        tmp_path,
        "2 checkpoints below it, scale_factor=0.75.*, scale_factor=0.80",
    )
    refused(tmp_path / "nowhere", tmp_path, "no such folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", tmp_path, "no NoiseAmp.pth in or below it")


def test_a_run_that_is_there_is_kept(checkpoint, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("kept")
    with pytest.raises(OutputError, match="already exists; choose another folder"):
        import_checkpoint(checkpoint, tmp_path / "run")
    assert (tmp_path / "run" / "mine").read_text() == "kept"
