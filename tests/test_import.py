"""A checkpoint of the reference SinGAN becomes an ordinary run; nothing in it is executed."""

import json
import os
import pickle
import shutil
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import reference_checkpoints as reference  # noqa: E402
from reference_checkpoints import SHAPES, WIDTHS, generator_of_reference, write  # noqa: E402

from singan_cli.app import app  # noqa: E402
from singan_core import manifest  # noqa: E402
from singan_core.errors import CheckpointError, OutputError  # noqa: E402
from singan_export import generator_graph  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_train.reference import unpickle  # noqa: E402
from singan_train.reference.checkpoint import read_checkpoint  # noqa: E402
from singan_train.reference.importer import import_checkpoint  # noqa: E402
from singan_train.run import folder as run_folder  # noqa: E402
from singan_train.run import header  # noqa: E402


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint in folders, normal mode, free to be altered."""
    write(tmp_path / "hills" / "scale_factor=0.750000,alpha=10")
    return tmp_path / "hills" / "scale_factor=0.750000,alpha=10"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """(checkpoint, run, bundle) made by the commands; treat them as read-only."""
    folder = tmp_path_factory.mktemp("imported")
    write(folder / "in")
    for words in (("import", folder / "in"), ("export", folder / "run")):
        done = call(*words, "--out", folder / ("run" if words[0] == "import" else "bundle"))
        assert done.exit_code == 0, done.stderr
    return folder / "in", folder / "run", folder / "bundle"


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def largest_difference(folder, states):
    """Between a run's graphs and the reference's arithmetic, over all scales and three sizes."""
    torch.manual_seed(0)
    apart, made = 0.0, manifest.read(folder, "run")
    for scale, state in enumerate(states):
        model = generator_graph.build(
            run_folder.read_generator(folder, scale), {}
        ).SerializeToString()
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        for height, width in ((11, 11), (23, 40), SHAPES[scale]):
            z = torch.randn(1, made.channels, height + 10, width + 10)
            prev = torch.nn.functional.pad(
                torch.rand(1, made.channels, height, width) * 2 - 1, (5, 5, 5, 5)
            )
            theirs = generator_of_reference(state, made.noise_amplitude[scale] * z + prev, prev)
            noise = (z * np.float32(made.noise_amplitude[scale])).numpy()
            (ours,) = session.run(None, {"noise": noise, "prev": prev.numpy()})
            apart = max(apart, float(np.abs(ours - theirs.numpy()).max()))
    return apart


# what is read


@pytest.mark.parametrize(
    ("layout", "zipped", "border", "channels"),
    [
        ("folders", False, "zero", 3),
        ("folders", True, "noise", 3),
        ("modules", False, "noise", 3),
        ("modules", True, "zero", 1),
    ],
)
def test_exported_graphs_compute_what_the_reference_computes(
    tmp_path, layout, zipped, border, channels
):
    states = write(tmp_path / "in", layout=layout, zipped=zipped, border=border, channels=channels)
    import_checkpoint(tmp_path / "in", tmp_path / "run")
    made = manifest.read(tmp_path / "run", "run")
    assert made.border == border and made.channels == channels
    assert largest_difference(tmp_path / "run", states) <= 1e-5
    with torch.no_grad():
        states[2]["body.block2.norm.running_mean"] += 0.01  # the comparison would notice it
    assert largest_difference(tmp_path / "run", states) > 1e-5


def test_sizes_amplitudes_widths_and_z_come_from_the_tensors(checkpoint, tmp_path):
    start = import_checkpoint(checkpoint, tmp_path / "run")
    made = manifest.read(tmp_path / "run", "run")
    assert made.shapes == SHAPES and made.photo_size == SHAPES[-1] and made.name == "hills"
    assert made.preset == "imported" and made.border == "zero"
    np.testing.assert_allclose(made.noise_amplitude, [1, 0.1, 0.05, 0.1 / 3], rtol=1e-6)
    assert made.noise_channels == (1, 3, 3, 3)
    assert made.scale_factor == pytest.approx((13 * 18 / (29 * 40)) ** (1 / 6))
    assert [run_folder.read_metadata(tmp_path / "run", scale).width for scale in range(4)] == list(
        WIDTHS
    )
    z = np.load(tmp_path / "run" / "reconstruction_noise.npy")
    np.testing.assert_array_equal(
        z, torch.load(checkpoint / "0" / "z_opt.pth", weights_only=True)[0, :1].numpy()
    )
    assert header.read_header(tmp_path / "run") == start


def test_the_reconstruction_is_the_cascade_of_the_references_generators(imported):
    """z* at scale 0, zero above; between scales torch's own bicubic stands in for our resampler."""
    checkpoint, _, exported = imported
    states = [torch.load(checkpoint / str(n) / "netG.pth", weights_only=True) for n in range(4)]
    z = torch.load(checkpoint / "0" / "z_opt.pth", weights_only=True)
    image = generator_of_reference(states[0], z, torch.zeros_like(z))
    for state, shape in zip(states[1:], SHAPES[1:], strict=True):
        image = torch.nn.functional.interpolate(image, shape, mode="bicubic", antialias=True)
        prev = torch.nn.functional.pad(image, (5, 5, 5, 5))
        image = generator_of_reference(state, prev, prev)
    expected = (image[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5
    made = Sampler.load(exported, threads=1).reconstruct()
    assert np.abs(made - expected.numpy()).max() < 0.6


def test_an_imported_run_serves_every_command(imported, tmp_path):
    _, folder, exported = imported
    assert call("verify", exported, "--run", folder).exit_code == 0
    assert (
        call(
            "sample", exported, "--out", tmp_path / "out", "--size", "50x31", "--start-scale", 1
        ).exit_code
        == 0
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["in_50x31_0.png"]
    assert call("animate", exported, "--out", tmp_path / "walk.gif", "--frames", 3).exit_code == 0
    assert (tmp_path / "walk.gif").stat().st_size > 0


def test_an_imported_run_is_not_trained_further(imported):
    _, folder, _ = imported
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    refused = call("train", folder / "scale_03" / "real.png", "--out", folder, "--resume")
    assert refused.exit_code == 1 and refused.stdout == ""
    assert refused.stderr.strip().splitlines() == [
        f"error: {folder}: an imported run cannot be trained further; "
        "train a new one into another folder"
    ]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_discriminators_are_taken_over_where_there_are_some(tmp_path):
    write(tmp_path / "in", critics=True)
    import_checkpoint(tmp_path / "in", tmp_path / "run")
    image = torch.rand(1, 3, 20, 24)
    critic = reference.network(3, WIDTHS[2], 1, False, 52)
    expected = critic.tail(critic.body(critic.head(image)))
    made = run_folder.read_scale(tmp_path / "run", 2).discriminator(image)
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=1e-6)


def test_a_run_without_discriminators_has_none(checkpoint, tmp_path):
    import_checkpoint(checkpoint, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run" / "scale_01").iterdir()}
    assert names == {"generator.safetensors", "real.png", "reconstruction.png", "sheet.png"}


def test_z_may_lie_in_the_scales_folders_alone(checkpoint):
    together = read_checkpoint(checkpoint).noise
    (checkpoint / "Zs.pth").unlink()
    np.testing.assert_array_equal(read_checkpoint(checkpoint).noise, together)


def test_tensors_saved_on_cuda_are_read_without_it(checkpoint):
    expected = unpickle.read_file(checkpoint / "1" / "netG.pth")
    path = checkpoint / "1" / "netG.pth"
    saved = path.read_bytes()
    on_cuda = saved.replace(b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n")
    on_cuda = on_cuda.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
    assert b"cuda:0" in on_cuda and len(on_cuda) > len(saved) + 5
    path.write_bytes(on_cuda)
    found = unpickle.read_file(path)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize("zipped", [False, True])
def test_every_kind_of_tensor_is_read_as_torch_reads_it(tmp_path, zipped):
    base = torch.arange(24.0).reshape(2, 3, 4)
    values = {
        "transposed": base.transpose(0, 2), "part": base[1, 1:], "double": base.double(),
        "repeated": base[:1].expand(5, -1, -1), "half": base.half(), "long": base.long(),
        "bool": base > 3, "empty": base[:0], "scalar": torch.tensor(7), "shared": base,
        "parameter": torch.nn.Parameter(base), "byte": base.byte(),
        "plain": [1, 2.5, None, True, "word", (3, 4), 2**40],
    }  # fmt: skip
    reference.save(values, tmp_path / "file", zipped)
    found = unpickle.read_file(tmp_path / "file")
    assert found.pop("plain") == values.pop("plain")
    for key, value in values.items():
        assert found[key].dtype == value.detach().numpy().dtype
        np.testing.assert_array_equal(found[key], value.detach().numpy())


# nothing is executed


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


# bad input


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


def test_the_config_says_where_the_run_comes_from(checkpoint, tmp_path):
    import_checkpoint(checkpoint, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (
        config["preset"] == "imported"
        and config["border"] == "zero"
        and config["width"] == WIDTHS[0]
    )
