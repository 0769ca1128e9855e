"""Other commands that draw, on the command line: clips, measurements, what a model would draw."""

import json
import typing

import pytest
from command_line import call, one_line, usage
from PIL import Image

from singan_runtime import Sampler
from singan_runtime.measures.bench import Timing


def test_bench_tells_what_was_really_used(tiny_bundle):
    status, said, _ = call(
        "bench", tiny_bundle, "--size", "64x48,hd", "--repeats", "2", "--threads", "1", "--json"
    )
    small, large = json.loads(said)
    assert status == 0 and (
        small["width"],
        small["height"],
        small["repeats"],
        small["threads"],
    ) == (64, 48, 2, 1)
    assert small["provider"] == "CPUExecutionProvider" and large["peak_memory_mb"] > 30
    assert (
        typing.get_type_hints(Timing)["peak_memory_mb"] is float
    )  # nothing prints a peak that is not known
    assert 0 < small["median"] <= small["p95"] < large["median"]
    assert large["megapixels_per_second"] == pytest.approx(1280 * 720 / 1e6 / large["median"])
    assert "1280x720: median" in call("bench", tiny_bundle, "--size", "hd", "--repeats", "1")[1]


def test_animate_writes_a_gif(tiny_bundle, tmp_path):
    out = tmp_path / "new" / "a.gif"
    words = (
        "animate",
        tiny_bundle,
        "--out",
        out,
        "--frames",
        "4",
        "--size",
        "50x40",
        "--start-scale",
        "0",
    )
    for loop, count in (((), 4), (("--loop",), 4), (("--loop", "--walk", "paper"), 6)):
        assert call(*words, *loop)[0] == 0
        with Image.open(out) as image:
            assert image.size == (50, 40) and image.n_frames == count


@pytest.mark.parametrize("ending", ["mp4", "webm", "webp", "png"])
def test_animate_writes_the_format_of_the_ending(tiny_bundle, tmp_path, ending):
    if ending in ("mp4", "webm"):
        pytest.importorskip("imageio_ffmpeg")
    out = tmp_path / f"a.{ending}"
    words = (
        "--frames",
        "3",
        "--size",
        "50x40",
        "--zoom",
        "1.5",
        "--fps",
        "30",
        "--seed",
        "4",
        "--start-scale",
        "0",
    )
    assert call("animate", tiny_bundle, "--out", out, *words)[0] == 0
    magic = {"mp4": b"ftypisom", "webm": b"\x1a\x45\xdf\xa3", "webp": b"WEBPVP8X", "png": b"acTL"}[
        ending
    ]
    assert magic in out.read_bytes()[:100] and [path.name for path in tmp_path.iterdir()] == [
        out.name
    ]


def test_grid_writes_twelve_gifs(tiny_bundle, tmp_path):
    assert (
        "wrote 12 animations"
        in call("animate", tiny_bundle, "--out", tmp_path / "grid", "--grid", "--frames", "3")[1]
    )
    names = [
        f"start_scale_{scale}_beta_{beta}.gif"
        for scale in range(3)
        for beta in ("0.80", "0.85", "0.90", "0.95")
    ]
    assert sorted(path.name for path in (tmp_path / "grid").iterdir()) == names
    assert len({path.read_bytes() for path in (tmp_path / "grid").iterdir()}) == 12
    words = ("animate", tiny_bundle, "--out", tmp_path / "other", "--grid")
    assert "leave out --start-scale and --beta" in usage(*words, "--beta", "0.5")
    assert "over the limit" in one_line(*words, "--frames", "200000")
    assert not (tmp_path / "other").exists()


def test_inspect_prints_the_canvases_that_sample_uses(tiny_bundle):
    status, said, _ = call("inspect", tiny_bundle, "--size", "200x150", "--zoom", "1.5", "--json")
    plan = json.loads(said)["plan"]
    passes = Sampler.load(tiny_bundle).find_passes((150, 200), 1.5)
    assert status == 0 and plan["zoom"] == 1.5
    assert [(p["generator"], p["height"], p["width"]) for p in plan["passes"]] == [
        (step.generator, *step.canvas) for step in passes
    ]
    status, said, _ = call("inspect", tiny_bundle)
    assert status == 0 and "hills: photo 60x40, 3 channels" in said and "scale 3: 48x32" in said


def test_evaluate_prints_scores_and_writes_a_page(tiny_bundle, tmp_path):
    words = ("evaluate", tiny_bundle, "--photo", tiny_bundle / "preview.png", "--count", "2")
    status, said, _ = call(
        *words, "--start-scales", "0,2", "--html", tmp_path / "new" / "page.html"
    )
    assert status == 0 and said.count("swd 0.0") == 2 and "start scale 2, 2 samples" in said
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").count("<h2>") == 2
    (scores,) = json.loads(call(*words, "--json")[1])
    assert {"swd", "diversity", "coherence", "completeness"} <= scores.keys() and scores[
        "sifid"
    ] is None
    assert f"structure {scores['structure']:.4f}, layout {scores['layout']:.4f}" in said


def test_evaluate_takes_the_photo_from_the_bundle(detail_bundle):
    words = ("evaluate", detail_bundle, "--count", "2", "--size-limit", "60", "--threads", "1")
    status, said, _ = call(*words)
    first, *octaves = said.splitlines()
    assert status == 0 and "guide_diversity 0." in first and "join_cost " in first
    assert [line.partition(":")[0] for line in octaves] == [
        "  swd_octaves, finest first",
        "  detail, finest first",
    ]
    (scores,) = json.loads(call(*words, "--json")[1])
    assert (
        len(scores["swd_octaves"]) == 1 and len(scores["detail"]) == 3 and scores["repetition"] >= 1
    )
    assert f"structure {scores['structure']:.4f}, layout {scores['layout']:.4f}" in first


def test_mistakes_of_evaluate(tiny_bundle, tmp_path):
    base = ("evaluate", tiny_bundle, "--count", "2", "--photo")
    assert "no.png: no such file" in one_line(*base, tmp_path / "no.png")
    photo = tiny_bundle / "preview.png"
    assert "does not hold its photo: name it, --photo PHOTO" in one_line("evaluate", tiny_bundle)
    assert "use scales 0 to 3" in one_line(*base, photo, "--start-scales", "0,9")
    assert "not a list of whole numbers" in usage(*base, photo, "--start-scales", "0;1")
    (tmp_path / "file").write_text("precious")
    said = one_line(*base, photo, "--html", tmp_path / "file" / "page.html")
    assert "a file stands where a folder is needed" in said


def test_version_is_the_installed_one():
    from importlib import metadata

    assert call("--version")[1].strip() == f"singan {metadata.version('singan')}"
