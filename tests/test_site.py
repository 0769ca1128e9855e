"""A site: one scene on every screen of a list, in files that a page can show, resumable."""

import dataclasses
import hashlib
import io
import re

import numpy as np
import pytest
from command_line import size_of
from made_sites import OWN, contents, one_line_of_make
from page_tags import Tags
from PIL import Image

from singan_cli.site import pictures, scene
from singan_cli.site.page import group_by_shape
from singan_cli.site.pictures import make_site
from singan_cli.site.record import read_record
from singan_cli.site.screen_list import Screen
from singan_cli.site.spec import SiteSpec
from singan_core import encoding
from singan_core.encoding import Style
from singan_core.errors import OutputError
from singan_runtime.files.provenance import read_request
from singan_runtime.measures import calm
from singan_runtime.request import Request

SMALL = (Screen("wide", (60, 120)), Screen("wide2", (90, 180)), Screen("tall", (90, 60)))
SPEC = SiteSpec(SMALL, Request(seed=3), formats=("webp", "jpeg"), alt="hills")


@pytest.fixture(scope="module")
def site(detail_sampler, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    make_site(detail_sampler, out, SPEC)
    return out


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
