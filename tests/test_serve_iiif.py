"""IIIF Image API 3.0, point by point: regions of a picture of any size, made on demand."""

import io
import json
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from served import DATA, open_client, read_pixels

from singan_runtime.request import Request
from singan_runtime.serve import iiif, levels, signing

KEY = b"a key of many letters"


def open_service(**settings):
    return open_client(DATA / "detail_bundle", "http://pics.example", **settings)


@pytest.fixture(scope="module")
def client():
    with open_service() as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(detail_sampler):
    return detail_sampler.draw(Request((700, 1100), seed=5))


@pytest.fixture(scope="module")
def base(detailed):
    return f"/iiif/{detailed}:1100x700:5"


def test_the_base_leads_to_the_description(client, base, detailed):
    answer = client.get(base)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/info.json")
    chosen = client.get("/iiif/detail_bundle:1100x700").headers["location"]
    assert chosen.startswith(f"/iiif/{detailed}:1100x700:") and chosen.endswith("/info.json")
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
    with open_service(max_pixels=10_000) as client:
        location = client.get("/iiif/detail_bundle:1100x700:5").headers["location"]
        base = location.removesuffix("/info.json")
        assert client.get(location).json()["maxArea"] == 10_000
        image = Image.open(io.BytesIO(client.get(f"{base}/full/max/0/default.jpg").content))
        assert 9_500 < image.width * image.height <= 10_000
        assert client.get(f"{base}/full/1100,700/0/default.jpg").status_code == 400


def test_identifiers_that_are_not_there(client, detailed):
    for wrong in ("nobody:9x9:1", "detail_bundle", f"{detailed}:9x9:1:2:3", "A:9x9:1"):
        assert client.get(f"/iiif/{wrong}/info.json").status_code == 404
    assert client.get("/iiif/detail_bundle@00000000:9x9:1/info.json").status_code == 410
    assert client.get(f"/iiif/{detailed}:9x:1/info.json").status_code == 400
    assert client.get("/iiif/detail_bundle:9x9/info.json").status_code == 404


def test_a_seed_may_be_any_text(client, detailed):
    location = client.get(f"/iiif/{detailed}:99x66:{quote('a b/c', safe='')}")
    assert location.status_code in (303, 404)  # a slash ends an identifier for some servers
    answer = client.get(f"/iiif/{detailed}:99x66:a%20b/full/max/0/default.png")
    picture = client.get(f"/v1/{detailed}/99x66.png?seed=a+b")
    np.testing.assert_array_equal(read_pixels(answer), read_pixels(picture))


def test_signed_identifiers():
    with open_service(keys=(KEY,)) as client:
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
