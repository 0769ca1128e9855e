"""Pictures from a bundle, without torch."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from singan_core.errors import BundleError, RequestError
from singan_runtime import Sampler, graphs, parallel

SIDE = st.integers(16, 90)
TILEABLE = st.sampled_from(["", "x", "y", "xy"])


@given(SIDE, SIDE)
@settings(max_examples=25)
def test_sizes_are_exact(sampler, height, width):
    made = sampler.sample((height, width))
    assert made.shape == (1, height, width, 3) and made.dtype == np.uint8


def test_no_size_means_the_trained_size(sampler):
    assert sampler.sample().shape == (1, 32, 48, 3)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(sampler, tiny_bundle):
    first = sampler.sample(seed=3)
    assert np.array_equal(first, Sampler.load(tiny_bundle, threads=1).sample(seed=3))
    assert not np.array_equal(first, sampler.sample(seed=4))


def test_a_picture_is_the_same_alone_and_in_a_batch(sampler):
    batch = sampler.sample((40, 61), seed=10, count=4)
    for picture in range(4):
        assert np.array_equal(batch[picture], sampler.sample((40, 61), seed=10 + picture)[0])
    assert len({picture.tobytes() for picture in batch}) == 4


def test_threads_change_no_byte(tiny_bundle):
    one, two = (Sampler.load(tiny_bundle, threads=threads) for threads in (1, 2))
    for size in ((32, 48), (333, 421)):
        assert np.array_equal(one.sample(size, seed=5), two.sample(size, seed=5))


def test_an_idle_sampler_leaves_the_processor_alone(tiny_bundle):
    """All threads of the process together: sessions keep none that spin while waiting for work."""
    two = Sampler.load(tiny_bundle, threads=2)
    two.sample((333, 421))
    began = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - began < 0.05


@pytest.mark.parametrize("block", [16, 37, 64, 1000])
def test_the_block_size_changes_no_byte(tiny_bundle, sampler, monkeypatch, block):
    whole = sampler.sample((150, 211), seed=2)
    monkeypatch.setattr(graphs, "BLOCK", block)
    assert np.array_equal(Sampler.load(tiny_bundle, threads=1).sample((150, 211), seed=2), whole)


class Watched:
    """A session that remembers the shapes that it was fed."""

    def __init__(self, session):
        self.session, self.shapes = session, set()

    def run(self, names, inputs):
        self.shapes.add(inputs["prev"].shape[2:])
        return self.session.run(names, inputs)


@pytest.mark.parametrize("fixed", [False, True])
def test_convolutions_see_one_shape_per_canvas_and_a_gpu_one_on_all_large_ones(
    tiny_bundle, monkeypatch, fixed
):
    """Whatever the shapes of the blocks, the image is that of the canvas in one piece."""
    rng = np.random.default_rng(0)
    own = Sampler.load(tiny_bundle, threads=1).graphs
    shapes = []
    for height, width in ((150, 211), (190, 70), (65, 64), (30, 40)):
        noise, prev = rng.normal(0, 0.3, (2, 1, 3, height + 10, width + 10)).astype(np.float32)
        monkeypatch.setattr(graphs, "BLOCK", 1000)
        whole = own.generate(3, noise, prev)
        own.fixed_blocks = fixed
        monkeypatch.setattr(graphs, "BLOCK", 64)
        own._sessions[3] = watched = Watched(own.session(3))
        assert np.array_equal(own.generate(3, noise, prev), whole)
        (shape,) = watched.shapes
        shapes.append(shape)
        own._sessions[3] = watched.session
    assert max(max(shape) for shape in shapes) <= 74
    assert set(shapes) == {(74, 74), (40, 50)} if fixed else len(set(shapes)) == 4


@given(st.data())
@settings(max_examples=120)
def test_a_window_equals_the_slice_of_the_whole_picture(samplers, data):
    """Of colour, grey and RGBA models, with any border, start scale and zoom."""
    sampler = samplers[data.draw(st.sampled_from([1, 3, 4, 5]))]
    height, width = data.draw(SIDE), data.draw(SIDE)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    h, w = data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x))
    start = data.draw(st.integers(0, len(sampler.manifest.shapes) - 1))
    request_ = {"zoom": data.draw(st.just("auto") | st.floats(0.5, 3)), "start_scale": start}
    request_ |= {
        "seed": data.draw(st.integers(0, 2**64 - 1)),
        "tileable": "" if start else data.draw(TILEABLE),
    }
    try:
        whole = sampler.sample((height, width), **request_)[0]
    except RequestError:
        assume(False)
    part = sampler.render((height, width), (y, x, h, w), **request_)
    assert np.array_equal(part, whole[y : y + h, x : x + w])


@pytest.mark.parametrize("tile", [60, 101])
def test_the_size_of_the_parts_changes_no_byte(sampler, monkeypatch, tile):
    whole = sampler.sample((150, 211), seed=2)
    monkeypatch.setattr(parallel, "TILE", tile)
    assert np.array_equal(sampler.sample((150, 211), seed=2), whole)


@pytest.mark.parametrize(
    ("size", "threads", "expected"),
    [
        ((188, 250), 1, (1, 1)),
        ((188, 250), 2, (1, 2)),
        ((188, 250), 8, (1, 2)),  # more would be mostly halo
        ((1080, 1920), 8, (2, 4)),
        ((1080, 1920), 1, (2, 2)),  # bounded memory
        ((4320, 7680), 2, (5, 8)),
        ((40, 2000), 3, (1, 3)),
    ],
)
def test_a_picture_is_cut_into_a_part_for_each_thread(size, threads, expected):
    assert parallel.choose_grid(size, threads) == expected


def test_no_more_pictures_are_drawn_ahead_than_there_are_threads():
    drawn = []
    taken = parallel.draw_in_order(lambda number: drawn.append(number) or number, 50, 3)
    assert [next(taken) for _ in range(2)] == [0, 1] and len(drawn) <= 5
    taken.close()
    assert len(drawn) <= 6


@pytest.mark.parametrize("tile", [60, 960])
def test_a_series_is_its_pictures_one_by_one(tiny_bundle, monkeypatch, tile):
    monkeypatch.setattr(parallel, "TILE", tile)
    sampler = Sampler.load(tiny_bundle, threads=3)
    series = sampler.sample((50, 70), seed=4, count=7)
    assert np.array_equal(
        series, np.stack([sampler.sample((50, 70), seed=4 + n)[0] for n in range(7)])
    )


def test_a_window_of_a_picture_larger_than_memory_costs_a_window(sampler):
    """A square of a 2^20 px picture, and the pixel limit counts the window alone."""
    size = (2**20, 2**20)
    window = sampler.render(size, (700_000, 5, 40, 50), seed=1)
    assert window.shape == (40, 50, 3)
    assert np.array_equal(sampler.render(size, (700_010, 15, 20, 30), seed=1), window[10:30, 10:40])
    with pytest.raises(RequestError, match="over the limit"):
        sampler.render(size, (0, 0, 10_000, 10_000))


@pytest.mark.parametrize("tileable", ["x", "y", "xy"])
def test_tileable_pictures_meet_themselves(sampler, tileable):
    """Steps over a seam are no larger than those inside, and alike on average."""
    pictures = sampler.sample((70, 90), count=8, zoom=1.0, tileable=tileable).astype(float)
    plain = sampler.sample((70, 90), count=8, zoom=1.0).astype(float)
    for axis, name in ((1, "y"), (2, "x")):
        if name in tileable:
            seam = np.abs(pictures.take(0, axis) - pictures.take(-1, axis))
            inside = np.abs(np.diff(pictures, axis=axis))
            assert seam.max() <= inside.max()
            assert seam.mean() <= 1.5 * inside.mean()
            assert seam.mean() < 0.7 * np.abs(plain.take(0, axis) - plain.take(-1, axis)).mean()


def test_only_new_pictures_can_be_tileable(sampler):
    with pytest.raises(RequestError, match="needs start scale 0, not 1"):
        sampler.sample(start_scale=1, tileable="x")
    with pytest.raises(RequestError, match="tileable 'z' is not possible: choose x, y or xy"):
        sampler.sample(tileable="z")


@pytest.mark.parametrize("window", [(-1, 0, 5, 5), (0, 0, 0, 5), (30, 0, 5, 5), (0, 40, 5, 9)])
def test_a_window_outside_the_picture_is_refused(sampler, window):
    with pytest.raises(RequestError, match="is not inside the picture of 48x32"):
        sampler.render((32, 48), window)


def test_the_reconstruction_is_the_preview(sampler, tiny_bundle):
    with Image.open(tiny_bundle / "preview.png") as image:
        assert np.abs(np.asarray(image).astype(int) - sampler.reconstruct()).max() <= 1


def test_later_start_scales_stay_closer_to_the_photo(sampler):
    photo = sampler.reconstruct().astype(float)

    def distance(start_scale):
        return np.abs(sampler.sample(count=6, start_scale=start_scale) - photo).mean()

    distances = [distance(start_scale) for start_scale in range(4)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 1.5 * distances[1] > 0


def test_start_scales_work_at_any_size(sampler):
    """The photo retargeted: what is kept is the whole photo, stretched."""
    wide = sampler.sample((32, 90), start_scale=2, count=4).mean(axis=0)
    photo = np.asarray(
        Image.fromarray(sampler.reconstruct()).resize((90, 32), Image.Resampling.BICUBIC)
    )
    assert np.abs(wide - photo).mean() < 12


def test_a_thumbnail_of_a_large_model_costs_a_thumbnail(sampler):
    """Scales finer than the thumbnail draw nothing, and the others draw little."""
    height, width = sampler.trained_size
    large = sampler.find_passes((height, width))
    small = sampler.find_passes((height // 2, width // 2))
    assert small[-1].generator < large[-1].generator and not any(step.beyond for step in small)
    pixels = [sum(h * w for h, w in (step.canvas for step in passes)) for passes in (small, large)]
    assert pixels[0] < 0.35 * pixels[1]


def test_zoom_two_draws_the_same_composition_twice_as_large(sampler):
    """The same canvases with the same noise come first, so the large picture halved is like it."""
    large = sampler.sample((64, 96), seed=4, zoom=2.0)[0]
    half = np.asarray(Image.fromarray(large).resize((48, 32), Image.Resampling.BOX)).astype(float)
    assert np.abs(half - sampler.sample(seed=4)[0]).mean() < 12
    assert np.abs(half - sampler.sample(seed=5)[0]).mean() > 12


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"size": (0, 5)}, "size 5x0 is not possible: each side must be 1 to 1048576 px"),
        ({"size": (-4, 5)}, "is not possible"),
        ({"size": (10, 10)}, "the smallest side that can be drawn is 11 px"),
        ({"size": (32, 48), "zoom": 9.0}, "the largest zoom for this size is"),
        ({"zoom": 0.0}, "it must be 0.001 to 1000"),
        ({"start_scale": 4}, "start scale 4 is not possible: this size and zoom use scales 0 to 3"),
        ({"start_scale": -1}, "start scale -1 is not possible"),
        ({"zoom": 0.6, "start_scale": 3}, "use scales 0 to 1"),
        ({"count": 0}, "count 0 is not possible: it must be 1 to 1000000000"),
        ({"seed": -1}, "seed -1 is not possible"),
        ({"seed": 2**64 - 1, "count": 2}, "it must be 0 to"),
        (
            {"size": (100_000, 100_000)},
            "over the limit of 33177600; ask for less or raise the limit",
        ),
    ],
)
def test_impossible_requests_are_refused_with_what_is_possible(sampler, request_, message):
    with pytest.raises(RequestError, match=message):
        sampler.sample(**request_)


def test_the_pixel_limit_can_be_set(tiny_bundle):
    small = Sampler.load(tiny_bundle, max_pixels=2000)
    assert small.sample((40, 50)).shape == (1, 40, 50, 3)
    with pytest.raises(RequestError, match="over the limit of 2000"):
        small.sample((40, 51))


def test_a_graph_that_cannot_be_loaded_is_named(tiny_bundle, tmp_path):
    copy = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (copy / "scale_00.onnx").write_bytes(b"no graph")
    data = json.loads((copy / "manifest.json").read_text())
    data["files"].pop("scale_00.onnx")
    (copy / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(BundleError, match=r"scale_00\.onnx"):
        Sampler.load(copy)


def test_devices_are_strict(tiny_bundle):
    with pytest.raises(
        RequestError,
        match="unknown device 'tpu': choose auto, cpu, cuda, cuda:N, tensorrt, openvino",
    ):
        Sampler.load(tiny_bundle, device="tpu")
    with pytest.raises(RequestError, match="threads 0 is not possible: it must be 1 to"):
        Sampler.load(tiny_bundle, threads=0)


def test_using_the_runtime_leaves_torch_and_onnx_unloaded(tiny_bundle, tmp_path):
    code = """
import sys
from pathlib import Path
from singan_runtime import Sampler
from singan_runtime.clips import animation
from singan_runtime.files import video
sampler = Sampler.load(sys.argv[1])
sampler.sample((20, 30), count=2)
sampler.render((20, 30), (1, 1, 5, 5))
sampler.reconstruct()
video.save(Path(sys.argv[2]), animation.animate(sampler, animation.Walk(frames=2)))
banned = {"torch", "onnx", "safetensors", "onnxscript", "singan_train", "singan_export"}
assert not banned & set(sys.modules), banned & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, tiny_bundle, tmp_path / "a.gif"], check=True)
