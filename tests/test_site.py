"""A site: one scene on every screen of a list, in files that a page can show, resumable."""

import dataclasses
import hashlib
import io
import json
import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from command_line import call, one_line, size_of
from PIL import Image
from test_markup import Tags

from singan_cli.site import pictures, scene
from singan_cli.site.page import group_by_shape
from singan_cli.site.pictures import make_site
from singan_cli.site.record import read_record
from singan_cli.site.screen_list import Screen, read_screens
from singan_cli.site.spec import SiteSpec
from singan_core import encoding
from singan_core.encoding import Style
from singan_core.errors import OutputError, RequestError
from singan_runtime.files.provenance import read_request
from singan_runtime.measures import calm
from singan_runtime.request import Request
from singan_runtime.screens import LISTS, SCREENS

SMALL = (Screen("wide", (60, 120)), Screen("wide2", (90, 180)), Screen("tall", (90, 60)))
SPEC = SiteSpec(SMALL, Request(seed=3), formats=("webp", "jpeg"), alt="hills")
OWN = {"manifest.json", "sheet.jpg", "picture.html", "index.html"}


@pytest.fixture(scope="module")
def site(detail_sampler, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    make_site(detail_sampler, out, SPEC)
    return out


def contents(folder):
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name[0] != "."
    }


# lists of screens


@pytest.mark.parametrize("name", LISTS)
def test_lists_name_known_screens_of_different_shapes(name):
    screens = read_screens(name)
    assert [screen.name for screen in screens] == list(LISTS[name])
    assert all(SCREENS[one.name] == (one.size[1], one.size[0]) for one in screens)


@pytest.mark.parametrize(
    "text",
    [
        "# ours\nhero 1920x1080\n\nphone   # as in the list\n",
        '["hero 1920x1080", "phone"]',
        '{"hero": "1920x1080", "phone": {"width": 1080, "height": 2400}}',
    ],
)
def test_a_file_lists_names_and_sizes_as_text_or_as_json(tmp_path, text):
    (tmp_path / "list").write_text(text)
    expected = Screen("hero", (1080, 1920)), Screen("phone", (2400, 1080))
    assert read_screens(str(tmp_path / "list")) == expected


def test_screens_may_be_named_one_by_one():
    assert read_screens("phone,60x40")[1] == Screen("60x40", (40, 60))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 screens"),
        ("a b 60x40", "is no screen"),
        ("a 60x40\nA 40x60", "let them differ"),
        ("sheet 60x40", "none of them be sheet"),
        ("../a 60x40", "be plain"),
        ("a 0x40", "0x40"),
        ("a sixty", "'sixty' is not a size"),
        ('{"a": 5}', "is no size"),
        ("[1]", "is no size"),
        ('{"a":', "not a list of screens"),
        ("\0" * 70000, "more than"),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_its_name(tmp_path, text, said):
    (tmp_path / "list").write_text(text)
    with pytest.raises(RequestError, match=re.escape(said)) as error:
        read_screens(str(tmp_path / "list"))
    assert str(error.value).startswith(str(tmp_path / "list"))


def test_an_unknown_list_is_refused_with_those_there_are():
    with pytest.raises(RequestError, match=r"did you mean social\?.*web, wallpapers"):
        read_screens("sociall")


# pictures


def test_every_screen_has_its_picture_in_every_format(site, detail_sampler):
    assert contents(site).keys() == OWN | {
        f"{one.name}{ending}" for one in SMALL for ending in (".webp", ".jpg")
    }
    record = read_record(site)
    assert record.complete and record.seed == 3
    for one, screen in zip(record.pictures, SMALL, strict=True):
        assert (one.screen, (one.height, one.width)) == (screen.name, screen.size)
        for file in one.files:
            path = site / file.name
            assert size_of(path) == screen.size[::-1]
            assert read_request(path) == Request(screen.size, 3)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    drawn = encoding.encode(detail_sampler.draw(Request((60, 120), 3)), "webp")
    with Image.open(site / "wide.webp") as image, Image.open(io.BytesIO(drawn)) as expected:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))


def test_a_placeholder_and_a_colour_stand_for_a_picture(site):
    one = read_record(site).pictures[0]
    with Image.open(site / one.files[0].name) as image:
        mean = np.asarray(image.convert("RGB")).mean(axis=(0, 1))
    colour = [int(one.colour[n : n + 2], 16) for n in (1, 3, 5)]
    assert np.abs(colour - mean).max() < 4
    [image] = Tags((site / "picture.html").read_text()).find("img")
    assert (
        "base64," in image["style"] and f"background: #{image['style'][13:19]} " in image["style"]
    )


def test_the_lines_show_the_picture_whose_shape_is_nearest(site):
    tags = Tags((site / "picture.html").read_text())
    [image] = tags.find("img")
    assert (image["src"], image["width"], image["height"]) == ("wide2.jpg", "180", "90")
    assert image["alt"] == "hills"
    assert image["srcset"] == "wide.jpg 120w, wide2.jpg 180w"
    # 2:3 and 2:1: a window changes at their geometric mean
    bound = "(max-aspect-ratio: 1155/1000)"
    assert [one.get("media") for one in tags.find("source")] == [bound, bound, None]
    files = re.findall(r"[\w.]+\.(?:webp|jpg)", (site / "picture.html").read_text())
    assert {*files} == contents(site).keys() - OWN
    assert "wide2.jpg" in (site / "index.html").read_text()


def test_nearly_equal_shapes_are_one(site):
    one = read_record(site).pictures[0]
    sizes = ((1366, 768), (1920, 1080), (1080, 1920), (1440, 2560))
    made = [dataclasses.replace(one, screen=str(w), width=w, height=h, files=()) for w, h in sizes]
    groups = group_by_shape(made)
    assert [[picture.width for picture in some] for _, some in groups] == [
        [1080, 1440],
        [1366, 1920],
    ]


# stopped, and begun again


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_a_stopped_site_goes_on_and_ends_with_the_same_files(
    site, detail_sampler, tmp_path, moment, monkeypatch
):
    def stop(stage, share, said):
        if share >= moment / 3 and stage == "pictures":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_site(detail_sampler, tmp_path, SPEC, stop)
    before = read_record(tmp_path)
    drawn = []
    draw = pictures.draw_picture
    monkeypatch.setattr(
        pictures, "draw_picture", lambda *words: drawn.append(words[3].name) or draw(*words)
    )
    make_site(detail_sampler, tmp_path, SPEC)
    assert len(drawn) == 3 - moment
    assert (
        before is None
        or [one.screen for one in before.pictures] == ["wide", "wide2", "tall"][:moment]
    )
    assert contents(tmp_path) == contents(site)


def test_only_what_is_missing_damaged_or_new_is_drawn(site, detail_sampler, tmp_path, monkeypatch):
    make_site(detail_sampler, tmp_path, SPEC)
    (tmp_path / "wide.jpg").unlink()
    (tmp_path / "tall.webp").write_bytes(b"damaged")
    drawn = []
    draw = pictures.draw_picture
    monkeypatch.setattr(
        pictures, "draw_picture", lambda *words: drawn.append(words[3].name) or draw(*words)
    )
    make_site(detail_sampler, tmp_path, SPEC)
    assert drawn == ["wide", "tall"] and contents(tmp_path) == contents(site)

    more = dataclasses.replace(SPEC, screens=(*SMALL, Screen("new", (30, 30))))
    make_site(detail_sampler, tmp_path, more)
    assert drawn[2:] == ["new"]
    make_site(detail_sampler, tmp_path, dataclasses.replace(more, style=Style(quality=30)))
    assert len(drawn) == 3 + 4


def test_a_folder_with_another_manifest_is_left_alone(detail_bundle, detail_sampler, tmp_path):
    (tmp_path / "manifest.json").write_bytes((detail_bundle / "manifest.json").read_bytes())
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="'singan make'"):
        make_site(detail_sampler, tmp_path, SPEC)
    assert contents(tmp_path) == before


# quiet zones


def test_a_zone_is_where_neighbours_are_alike():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 150, 3)).astype(np.uint8)
    pixels[40:71, :51] = 100
    zones = calm.measure_zones(pixels)
    assert zones["left"].energy < 0.05 < 0.9 < zones["right"].energy
    assert abs(zones["left"].top - 40 / 90) < 0.03 and zones["left"].left == 0
    assert calm.measure_zones(np.zeros((9, 5, 3), np.uint8))["centre"].energy == 0


def test_an_estimate_is_near_what_is_drawn(detail_sampler):
    for size in ((60, 120), (90, 60)):
        request = Request(size, 5)
        [one] = scene._judge(detail_sampler, detail_sampler.plan_request(request), [5])
        [guess] = scene.estimate(detail_sampler, request, [one])
        drawn = calm.measure_zones(detail_sampler.draw(request))
        for side in calm.SIDES:
            assert abs(guess[side].energy - drawn[side].energy) < 0.25, side


def test_the_scene_is_quiet_where_text_is_to_stand(detail_sampler, tmp_path):
    spec = dataclasses.replace(SPEC, screens=SMALL[:1], calm="bottom", candidates=3)
    record = make_site(detail_sampler, tmp_path, spec)
    assert record.seed in range(3, 6)
    for one in record.pictures:
        with Image.open(tmp_path / one.files[0].name) as image:
            pixels = np.asarray(image.convert("RGB")).astype(float).mean(axis=2)
        energy = np.zeros_like(pixels)
        energy[:-1] += np.diff(pixels, axis=0) ** 2
        energy[:, :-1] += np.diff(pixels, axis=1) ** 2
        zone = one.calm
        inside = energy[zone.top : zone.top + zone.height, zone.left : zone.left + zone.width]
        assert zone.top + zone.height >= one.height - 2 and inside.mean() <= 0.35 * energy.mean()
        assert zone.energy <= calm.LIMIT
    assert pictures.list_restless(record.pictures, calm.LIMIT) == []
    assert pictures.list_restless(record.pictures, -1) == ["wide"]


def test_where_nothing_is_quiet_nothing_is_drawn(detail_bundle, tmp_path):
    words = ("--screens", "120x60", "--calm", "top", "--candidates", "2", "--threads", "1")
    said = one_line_of_make(detail_bundle, tmp_path / "a", *words)
    assert "no place at the top of the picture for 120x60 is quiet" in said
    assert "choose another side" in said and contents(tmp_path / "a") == {}


def test_a_model_without_detail_has_no_choice(tiny_bundle, tmp_path):
    said = one_line_of_make(tiny_bundle, tmp_path, "--screens", "48x32", "--calm", "left")
    assert "leave out --calm and --candidates" in said


# the command


def one_line_of_make(*words):
    source, out, *others = words
    status, _, said = call("make", source, "--out", out, *others)
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 1 and len(lines) == 1 and "Traceback" not in said
    return lines[0]


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
    assert call("make", detail_bundle, *words, "--formats", "png", "-o", tmp_path / "out")[0] == 0
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
