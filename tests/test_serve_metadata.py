"""Files of the service say how they were made, unless it is told to leave that out."""

import io
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner

from singan_cli.app import app as commands
from singan_core.metadata import SOURCE_TYPE
from singan_runtime.serve import server
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

BUNDLE = Path(__file__).parent / "data" / "tiny_bundle"


def open_client(has_metadata):
    return TestClient(make_app(Settings(BUNDLE, "cpu", 1, has_metadata=has_metadata)))


def ask(client, kind):
    if kind == "retarget":
        form = {"size": (None, "40x30"), "seed": (None, "1")}
        return client.post("/v1/tiny_bundle/retarget", files=form)
    return client.get(f"/v1/tiny_bundle/{kind}?seed=1")


def read_pixels(answer):
    with Image.open(io.BytesIO(answer.content)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize("kind", ["40x30.png", "40x30.webp", "animate/40x30.gif", "retarget"])
def test_without_metadata_the_pixels_are_the_same_and_nothing_is_said(kind):
    with open_client(True) as usual, open_client(False) as silent:
        told, untold = ask(usual, kind), ask(silent, kind)
    assert told.status_code == untold.status_code == 200
    assert SOURCE_TYPE.encode() in told.content
    assert SOURCE_TYPE.encode() not in untold.content and b"seed" not in untold.content
    assert read_pixels(told) == read_pixels(untold)
    if kind != "retarget":
        assert told.headers["etag"] != untold.headers["etag"]


def test_a_cache_that_both_share_keeps_them_apart(tmp_path):
    for has_metadata in (True, False, True):
        settings = Settings(BUNDLE, "cpu", 1, cache_folder=tmp_path, has_metadata=has_metadata)
        with TestClient(make_app(settings)) as client:
            found = SOURCE_TYPE.encode() in ask(client, "40x30.png").content
        assert found == has_metadata


def test_the_option_reaches_the_service(monkeypatch):
    seen = []
    monkeypatch.setattr(server, "run", lambda settings, *where: seen.append(settings))
    for words in ([], ["--no-metadata"]):
        assert CliRunner().invoke(commands, ["serve", str(BUNDLE), *words]).exit_code == 0
    assert [settings.has_metadata for settings in seen] == [True, False]
