"""Which models the service has, and the work of many clients at once."""

import asyncio
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

import httpx2
from served import check_problem, open_client

from singan_runtime.serve import catalogue
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"


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
