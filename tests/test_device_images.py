"""Images that stay on a device between generators are those of numpy, bit for bit.

The device is ONNX Runtime's CPU provider: all but the place of the memory is what a GPU gets.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from singan_core.errors import BundleError
from singan_core.windows import Span
from singan_runtime import Request, Sampler, device_images
from singan_runtime.device_images import DeviceCascade, DeviceImage, can_stay
from singan_runtime.enlarge_graph import write_graph
from singan_runtime.providers import CPU, PROVIDERS

DATA = Path(__file__).parent / "data"
DEVICE = replace(CPU, memory="cpu")


@pytest.fixture(scope="module", params=["tiny_bundle", "detail_bundle"])
def sampler(request):
    """Generators in float32, and in float64 up to a hand-over."""
    return Sampler.load(DATA / request.param, device="cpu", threads=1)


def draw_twice(sampler, plan, region=None, seed=3):
    """The images of both cascades."""
    cascade = DeviceCascade(sampler.graphs, DEVICE)
    noise = sampler.create_noise(seed, wrap=plan.wrap)
    amplitudes = plan.amplitudes or sampler.manifest.noise_amplitude

    def scale_noise(step):
        return noise(step) * sampler.graphs.dtype(amplitudes[step.generator])

    return (
        cascade.run(plan, scale_noise, region),
        sampler.run_generators(plan, noise, region),
    )


@pytest.fixture
def copies(monkeypatch):
    """The shapes of all images that are copied to the host."""
    seen = []
    copy = DeviceImage.copy_to_host

    def count(image):
        seen.append(image.shape)
        return copy(image)

    monkeypatch.setattr(DeviceImage, "copy_to_host", count)
    return seen


@pytest.mark.parametrize("size", [(48, 64), (120, 87), (50, 333)])
@pytest.mark.parametrize(("tileable", "start_scale"), [("", 0), ("", 1), ("x", 0), ("xy", 0)])
def test_whole_pictures_are_the_same_and_only_the_last_image_comes_back(
    sampler, size, tileable, start_scale, copies
):
    plan = sampler.plan(size, tileable=tileable, start_scale=start_scale)
    plan = replace(plan, passes=tuple(one for one in plan.passes if not one.beyond))
    ours, theirs = draw_twice(sampler, plan)
    assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()
    if max(step.canvas[axis] for step in plan.passes for axis in (0, 1)) <= 256:
        assert len(copies) <= 2  # one more where an axis shrinks
    if start_scale == 0 and size == (48, 64):
        assert copies == [theirs.shape]


def test_windows_are_the_same(sampler):
    plan = sampler.plan((96, 128))
    plan = replace(plan, passes=tuple(one for one in plan.passes if not one.beyond))
    height, width = plan.passes[-1].canvas
    for region in (
        (Span(0, 12), Span(3, width)),
        (Span(height - 11, height), Span(width - 9, width)),
        (Span(5, 20), Span(7, 19)),
    ):
        ours, theirs = draw_twice(sampler, plan, region)
        assert ours.tobytes() == theirs.tobytes()


def test_images_larger_than_a_block_are_the_same_too(tmp_path):
    sampler = Sampler.load(DATA / "tiny_bundle", device="cpu", threads=1)
    plan = sampler.plan((300, 290), 1.0)
    ours, theirs = draw_twice(sampler, plan)
    assert ours.tobytes() == theirs.tobytes()


def test_pictures_of_a_sampler_are_the_same_bytes(sampler, monkeypatch, copies):
    requests = [
        Request((60, 80), 5, 1.0),
        Request((60, 80), 5, 1.0, window=(10, 20, 30, 40)),
        Request((45, 90), 6, 1.0, tileable="x"),
        Request((60, 50), 7, 1.0, start_scale=1),
    ]
    expected = [sampler.draw(request).tobytes() for request in requests]
    assert not copies

    monkeypatch.setattr(device_images.devices, "choose_provider", lambda device: DEVICE)
    other = Sampler.load(sampler.graphs.folder.parent if sampler.photo else sampler.graphs.folder)
    other.graphs.threads = 1
    assert [other.draw(request).tobytes() for request in requests] == expected
    assert copies


def test_only_cuda_has_memory_of_its_own():
    assert [one.device for one in PROVIDERS.values() if one.memory] == ["cuda"]
    assert PROVIDERS["cuda"].choose_gpu(2).number == 2
    sampler = Sampler.load(DATA / "tiny_bundle", device="cpu")
    assert device_images.open_cascade(sampler.graphs) is None


def test_pictures_that_something_else_changes_do_not_stay():
    sampler = Sampler.load(DATA / "tiny_bundle", device="cpu")
    beyond = sampler.plan((200, 300), 4.0)
    assert any(step.detail for step in beyond.passes) and not can_stay(beyond)
    plain = sampler.plan((48, 64), 1.0)
    assert can_stay(plain) and not can_stay(replace(plain, adjust=lambda image, step: image))


def test_values_that_are_not_numbers_are_refused():
    sampler = Sampler.load(DATA / "tiny_bundle", device="cpu")
    plan = sampler.plan((48, 64), 1.0)
    zeros = sampler.create_noise(0)
    cascade = DeviceCascade(sampler.graphs, DEVICE)
    with pytest.raises(BundleError, match=r"draws values that are not numbers; export again"):
        cascade.run(plan, lambda step: zeros(step) * np.float32(np.nan))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_graph_of_the_resampler_is_valid_onnx(dtype):
    onnx = pytest.importorskip("onnx")
    data = write_graph(np.dtype(dtype))
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString() == data
    kinds = [node.op_type for node in model.graph.node]
    assert {kind: kinds.count(kind) for kind in kinds} == {"Gather": 8, "Mul": 8, "Add": 6}
