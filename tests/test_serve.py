"""The service: a URL stands for one picture for ever, and a wrong one for one clear answer."""

import asyncio
import hashlib
import io
import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

import httpx2
from starlette.testclient import TestClient

from singan_runtime.files.provenance import read_request
from singan_runtime.request import Request
from singan_runtime.serve import catalogue, pictures, service
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"


def open_client(folder=DATA, **settings):
    app = make_app(Settings(folder, device="cpu", threads=1, **settings))
    return TestClient(app, follow_redirects=False)


@pytest.fixture(scope="module")
def client():
    with open_client() as opened:
        yield opened


@pytest.fixture(scope="module")
def tiny(client):
    """The address of the tiny bundle: its name and id."""
    return "tiny_bundle@" + client.get("/v1/models/tiny_bundle").json()["id"]


def read_pixels(answer):
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def check_problem(answer, status, *words):
    """The answer is a problem document of a status whose one line has the words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    described = answer.json()
    assert described["status"] == status
    assert set(described) == {"type", "title", "status", "detail"}
    for word in words:
        assert word in described["detail"]


# Pictures


def test_a_full_url_is_the_samplers_picture(client, tiny, sampler):
    answer = client.get(f"/v1/{tiny}/60x40.png?seed=5&zoom=1.2")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    drawn = sampler.sample((40, 60), seed=5, zoom=1.2)[0]
    np.testing.assert_array_equal(read_pixels(answer), drawn)


def test_a_png_holds_the_request_that_repeats_it(client, tiny):
    answer = client.get(f"/v1/{tiny}/60x40.png?seed=7&variation=2")
    text = json.loads(Image.open(io.BytesIO(answer.content)).info["singan"])
    assert (text["size"], text["seed"], text["variation"]) == ("60x40", 7, 2)


def test_a_picture_of_any_format_says_where_it_comes_from(client, tiny, tmp_path):
    for ending in ("png", "jpeg", "webp"):
        path = tmp_path / f"picture.{ending}"
        path.write_bytes(client.get(f"/v1/{tiny}/60x40.{ending}?seed=7").content)
        assert read_request(path) == Request((40, 60), 7)


def test_quality_makes_smaller_files(client, tiny):
    root = f"/v1/{tiny}/60x40"
    low, high = (client.get(f"{root}.jpeg?seed=1&quality={one}") for one in (20, 95))
    assert len(low.content) < len(high.content)
    assert low.headers["etag"] != high.headers["etag"]
    check_problem(client.get(f"{root}.png?seed=1&quality=20"), 400, "quality")
    check_problem(client.get(f"{root}.jpeg?seed=1&quality=101"), 400, "1 to 100")


@pytest.mark.parametrize(
    ("ending", "format"), [("png", "PNG"), ("jpeg", "JPEG"), ("jpg", "JPEG"), ("webp", "WEBP")]
)
def test_the_ending_says_the_format(client, tiny, ending, format):
    answer = client.get(f"/v1/{tiny}/50x30.{ending}?seed=1")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == (format, (50, 30))
    assert answer.headers["content-type"] == f"image/{format.lower()}"


def test_a_window_is_the_slice_of_the_whole(client, tiny):
    whole = read_pixels(client.get(f"/v1/{tiny}/90x60.png?seed=2"))
    part = read_pixels(client.get(f"/v1/{tiny}/90x60.png?seed=2&window=10,20,30,25"))
    np.testing.assert_array_equal(part, whole[20:45, 10:40])


def test_a_picture_of_parts_is_the_picture(detail_sampler, monkeypatch):
    request = Request(size=(70, 90), seed=3)
    whole = detail_sampler.draw(request)
    monkeypatch.setattr(pictures, "PART", 1000)
    asked = []
    parts = pictures.draw_parts(detail_sampler, request, lambda: asked.append(1))
    np.testing.assert_array_equal(parts, whole)
    assert len(asked) == 8


def test_names_of_screens_and_widths_in_css_pixels(client, tiny):
    for name, size in {
        "thumbnail.png?seed=1": (320, 240),
        "thumbnail.png?seed=1&w=80": (80, 60),
        "thumbnail.png?seed=1&w=40&dpr=2": (80, 60),
        "60x40.png?seed=1&dpr=1.5": (90, 60),
    }.items():
        answer = client.get(f"/v1/{tiny}/{name}")
        assert Image.open(io.BytesIO(answer.content)).size == size
        exact = f"/v1/{tiny}/{size[0]}x{size[1]}.png?seed=1"
        assert answer.headers["content-location"] == exact


def test_avif_is_made_where_pillow_can(client, tiny):
    answer = client.get(f"/v1/{tiny}/60x40.avif?seed=1")
    if not features.check("avif"):
        check_problem(answer, 501, "AVIF")
        return
    assert answer.headers["content-type"] == "image/avif"
    assert Image.open(io.BytesIO(answer.content)).size == (60, 40)


def test_what_is_transparent_falls_on_the_background(client):
    id = client.get("/v1/models/rgba_bundle").json()["id"]
    red, blue = (
        read_pixels(client.get(f"/v1/rgba_bundle@{id}/40x30.jpeg?seed=1&background={colour}"))
        for colour in ("red", "%230000ff")
    )
    assert red[..., 0].mean() > blue[..., 0].mean()
    assert red[..., 2].mean() < blue[..., 2].mean()


# Seeds, ids and redirects


def test_any_text_is_a_seed(client, tiny):
    number = int.from_bytes(hashlib.sha256(b"visitor 42").digest()[:8], "big")
    worded = client.get(f"/v1/{tiny}/40x30.png?seed=visitor+42")
    numbered = client.get(f"/v1/{tiny}/40x30.png?seed={number}")
    assert worded.content == numbered.content
    assert worded.headers["etag"] == numbered.headers["etag"]
    assert worded.headers["content-location"].endswith(f"?seed={number}")


@pytest.mark.parametrize("seed", ["", "-1", "007", "18446744073709551616", "1.5", "\u96ea"])
def test_what_is_no_number_of_64_bits_is_hashed(client, tiny, seed):
    answer = client.get(f"/v1/{tiny}/40x30.png", params={"seed": seed})
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    assert answer.headers["content-location"].endswith(f"?seed={number}")


def test_a_url_without_a_seed_leads_to_one_with_a_seed(client, tiny):
    first, second = (client.get(f"/v1/{tiny}/40x30.webp?variation=2") for _ in range(2))
    assert first.status_code == 302
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["location"] != second.headers["location"]
    followed = client.get(first.headers["location"])
    assert followed.status_code == 200
    assert "variation=2" in str(followed.url)


def test_a_url_without_an_id_leads_to_the_model_as_it_is_now(client, tiny):
    answer = client.get("/v1/tiny_bundle/40x30.webp?seed=a+b%26c")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/v1/{tiny}/40x30.webp?seed=a+b%26c"


def test_a_model_with_another_id_is_gone(client, tiny):
    check_problem(client.get("/v1/tiny_bundle@00000000/40x30.png?seed=1"), 410, tiny)


@pytest.mark.parametrize("path", ["/v1/nobody/40x30.png", "/v1/tiny_bundle@12/40x30.png", "/v3"])
def test_what_is_not_there_is_not_found(client, path):
    check_problem(client.get(path), 404)


# Caching


def test_a_full_url_may_be_kept_for_ever(client, tiny):
    answer = client.get(f"/v1/{tiny}/40x30.png?seed=1")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"].strip('"').isalnum()


def test_who_has_the_picture_is_told_so_without_work(client, tiny, monkeypatch):
    path = f"/v1/{tiny}/41x31.png?seed=1"
    tag = client.get(path).headers["etag"]
    monkeypatch.setattr(service.Service, "_make", None)  # nothing can be made
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag


def test_what_was_asked_for_before_is_answered_without_a_route(client, tiny, monkeypatch):
    path = f"/v1/{tiny}/42x31.png?seed=1"
    first = client.get(path)
    monkeypatch.setattr(service.Service, "find_model", None)  # no route can answer
    again = client.get(path)
    assert (again.status_code, again.content) == (200, first.content)
    own = {"x-request-id", "content-length"}
    assert {one: again.headers[one] for one in first.headers if one not in own} == {
        one: first.headers[one] for one in first.headers if one not in own
    }
    assert client.get(path.replace("seed=1", "seed=2")).status_code == 500


def test_urls_are_forgotten_when_models_are_read_anew(tmp_path):
    folder = copy_models(tmp_path, "tiny_bundle")
    with open_client(folder) as client:
        model = client.get("/v1/models/tiny_bundle").json()
        path = f"/v1/tiny_bundle@{model['id']}/40x30.png?seed=1"
        assert client.get(path).status_code == 200
        shutil.rmtree(folder / "tiny_bundle")
        shutil.copytree(DATA / "grey_bundle", folder / "tiny_bundle")
        client.app.state.service.catalogue.read()
        check_problem(client.get(path), 410)


def test_the_tag_tells_what_differs(client, tiny):
    paths = ("40x30.png?seed=1", "40x30.png?seed=2", "40x31.png?seed=1", "40x30.webp?seed=1")
    tags = {client.get(f"/v1/{tiny}/{path}").headers["etag"] for path in paths}
    assert len(tags) == len(paths)
    assert len({*tags, client.get(f"/v1/{tiny}/40x30.png?zoom=auto&seed=1").headers["etag"]}) == 4


def test_head_says_what_get_would(client, tiny):
    path = f"/v1/{tiny}/44x30.png?seed=1"
    same = {"X-Request-ID": "1"}
    head, get = client.head(path, headers=same), client.get(path, headers=same)
    assert head.content == b""
    assert {**head.headers} == {**get.headers}


# Wrong requests


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("40x30.bmp?seed=1", ["format", ".png"]),
        ("40x30?seed=1", ["format"]),
        ("fullhdd.png?seed=1", ["did you mean fullhd"]),
        ("40x30.png?seed=1&colour=red", ["colour", "zoom"]),
        ("40x30.png?seed=1&seed=2", ["twice"]),
        ("40x30.png?seed=1&size=4x4", ["size"]),
        ("40x30.png?seed=1&zoom=-1", ["zoom"]),
        ("40x30.png?seed=1&zoom=nan", ["zoom"]),
        ("40x30.png?seed=1&variation=11", ["variation"]),
        ("40x30.png?seed=1&window=0,0,50,10", ["window"]),
        ("40x30.png?seed=1&background=none", ["colour"]),
        ("40x30.png?seed=1&dpr=0", ["dpr"]),
        ("40x30.png?seed=1&w=1e99", ["w "]),
        ("0x30.png?seed=1", ["size"]),
        ("40x30.png?seed=1&tileable=z", ["tileable"]),
    ],
)
def test_what_cannot_be_read_is_refused(client, tiny, rest, words):
    check_problem(client.get(f"/v1/{tiny}/{rest}"), 400, *words)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("40x30.png?seed=1&start_scale=9", ["start scale 9"]),
        ("40x30.png?seed=1&keep=dog", ["detail"]),
        ("9000x9000.png?seed=1", ["81000000 pixels", "limit"]),
        ("20000x100.webp?seed=1", ["webp"]),
    ],
)
def test_what_the_model_cannot_draw_is_refused(client, tiny, rest, words):
    check_problem(client.get(f"/v1/{tiny}/{rest}"), 422, *words)


def test_a_query_may_not_be_endless(client, tiny):
    check_problem(client.get(f"/v1/{tiny}/40x30.png?seed={'1' * 5000}"), 414)


def test_pictures_cannot_be_posted(client, tiny):
    check_problem(client.post(f"/v1/{tiny}/40x30.png"), 405)


def test_large_pictures_are_refused_before_any_work(client, tiny, monkeypatch):
    monkeypatch.setattr(service.Service, "_make", None)
    check_problem(client.get(f"/v1/{tiny}/7680x4321.png?seed=1"), 422)


# Models


def test_models_say_what_they_are(client, tiny):
    models = {one["name"]: one for one in client.get("/v1/models").json()["models"]}
    assert {"tiny_bundle", "detail_bundle", "marked_bundle"} <= set(models)
    one = models["tiny_bundle"]
    assert one == client.get(f"/v1/models/{tiny}").json()
    assert (one["width"], one["height"], one["channels"]) == (48, 32, 3)
    path = one["pictures"].format(width=40, height=30, format="png", seed=1)
    assert client.get(path).status_code == 200


def test_screens_have_sizes(client):
    screens = client.get("/v1/screens").json()["screens"]
    assert screens["fullhd"] == {"width": 1920, "height": 1080}


def test_a_bundle_folder_may_be_served_alone(tiny_bundle):
    with open_client(tiny_bundle) as client:
        assert [one["name"] for one in client.get("/v1/models").json()["models"]] == ["tiny_bundle"]


def test_models_used_last_are_open(monkeypatch):
    with open_client(max_models=1) as client:
        opened = client.app.state.service.catalogue._open
        for name in ("tiny_bundle", "grey_bundle"):
            model = client.get(f"/v1/models/{name}").json()
            client.get(f"/v1/{name}@{model['id']}/40x30.png?seed=1")
            assert list(opened) == [model["identity"]]


def copy_models(folder, *names):
    for name in names:
        shutil.copytree(DATA / name, folder / name)
    return folder


def test_a_folder_whose_name_no_url_can_have_is_left_out(tmp_path, caplog):
    copy_models(tmp_path, "tiny_bundle")
    shutil.copytree(DATA / "tiny_bundle", tmp_path / "Bad Name")
    shutil.copytree(DATA / "tiny_bundle", tmp_path / "models")
    with open_client(tmp_path) as client:
        assert len(client.get("/v1/models").json()["models"]) == 1
    assert "Bad Name" in caplog.text and "a-z" in caplog.text


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(catalogue.BundleError, match="holds no bundle that can be served"):
        make_app(Settings(tmp_path, device="cpu"))
    with pytest.raises(catalogue.BundleError, match="name a folder of bundles"):
        make_app(Settings(tmp_path / "missing", device="cpu"))


def test_a_replaced_model_is_never_served_under_the_old_id(tmp_path):
    folder = copy_models(tmp_path, "tiny_bundle")
    with open_client(folder) as client:
        old = client.get("/v1/models/tiny_bundle").json()["id"]
        shutil.rmtree(folder / "tiny_bundle")
        shutil.copytree(DATA / "grey_bundle", folder / "tiny_bundle")
        check_problem(client.get(f"/v1/tiny_bundle@{old}/40x30.png?seed=1"), 410)
        new = client.get("/v1/models/tiny_bundle").json()["id"]
        assert client.get(f"/v1/tiny_bundle@{new}/40x30.png?seed=1").status_code == 200


def test_a_damaged_model_leaves_the_others_alone(tmp_path):
    folder = copy_models(tmp_path, "tiny_bundle", "grey_bundle")
    with open_client(folder) as client:
        ids = {one["name"]: one["id"] for one in client.get("/v1/models").json()["models"]}
        (folder / "tiny_bundle" / "scale_01.onnx").write_bytes(b"damage")
        path = f"/v1/tiny_bundle@{ids['tiny_bundle']}/40x30.png?seed=1"
        check_problem(client.get(path), 503, "damaged")
        other = client.get(f"/v1/grey_bundle@{ids['grey_bundle']}/40x30.png?seed=1")
        assert other.status_code == 200

        shutil.copy(DATA / "tiny_bundle" / "scale_01.onnx", folder / "tiny_bundle")
        assert client.get(path).status_code == 200


# Many at once


async def ask(app, *paths):
    """Ask for paths at the same time."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await asyncio.gather(*(client.get(path) for path in paths))


class SlowMaker:
    """Stands in for drawing a picture: waits until it is let go, and counts."""

    def __init__(self, monkeypatch):
        self.calls, self.go = 0, threading.Event()
        monkeypatch.setattr("singan_runtime.serve.pictures.draw_parts", self)

    def __call__(self, sampler, request, check):
        self.calls += 1
        while not self.go.wait(0.01):
            check()
        return np.zeros((30, 40, 3), np.uint8)


def make_small_app(**settings):
    app = make_app(Settings(DATA / "tiny_bundle", device="cpu", threads=1, **settings))
    [model] = app.state.service.catalogue.models.values()
    return app, f"/v1/{model.address}/40x30.png?seed="


def test_the_same_picture_is_made_once_for_all(monkeypatch):
    maker = SlowMaker(monkeypatch)
    app, path = make_small_app()
    threading.Timer(0.3, maker.go.set).start()
    answers = asyncio.run(ask(app, *[path + "1"] * 20))
    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == 1
    assert maker.calls == 1


def test_what_is_too_much_is_refused_with_a_time_to_come_back(monkeypatch):
    maker = SlowMaker(monkeypatch)
    app, path = make_small_app(workers=1, queue=2)
    threading.Timer(0.3, maker.go.set).start()
    answers = asyncio.run(ask(app, *[f"{path}{seed}" for seed in range(5)]))
    assert sorted(one.status_code for one in answers) == [200, 200, 503, 503, 503]
    refused = next(one for one in answers if one.status_code == 503)
    check_problem(refused, 503, "ask again")
    assert int(refused.headers["retry-after"]) >= 1
    assert asyncio.run(ask(app, path + "9"))[0].status_code == 200


def test_what_takes_too_long_is_given_up(monkeypatch):
    maker = SlowMaker(monkeypatch)
    app, path = make_small_app(timeout=0.1)
    [answer] = asyncio.run(ask(app, path + "1"))
    check_problem(answer, 503, "0.1 s")
    maker.go.set()
    assert asyncio.run(ask(app, path + "1"))[0].status_code == 200

    # What was given up ends by itself, in its own thread.
    until = time.monotonic() + 30
    while app.state.service.jobs.active and time.monotonic() < until:
        time.sleep(0.01)
    assert app.state.service.jobs.active == 0


def test_a_client_that_goes_away_ends_its_work(monkeypatch):
    maker = SlowMaker(monkeypatch)
    app, path = make_small_app()
    address, _, query = path.partition("?")
    stopped = threading.Event()
    watch = maker.__call__

    def notice(sampler, request, check):
        try:
            return watch(sampler, request, check)
        finally:
            stopped.set()

    monkeypatch.setattr("singan_runtime.serve.pictures.draw_parts", notice)

    async def go_away():
        messages = [{"type": "http.request"}]
        sent = []

        async def receive():
            await asyncio.sleep(0.1)
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": address, "headers": []}
        await app({**scope, "query_string": f"{query}1".encode()}, receive, send)
        return sent

    sent = asyncio.run(go_away())
    assert sent[0]["status"] == 499
    assert stopped.wait(5)


def test_a_failure_inside_is_told_and_passes(monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("a fault")

    app, path = make_small_app()
    with monkeypatch.context() as patch:
        patch.setattr("singan_runtime.serve.pictures.draw_parts", fail)
        check_problem(asyncio.run(ask(app, path + "1"))[0], 500)
    assert "a fault" in caplog.text
    assert asyncio.run(ask(app, path + "1"))[0].status_code == 200
