"""'singan make' and models by their names: what is made, kept and refused."""

import json
import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from command_line import call, one_line
from made_sites import OWN, contents, one_line_of_make
from PIL import Image

from singan_cli.site import pictures
from singan_cli.site.record import read_record
from singan_runtime.request import Request


def test_the_command_makes_a_site_of_a_bundle(detail_bundle, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    words = ("--screens", "120x60,rectangle", "--formats", "webp", "--quality", "40", "--open")
    status, said, _ = call("make", detail_bundle, *words, "--out", tmp_path, "--seed", "0")
    assert status == 0 and "2 screens, 2 files, seed 0" in said
    assert contents(tmp_path).keys() == OWN | {"120x60.webp", "rectangle.webp"}
    assert opened == [(tmp_path / "index.html").as_uri()]
    assert json.loads((tmp_path / "manifest.json").read_text())["complete"]


def test_an_object_is_kept_on_every_screen(detail_bundle, detail_sampler, tmp_path):
    height, width = detail_sampler.manifest.photo_size
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :, width // 3 : width // 2] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    words = ("--screens", "150x100,60x100", "--keep", tmp_path / "mask.png", "--place", "left")
    words += ("--seed", "0", "--formats", "png")
    assert call("make", detail_bundle, *words, "-o", tmp_path / "out")[0] == 0
    keep = detail_sampler.read_keep([str(tmp_path / "mask.png")], [(0.25, None)])
    for size in ((100, 150), (100, 60)):
        expected = detail_sampler.draw(Request(size, keep=keep))
        with Image.open(tmp_path / "out" / f"{size[1]}x{size[0]}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_what_cannot_be_made_is_refused_in_one_line_before_any_work(detail_bundle, tmp_path):
    out = tmp_path / "out"
    assert "no list of screens" in one_line_of_make(detail_bundle, out, "--screens", "webb")
    assert "choose left" in one_line_of_make(
        detail_bundle, out, "--screens", "web", "--calm", "middle"
    )
    for words in (("--formats", "gif"), ("--formats", "webp", "--screens", "17000x20")):
        assert (
            "gif" in (said := one_line_of_make(detail_bundle, out, "--screens", "hd", *words))
            or "too large for webp" in said
        )
    (tmp_path / "photo.jpg").write_bytes(b"")
    assert "photo.jpg" in one_line_of_make(tmp_path / "photo.jpg", out, "--screens", "web")
    assert "nothing.jpg" in one_line_of_make(tmp_path / "nothing.jpg", out, "--screens", "web")
    assert not out.exists()


def run_python(code, *words):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True
    )
    return done.returncode, done.stderr.splitlines()


MAIN = "from singan_cli.main import main; sys.argv[0] = 'singan'; main()"


def test_without_torch_one_line_says_what_to_install(drawn_scene, tmp_path):
    pytest.importorskip("onnx")  # which would be named first
    code = f"import sys; sys.modules['torch'] = None; {MAIN}"
    words = ("make", drawn_scene, "--screens", "web", "--out", tmp_path)
    assert run_python(code, *words) == (
        1,
        [
            "error: this command needs torch; run: pip install torch safetensors (singan's extra "
            "train)"
        ],
    )


def test_a_full_disk_is_one_line_and_the_next_call_goes_on(detail_bundle, tmp_path):
    pytest.importorskip("resource")
    code = (
        "import sys, resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); {MAIN}"
    )
    words = ("make", detail_bundle, "--screens", "60x40,600x400", "--out", tmp_path)
    status, said = run_python(code, *words, "--formats", "jpeg")
    errors = [line for line in said if line.startswith("error: ")]
    assert status == 1 and len(errors) == 1 and "600x400.jpg" in errors[0]
    assert contents(tmp_path).keys() == {"60x40.jpg", "manifest.json"}
    assert not read_record(tmp_path).complete
    assert call(*words, "--formats", "jpeg")[0] == 0 and read_record(tmp_path).complete


# models by name


def test_a_model_is_known_by_its_name_everywhere(detail_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("SINGAN_MODELS", str(detail_bundle.parent))
    monkeypatch.chdir(tmp_path)
    assert call("sample", "detail_bundle", "--out", "a.png", "--size", "60x40")[0] == 0
    assert call("inspect", "detail_bundle")[0] == 0
    words = ("--screens", "60x40", "--formats", "webp", "--out", "site")
    assert call("make", "detail_bundle", *words)[0] == 0
    (tmp_path / "detail_bundle").mkdir()  # a path that exists wins
    assert "detail_bundle" in one_line("sample", "detail_bundle", "--out", "b.png")
    assert "nobody" in one_line("sample", "nobody", "--out", "b.png")


def test_models_are_listed(detail_bundle, tmp_path, monkeypatch):
    status, said, _ = call("models", "--models-dir", detail_bundle.parent)
    assert status == 0 and re.search(r"^detail_bundle +150x100", said, re.M)
    assert re.search(r"^tiny_bundle +48x32; without detail$", said, re.M)
    status, said, _ = call("models", "--models-dir", detail_bundle.parent, "--json")
    found = {one["name"]: one for one in json.loads(said)}
    assert found["detail_bundle"]["detail"] and found["marked_bundle"]["labels"]

    monkeypatch.chdir(tmp_path)
    assert "--models-dir" in one_line("models")
    (tmp_path / "models" / "broken").mkdir(parents=True)
    assert "no bundles" in call("models")[1]
    (tmp_path / "models" / "broken" / "manifest.json").write_text("{}")
    status, _, warned = call("models")
    assert status == 0 and warned.startswith("warning: ") and "broken" in warned


def test_a_site_needs_no_more_than_what_draws():
    """No part of drawing a site imports PyTorch."""
    code = (
        "import sys, singan_cli.site.pictures, singan_cli.site.material; "
        "assert 'torch' not in sys.modules"
    )
    assert run_python(code) == (0, [])
    assert Path(pictures.__file__).parent.name == "site"
