"""Deep Zoom and IIIF: tiles of a picture of any size, made on demand, that fit together."""

import io
import json
import xml.etree.ElementTree
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from singan_core.errors import RequestError
from singan_runtime.request import Request
from singan_runtime.serve import iiif, levels, signing
from singan_runtime.serve.allowed_sizes import AllowedSizes
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"
KEY = b"a key of many letters"
SIZE = (700, 1100)


def open_client(**settings):
    app = make_app(Settings(DATA / "detail_bundle", "cpu", 1, **settings))
    return TestClient(app, base_url="http://pics.example", follow_redirects=False)


@pytest.fixture(scope="module")
def client():
    with open_client() as opened:
        yield opened


@pytest.fixture(scope="module")
def model(client):
    return "detail_bundle@" + client.get("/v1/models/detail_bundle").json()["id"]


@pytest.fixture(scope="module")
def whole(detail_sampler):
    return detail_sampler.draw(Request(SIZE, seed=5))


def read_pixels(answer):
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


# Levels


def test_levels_halve_and_round_up():
    assert [levels.halve((5, 9), times) for times in range(5)] == [
        (5, 9), (3, 5), (2, 3), (1, 2), (1, 1),
    ]  # fmt: skip
    assert levels.count_halvings((5, 9)) == 4
    assert levels.count_halvings((1, 1)) == 0


def test_a_level_is_the_same_seed_and_shape_at_that_size(detail_sampler):
    request = Request((1400, 2200), seed=5)
    part = levels.draw_level(detail_sampler, request, 1, (100, 200, 50, 60))
    half = detail_sampler.draw(Request((700, 1100), seed=5))
    np.testing.assert_array_equal(part, half[100:150, 200:260])


def test_levels_show_the_same_content_at_a_zoom(detail_sampler):
    request = Request((1400, 2200), seed=5, zoom=4.0)
    half = levels.halve_request(request, 1)
    assert (half.size, half.zoom) == ((700, 1100), 2.0)


def test_a_level_differs_little_from_the_next_one_reduced(detail_sampler):
    request = Request((1400, 2200), seed=5)
    fine, coarse = (
        levels.draw_level(
            detail_sampler, request, times, (0, 0, *levels.halve((1400, 2200), times))
        )
        for times in (0, 1)
    )
    reduced = np.asarray(Image.fromarray(fine).reduce(2)).astype(float)
    other = detail_sampler.draw(Request((700, 1100), seed=6)).astype(float)
    step = np.abs(reduced - coarse).mean()
    assert step < 1
    assert step < 0.1 * np.abs(reduced - other).mean()


def test_the_smallest_levels_are_one_picture_reduced(detail_sampler):
    request = Request((1400, 2200), seed=5)
    smallest = levels.find_smallest(detail_sampler, request)
    assert smallest == 2
    drawn = detail_sampler.draw(levels.halve_request(request, smallest))
    eighth = levels.draw_level(detail_sampler, request, 3, (0, 0, 175, 275))
    reduced = np.asarray(Image.fromarray(drawn).reduce(2))
    np.testing.assert_allclose(eighth, reduced, atol=1)  # Pillow rounds a half up or down


def test_a_level_too_small_for_the_model_is_reduced_too(sampler):
    request = Request((20, 2000), seed=1)
    smallest = levels.find_smallest(sampler, request)
    assert smallest < 2
    assert levels.draw_level(sampler, request, 11, (0, 0, 1, 1)).shape == (1, 1, 3)


# Deep Zoom


def test_a_description_says_what_tiles_there_are(client, model):
    answer = client.get(f"/v1/{model}/deepzoom/1100x700.dzi?seed=5&format=png")
    assert answer.headers["content-type"] == "application/xml"
    root = xml.etree.ElementTree.fromstring(answer.text)
    assert root.attrib == {"Format": "png", "Overlap": "0", "TileSize": "512"}
    assert root[0].attrib == {"Width": "1100", "Height": "700"}


def test_tiles_fit_together_to_the_picture(client, model, whole):
    rows = []
    for row in range(2):
        path = f"/v1/{model}/deepzoom/1100x700_files/11/{{}}_{row}.png?seed=5"
        rows.append(np.hstack([read_pixels(client.get(path.format(n))) for n in range(3)]))
    np.testing.assert_array_equal(np.vstack(rows), whole)


def test_every_level_has_its_tiles_and_no_others(client, model):
    root = f"/v1/{model}/deepzoom/1100x700_files"
    for level, size in {10: (350, 512), 9: (175, 275), 1: (1, 2), 0: (1, 1)}.items():
        tile = read_pixels(client.get(f"{root}/{level}/0_0.png?seed=5"))
        assert tile.shape[:2] == size
    for wrong in ("12/0_0", "11/3_0", "11/0_2", "11/0", "11/a_0", "11/-1_0", "99999999999/0_0"):
        assert client.get(f"{root}/{wrong}.png?seed=5").status_code == 404, wrong


def test_a_description_without_a_seed_leads_to_one_with_a_seed(client, model):
    answer = client.get("/v1/detail_bundle/deepzoom/1100x700.dzi?format=webp")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"/v1/{model}/deepzoom/1100x700.dzi?seed=")
    assert client.get(f"/v1/{model}/deepzoom/1100x700_files/0/0_0.png").status_code == 404


def test_the_signature_of_the_description_holds_for_its_tiles(monkeypatch):
    with open_client(keys=(KEY,)) as client:
        first = client.get(signing.sign("/v1/detail_bundle/deepzoom/1100x700.dzi?seed=5", KEY))
        described = urlsplit(first.headers["location"])
        assert client.get(first.headers["location"]).status_code == 200
        files = described.path.removesuffix(".dzi") + "_files"
        assert client.get(f"{files}/9/0_0.jpg?{described.query}").status_code == 200
        other = files.replace("1100x700", "1200x700")
        assert client.get(f"{other}/9/0_0.jpg?{described.query}").status_code == 403
        assert client.get(f"{files}/9/0_0.jpg?seed=5").status_code == 403


def test_tiles_are_not_made_where_sizes_are_limited():
    with open_client(sizes=AllowedSizes.parse("1100x700")) as client:
        assert client.get("/v1/detail_bundle/deepzoom/1100x700.dzi").status_code == 422
        assert client.get("/iiif/detail_bundle:1100x700:5").status_code == 422


@pytest.mark.parametrize(
    "rest", ["0x1.dzi?seed=1", "9x9.dzi?seed=1&format=bmp", "9x9.dzi?seed=1&window=1,1,1,1"]
)
def test_descriptions_that_cannot_be_read(client, model, rest):
    assert client.get(f"/v1/{model}/deepzoom/{rest}").status_code == 400


# IIIF Image API 3.0, point by point


@pytest.fixture(scope="module")
def base(model):
    return f"/iiif/{model}:1100x700:5"


def test_the_base_leads_to_the_description(client, base, model):
    answer = client.get(base)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/info.json")
    chosen = client.get("/iiif/detail_bundle:1100x700").headers["location"]
    assert chosen.startswith(f"/iiif/{model}:1100x700:") and chosen.endswith("/info.json")
    assert client.get(chosen).status_code == 200


def test_a_description_has_what_the_specification_asks_for(client, base):
    answer = client.get(f"{base}/info.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    found = answer.json()
    assert found["@context"] == "http://iiif.io/api/image/3/context.json"
    assert found["id"] == f"http://pics.example{base}"
    assert (found["type"], found["profile"]) == ("ImageService3", "level2")
    assert found["protocol"] == "http://iiif.io/api/image"
    assert (found["width"], found["height"]) == (1100, 700)
    assert found["tiles"] == [{"width": 512, "height": 512, "scaleFactors": [1, 2, 4]}]
    assert {"width": 275, "height": 175} in found["sizes"]
    ld = client.get(f"{base}/info.json", headers={"Accept": "application/ld+json"})
    assert ld.headers["content-type"] == (
        'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
    )
    assert json.loads(ld.text) == found


@pytest.mark.parametrize("most", [10**9, 33_177_600, 10**6])
@pytest.mark.parametrize("size", [(12_000, 20_000), (700, 1100), (512, 513), (3, 2)])
def test_sizes_are_those_of_the_tiles_levels(size, most):
    """Viewers that take sizes for a list of levels would else show tiles at wrong places."""
    found = iiif.describe("http://pics.example/iiif/x", size, most)
    factors = found["tiles"][0]["scaleFactors"]
    halved = [levels.halve(size, times) for times in range(len(factors))]
    assert factors == [2**times for times in range(len(factors))]
    assert [(each["height"], each["width"]) for each in found["sizes"]] == [
        (height, width) for height, width in reversed(halved) if height * width <= most
    ]


@pytest.mark.parametrize(
    ("words", "width", "height"),
    [
        ("full/max", 1100, 700),
        ("full/550,", 550, 350),
        ("full/,175", 275, 175),
        ("full/pct:50", 550, 350),
        ("full/300,300", 300, 300),
        ("full/!200,200", 200, 127),
        ("square/max", 700, 700),
        ("square/,100", 100, 100),
        ("100,50,200,120/max", 200, 120),
        ("1000,600,500,500/max", 100, 100),
        ("100,50,200,120/100,", 100, 60),
        ("pct:50,50,25,25/max", 275, 175),
        ("pct:41.6,7.5,40,70/!100,100", 90, 100),
        ("0,0,1024,700/512,350", 512, 350),
    ],
)
def test_regions_and_sizes(client, base, words, width, height):
    image = Image.open(io.BytesIO(client.get(f"{base}/{words}/0/default.png").content))
    assert image.size == (width, height)


def test_a_region_is_the_slice_of_the_whole(client, base, whole):
    np.testing.assert_array_equal(read_pixels(client.get(f"{base}/full/max/0/default.png")), whole)
    part = read_pixels(client.get(f"{base}/100,50,200,120/max/0/default.png"))
    np.testing.assert_array_equal(part, whole[50:170, 100:300])


def test_tiles_at_half_the_size_fit_together(client, base, detail_sampler):
    half = detail_sampler.draw(Request((350, 550), seed=5))
    left = read_pixels(client.get(f"{base}/0,0,1024,700/512,350/0/default.png"))
    right = read_pixels(client.get(f"{base}/1024,0,76,700/38,350/0/default.png"))
    np.testing.assert_array_equal(np.hstack([left, right]), half)


def test_a_region_at_another_size_is_the_level_reduced(client, base, whole):
    got = read_pixels(client.get(f"{base}/200,100,300,300/200,200/0/default.png"))
    wanted = Image.fromarray(whole[100:400, 200:500]).resize((200, 200), Image.Resampling.BOX)
    np.testing.assert_array_equal(got, np.asarray(wanted))


@pytest.mark.parametrize(
    ("word", "turn"),
    [
        ("0", lambda p: p),
        ("90", lambda p: np.rot90(p, -1)),
        ("180", lambda p: np.rot90(p, 2)),
        ("270", lambda p: np.rot90(p)),
        ("!0", lambda p: p[:, ::-1]),
        ("!90", lambda p: np.rot90(p[:, ::-1], -1)),
        ("90.0", lambda p: np.rot90(p, -1)),
    ],
)
def test_rotations(client, base, whole, word, turn):
    got = read_pixels(client.get(f"{base}/0,0,40,30/max/{word}/default.png"))
    np.testing.assert_array_equal(got, turn(whole[:30, :40]))


def test_qualities(client, base):
    found = {
        quality: read_pixels(client.get(f"{base}/0,0,40,30/max/0/{quality}.png"))
        for quality in ("default", "color", "gray", "bitonal")
    }
    np.testing.assert_array_equal(found["default"], found["color"])
    assert found["gray"].ndim == 2
    assert set(np.unique(found["bitonal"])) <= {0, 255}


@pytest.mark.parametrize(("suffix", "media"), [("jpg", "jpeg"), ("png", "png"), ("webp", "webp")])
def test_formats(client, base, suffix, media):
    answer = client.get(f"{base}/0,0,40,30/max/0/default.{suffix}")
    assert answer.headers["content-type"] == f"image/{media}"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "immutable" in answer.headers["cache-control"]


def test_a_view_names_its_canonical_form(client, base):
    answer = client.get(f"{base}/0,0,1100,700/pct:100/0.0/default.jpg")
    canonical = f'<http://pics.example{base}/full/max/0/default.jpg>;rel="canonical"'
    assert canonical in answer.headers["link"]
    assert 'level2.json>;rel="profile"' in answer.headers["link"]
    plain = client.get(f"{base}/full/max/0/default.jpg")
    assert plain.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    "words",
    [
        "all/max/0/default.jpg",
        "1,2,3/max/0/default.jpg",
        "0,0,0,10/max/0/default.jpg",
        "1100,0,10,10/max/0/default.jpg",
        "-1,0,10,10/max/0/default.jpg",
        "pct:0,0,0,0/max/0/default.jpg",
        "full/full/0/default.jpg",
        "full/,/0/default.jpg",
        "full/0,/0/default.jpg",
        "full/!10,/0/default.jpg",
        "full/1101,/0/default.jpg",
        "full/^max/0/default.jpg",
        "full/pct:101/0/default.jpg",
        "full/pct:0/0/default.jpg",
        "full/max/45/default.jpg",
        "full/max/x/default.jpg",
        "full/max/0/sepia.jpg",
        "full/max/0/default.tif",
    ],
)
def test_words_that_cannot_be_read_are_400(client, base, words):
    answer = client.get(f"{base}/{words}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_max_is_the_largest_that_may_be_sent():
    with open_client(max_pixels=10_000) as client:
        location = client.get("/iiif/detail_bundle:1100x700:5").headers["location"]
        base = location.removesuffix("/info.json")
        assert client.get(location).json()["maxArea"] == 10_000
        image = Image.open(io.BytesIO(client.get(f"{base}/full/max/0/default.jpg").content))
        assert 9_500 < image.width * image.height <= 10_000
        assert client.get(f"{base}/full/1100,700/0/default.jpg").status_code == 400


def test_identifiers_that_are_not_there(client, model):
    for wrong in ("nobody:9x9:1", "detail_bundle", f"{model}:9x9:1:2:3", "A:9x9:1"):
        assert client.get(f"/iiif/{wrong}/info.json").status_code == 404
    assert client.get("/iiif/detail_bundle@00000000:9x9:1/info.json").status_code == 410
    assert client.get(f"/iiif/{model}:9x:1/info.json").status_code == 400
    assert client.get("/iiif/detail_bundle:9x9/info.json").status_code == 404


def test_a_seed_may_be_any_text(client, model):
    location = client.get(f"/iiif/{model}:99x66:{quote('a b/c', safe='')}")
    assert location.status_code in (303, 404)  # a slash ends an identifier for some servers
    answer = client.get(f"/iiif/{model}:99x66:a%20b/full/max/0/default.png")
    picture = client.get(f"/v1/{model}/99x66.png?seed=a+b")
    np.testing.assert_array_equal(read_pixels(answer), read_pixels(picture))


def test_signed_identifiers():
    with open_client(keys=(KEY,)) as client:
        model = "detail_bundle@" + client.get("/v1/models/detail_bundle").json()["id"]
        path = f"/iiif/{model}:1100x700:5"
        mark = signing.compute_signature(path.encode(), KEY).decode()
        for rest in ("/info.json", "/0,0,9,9/max/0/default.png"):
            assert client.get(f"{path}:{mark}{rest}").status_code == 200
            for wrong in (path, f"{path}:x", f"{path.replace('700', '701')}:{mark}"):
                assert client.get(wrong + rest).status_code == 403
        chosen = client.get(f"{path}:{mark}").headers["location"]
        assert client.get(chosen).status_code == 200


def test_tiles_of_an_enormous_picture_cost_no_more_memory(detail_sampler):
    request = Request((2**11, 2**20), seed=3)
    view = iiif.read_view((2**11, 2**20), 10**8, "524288,0,512,512", "max", "0", "default")
    part = iiif.draw_view(detail_sampler, request, view)
    next_view = iiif.read_view((2**11, 2**20), 10**8, "524544,0,256,512", "max", "0", "default")
    np.testing.assert_array_equal(part[:, 256:], iiif.draw_view(detail_sampler, request, next_view))


def test_levels_whose_zoom_would_show_everything_are_refused(detail_sampler):
    """At zoom 1 an overview of a huge picture would be drawn far larger than it is."""
    request = Request((2**20, 2**20), seed=1, zoom=1.0)
    smallest = levels.find_smallest(detail_sampler, request)
    assert 0 < smallest < 9
    assert levels.draw_level(detail_sampler, request, 0, (2**19, 0, 8, 8)).shape == (8, 8, 3)
    with pytest.raises(RequestError, match="pixels, over the limit"):
        levels.draw_level(detail_sampler, request, smallest + 1, (0, 0, 8, 8))


def test_a_picture_that_costs_far_more_than_its_pixels_is_refused(client, model):
    answer = client.get(f"/v1/{model}/600x400.png?seed=1&zoom=0.001")
    assert answer.status_code == 422
    assert "choose a larger zoom, or auto" in answer.json()["detail"]
    assert client.get(f"/v1/{model}/16x16.png?seed=1").status_code == 200
