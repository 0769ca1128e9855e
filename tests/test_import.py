"""A checkpoint of the reference SinGAN becomes an ordinary run that computes the same."""

import json

import numpy as np
import pytest
from command_line import call

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import reference_checkpoints as reference  # noqa: E402
from reference_checkpoints import SHAPES, WIDTHS, generator_of_reference, write  # noqa: E402
from small_graphs import session_of  # noqa: E402

from singan_core import manifest  # noqa: E402
from singan_export import generator_graph  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_train.reference import unpickle  # noqa: E402
from singan_train.reference.checkpoint import read_checkpoint  # noqa: E402
from singan_train.reference.importer import import_checkpoint  # noqa: E402
from singan_train.run import folder as run_folder  # noqa: E402
from singan_train.run import header  # noqa: E402


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """(checkpoint, run, bundle) made by the commands; treat them as read-only."""
    folder = tmp_path_factory.mktemp("imported")
    write(folder / "in")
    for words in (("import", folder / "in"), ("export", folder / "run")):
        status, _, said = call(
            *words, "--out", folder / ("run" if words[0] == "import" else "bundle")
        )
        assert status == 0, said
    return folder / "in", folder / "run", folder / "bundle"


def largest_difference(folder, states):
    """Between a run's graphs and the reference's arithmetic, over all scales and three sizes."""
    torch.manual_seed(0)
    apart, made = 0.0, manifest.read(folder, "run")
    for scale, state in enumerate(states):
        session = session_of(generator_graph.build(run_folder.read_generator(folder, scale), {}))
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
    assert call("verify", exported, "--run", folder)[0] == 0
    words = ("--size", "50x31", "--start-scale", 1)
    assert call("sample", exported, "--out", tmp_path / "out", *words)[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["in_50x31_0.png"]
    assert call("animate", exported, "--out", tmp_path / "walk.gif", "--frames", 3)[0] == 0
    assert (tmp_path / "walk.gif").stat().st_size > 0


def test_an_imported_run_is_not_trained_further(imported):
    _, folder, _ = imported
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    words = ("train", folder / "scale_03" / "real.png", "--out", folder, "--resume")
    status, shown, said = call(*words)
    assert status == 1 and shown == ""
    assert said.strip().splitlines() == [
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


def test_the_config_says_where_the_run_comes_from(checkpoint, tmp_path):
    import_checkpoint(checkpoint, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (
        config["preset"] == "imported"
        and config["border"] == "zero"
        and config["width"] == WIDTHS[0]
    )
