"""Markup: lines for a page whose every URL is answered, and which never make the page jump."""

import base64
import io
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from page_tags import Tags
from PIL import Image

from singan_core.errors import RequestError
from singan_runtime import markup
from singan_runtime.request import Request

DATA = Path(__file__).parent / "data"
ROOT = "https://example.org/v1/m@01234567"


def read_set(text):
    """The widths of a srcset by their URLs."""
    return {url: int(width[:-1]) for url, width in (one.split(" ") for one in text.split(", "))}


def write(placeholder=b"", **fields):
    given = {"shapes": markup.read_shapes((500, 1000), ""), **fields}
    locate = markup.locate_in_service(ROOT, given.pop("words", {"seed": "7"}))
    return Tags(markup.Markup(locate, **given).write(placeholder))


def test_a_picture_has_its_size_and_offers_every_width():
    tags = write(alt='"a" <b>')
    [image] = tags.find("img")
    assert (image["width"], image["height"], image["alt"]) == ("1000", "500", '"a" <b>')
    assert image["src"] == f"{ROOT}/1000x500.jpeg?seed=7"
    assert read_set(image["srcset"]) == {
        f"{ROOT}/{width}x{width // 2}.jpeg?seed=7": width for width in (320, 480, 640, 960, 1000)
    }
    [source] = tags.find("source")
    assert source["type"] == "image/webp" and f"{ROOT}/320x160.webp?seed=7" in source["srcset"]


def test_the_head_loads_what_the_body_will_ask_for():
    tags = write(sizes="50vw")
    [link], [source] = tags.find("link"), tags.find("source")
    assert link["rel"] == "preload" and link["as"] == "image"
    assert link["imagesrcset"] == source["srcset"] and link["imagesizes"] == "50vw"


def test_narrow_windows_get_a_shape_of_their_own():
    tags = write(shapes=markup.read_shapes((500, 1000), "900:square,600:300x400"))
    bounds = [(one.get("media"), one["width"], one["height"]) for one in tags.find("source")]
    assert bounds == [
        *[("(max-width: 600px)", "300", "400")] * 2,
        *[("(max-width: 900px)", "1080", "1080")] * 2,
        (None, "1000", "500"),
    ]
    assert [one.get("media") for one in tags.find("link")] == [
        "(max-width: 600px)",
        "(min-width: 600.02px) and (max-width: 900px)",
        "(min-width: 900.02px)",
    ]


@pytest.mark.parametrize("word", ["600", "0:1x1", "x:1x1", "600:1", "600:", ":1x1"])
def test_breakpoints_that_cannot_be_read(word):
    with pytest.raises(RequestError):
        markup.read_shapes((1, 1), word)


def test_a_small_picture_of_the_same_seed_stands_in(sampler):
    request = Request((500, 1000), seed=7)
    placeholder = markup.draw_placeholder(sampler, request)
    [image] = write(placeholder).find("img")
    data = re.search(r"url\(data:image/webp;base64,([^)]+)\)", image["style"])[1]
    assert base64.b64decode(data) == placeholder
    assert Image.open(io.BytesIO(placeholder)).size == (32, 16)
    assert len(placeholder) < 1000


def test_a_shape_too_narrow_for_a_small_picture_has_none(sampler):
    assert markup.draw_placeholder(sampler, Request((3000, 40))) == b""
    assert "style" not in write(b"").find("img")[0]


# In the service and on the command line

KEY = b"a key of many letters"


@pytest.fixture(scope="module")
def make_client():
    pytest.importorskip("starlette")
    pytest.importorskip("httpx2")
    from starlette.testclient import TestClient

    from singan_runtime.serve.app import make_app
    from singan_runtime.serve.settings import Settings

    def make(**settings):
        app = make_app(Settings(DATA / "tiny_bundle", "cpu", 1, **settings))
        return TestClient(app, base_url="http://pics.example", follow_redirects=False)

    return make


def list_urls(tags):
    sets = [one.get("srcset") or one.get("imagesrcset") for _, one in tags.found]
    urls = [url for one in sets if one for url in read_set(one)]
    return urls + [one["src"] for one in tags.find("img")]


@pytest.mark.parametrize("keys", [(), (KEY,)])
def test_every_url_of_the_markup_is_answered_with_its_size(make_client, keys):
    from singan_runtime.serve.signing import sign

    with make_client(keys=keys) as client:
        path = "/v1/tiny_bundle/picture.html?size=400x300&breakpoints=600:20x30&background=red"
        first = client.get(sign(path, KEY) if keys else path)
        assert first.status_code == 302
        answer = client.get(first.headers["location"])
        assert answer.status_code == 200
        tags = Tags(answer.text)
        [image] = tags.find("img")
        assert "data:image/webp" in image["style"]
        seeds = set()
        for url in list_urls(tags):
            assert url.startswith("http://pics.example/v1/tiny_bundle@")
            made = client.get(url)
            assert made.status_code == 200, made.text
            parts = urlsplit(url)
            size = Image.open(io.BytesIO(made.content)).size
            assert f"/{size[0]}x{size[1]}." in parts.path
            seeds.add(parse_qs(parts.query)["seed"][0])
        assert len(seeds) == 1


def test_a_zoom_shows_the_same_composition_at_every_width(make_client):
    words = "seed=1&size=640x320&zoom=1.5&breakpoints=600:64x128"
    with make_client() as client:
        first = client.get(f"/v1/tiny_bundle/picture.html?{words}")
        urls = list_urls(Tags(client.get(first.headers["location"]).text))
    heights = set()
    for parts in map(urlsplit, urls):
        height = int(re.search(r"x(\d+)\.", parts.path)[1])
        heights.add(height)
        [zoom] = parse_qs(parts.query)["zoom"]
        assert float(zoom) == pytest.approx(1.5 * height / 320, rel=1e-5)
    assert heights == {128, 160, 240, 320}


def test_only_sizes_that_are_made_are_offered(make_client):
    from singan_runtime.serve.allowed_sizes import AllowedSizes

    with make_client(sizes=AllowedSizes.parse("640x480,320x240")) as client:
        path = "/v1/tiny_bundle/picture.html?seed=1"
        answer = client.get(client.get(f"{path}&size=640x480").headers["location"])
        assert set(read_set(Tags(answer.text).find("img")[0]["srcset"]).values()) == {320, 640}
        assert client.get(f"{path}&size=641x480").status_code == 422


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("size=0x1", 400, "size"),
        ("size=99999x99999", 422, "limit"),
        ("window=1,1,1,1", 400, "window"),
        ("formats=bmp", 400, "bmp"),
        ("breakpoints=a", 400, "breakpoint"),
        ("zoom=x", 400, "zoom"),
    ],
)
def test_markup_that_cannot_be_made_is_refused(make_client, words, status, said):
    with make_client() as client:
        answer = client.get(f"/v1/tiny_bundle/picture.html?seed=1&{words}")
        assert answer.status_code == status and said in answer.json()["detail"]


def test_words_cannot_leave_their_attribute(make_client):
    with make_client() as client:
        evil = '"><script>alert(1)</script>'
        path = f"/v1/tiny_bundle@{client.get('/v1/models/tiny_bundle').json()['id']}/picture.html"
        answer = client.get(path, params={"seed": evil, "alt": evil, "sizes": evil})
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert Tags(answer.text).find("img")[0]["alt"] == evil


def test_the_command_prints_the_lines_of_the_service(make_client, tmp_path):
    from typer.testing import CliRunner

    from singan_cli.app import app

    shutil.copytree(DATA / "tiny_bundle", tmp_path / "tiny_bundle")
    (tmp_path / "keys").write_bytes(KEY)
    words = ["markup", str(tmp_path / "tiny_bundle"), "--url", "http://pics.example/"]
    words += ["--size", "400x300", "--seed", "5", "--breakpoints", "600:square", "--alt", "a scene"]
    words += ["--key-file", str(tmp_path / "keys"), "--device", "cpu"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output

    from singan_runtime.serve.signing import sign

    with make_client(keys=(KEY,)) as client:
        id = client.get("/v1/models/tiny_bundle").json()["id"]
        query = "seed=5&size=400x300&breakpoints=600:square&alt=a+scene"
        path = f"/v1/tiny_bundle@{id}/picture.html?{query}"
        assert client.get(sign(path, KEY)).text == result.output
