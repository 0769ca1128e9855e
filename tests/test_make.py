"""From a photo to a site: trained, exported and drawn, and going on wherever it was stopped."""

import signal
import subprocess
import time
from contextlib import nullcontext

import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")

from command_line import SINGAN, call
from file_contents import files_of
from made_sites import contents, one_line_of_make

from singan_cli.site.material import BUNDLE, MODEL, RUN, Training, Watch, make_bundle
from singan_core.errors import BundleError
from singan_runtime import Sampler

ASKED = {"preset": "draft", "max_size": None, "width": 8, "iterations": 20, "pool": 4}
TRAINING = Training({**ASKED, "min_size": 19, "hand_over": 33}, "cpu", 1)


@pytest.fixture(scope="module")
def made(drawn_scene, tmp_path_factory):
    """A site's folder of a photo, with its run and its bundle."""
    folder = tmp_path_factory.mktemp("made") / MODEL
    assert make_bundle(drawn_scene, folder, TRAINING, Watch()) == folder / BUNDLE
    return folder


def test_a_photo_is_trained_and_exported_once(made, drawn_scene):
    before, told = files_of(made), []
    watch = Watch(told.append, told.append, lambda: told.append("export"))
    make_bundle(drawn_scene, made, TRAINING, watch)
    after = files_of(made)
    kept = [name for name in before if not name.endswith((".lock", "metrics.jsonl"))]
    assert told == [] and {name: after[name] for name in kept} == {n: before[n] for n in kept}


def test_stopped_in_training_it_goes_on_and_ends_with_the_same_model(made, drawn_scene, tmp_path):
    seconds, shown = [], []
    watch = Watch(seconds.append, shown.append, stop=lambda: nullcontext(lambda: len(shown) >= 2))
    with pytest.raises(KeyboardInterrupt):
        make_bundle(drawn_scene, tmp_path / MODEL, TRAINING, watch)
    assert len(seconds) == 1 and seconds[0] > 0 and not (tmp_path / MODEL / BUNDLE).exists()

    words = ("--screens", "60x40", "--formats", "webp", "--threads", "1", "--out", tmp_path)
    status, _, said = call("make", drawn_scene, *words)
    stages = [stage for stage in ("training", "export", "pictures") if f"{stage} 0%" in said]
    assert status == 0 and stages == ["training", "export", "pictures"]
    ended, expected = (Sampler.load(one / BUNDLE) for one in (tmp_path / MODEL, made))
    assert ended.identity == expected.identity


def test_a_site_belongs_to_one_photo(made, drawn_scene, tmp_path):
    other = tmp_path / "other.png"
    with Image.open(drawn_scene) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other)
    before = files_of(made)
    said = one_line_of_make(other, made.parent, "--screens", "60x40")
    assert "not the photo that" in said
    kept = [name for name in before if not name.endswith(".lock")]
    assert all(files_of(made)[name] == before[name] for name in kept)


def test_the_command_draws_from_what_the_folder_keeps(made, drawn_scene):
    words = ("--screens", "60x40,30x60", "--formats", "webp,jpeg", "--threads", "1")
    status, said, shown = call("make", drawn_scene, *words, "--out", made.parent)
    assert status == 0 and "2 screens, 4 files" in said and "training" not in shown
    first = contents(made.parent)
    assert call("make", drawn_scene, *words, "--out", made.parent)[0] == 0
    assert contents(made.parent) == first and "60x40.webp" in first


def test_a_run_is_exported_and_another_run_is_refused(made, small_run, tmp_path):
    bundle = make_bundle(made / RUN, tmp_path, TRAINING, Watch())
    assert bundle == tmp_path / BUNDLE
    assert Sampler.load(bundle).identity == Sampler.load(made / BUNDLE).identity
    assert make_bundle(bundle, tmp_path / "none", TRAINING, Watch()) == bundle
    with pytest.raises(BundleError, match="not the run of this bundle"):
        make_bundle(small_run, tmp_path, TRAINING, Watch())


@pytest.mark.slow
def test_a_signal_in_training_ends_the_command_in_order(drawn_scene, tmp_path):
    words = [SINGAN, "make", drawn_scene, "--screens", "60x40", "--preset", "draft"]
    words += ["--formats", "webp", "--threads", "1", "--out", tmp_path]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while "training" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().splitlines()
    assert process.returncode == 143
    assert said[-1] == ("error: stopped; what is done is kept: repeat the command to go on")
    assert (tmp_path / MODEL / RUN / "config.json").exists()
