"""The page of the service: whole, from the service alone, and kept by browsers for ever."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "singan_runtime" / "serve" / "page"
TINY = Path(__file__).parent / "data" / "tiny_bundle"
NAMESPACE = "http://www.w3.org/2000/svg"  # a name, from which nothing is read


@pytest.fixture(scope="module")
def client():
    return TestClient(make_app(Settings(TINY, "cpu", 1)))


@pytest.fixture(scope="module")
def named(client):
    """The files that the document names."""
    return re.findall(r'(?:href|src)="([^#"][^"]*)"', client.get("/").text)


def test_the_document_is_asked_for_anew_and_sent_only_if_it_has_changed(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content


def test_the_document_allows_nothing_from_elsewhere(client):
    policy = client.get("/").headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "base-uri 'none'"} <= {*policy}
    assert "unsafe" not in str(policy) and "*" not in str(policy)


def test_the_files_that_the_document_names_are_kept_for_ever(client, named):
    assert len(named) >= 5
    media = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name in named:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].partition(";")[0] == media[name.rpartition(".")[2]]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_of_another_version_is_not_there(client, named):
    version = named[0].split("/")[1]
    for name in (named[0].replace(version, "0" * 12), f"page/{version}/nothing.js"):
        answer = client.get(f"/{name}")
        assert answer.status_code == 404 and "load the page anew" in answer.json()["detail"]


def test_every_file_is_used(client, named):
    """From the document on, files name one another, and no others."""
    text = "".join(file.read_text("utf-8") for file in FOLDER.glob("*.js"))
    imported = set(re.findall(r'from "\./([\w.]+)"', text))
    used = imported | {name.rpartition("/")[2] for name in named} | {"index.html"}
    assert used == {file.name for file in FOLDER.iterdir()}


def test_no_file_has_an_outside_address():
    for file in FOLDER.iterdir():
        text = file.read_text("utf-8").replace(NAMESPACE, "")
        assert not re.search(r"https?:|//\w+\.\w", text), file.name


def test_the_document_works_below_any_path(named):
    """A proxy may have the service at a path of its own: all addresses are relative."""
    assert not [name for name in named if name.startswith("/")]
    assert '"/v1' not in (FOLDER / "source.js").read_text("utf-8")


def test_only_one_module_asks_the_service():
    """Pictures may one day come from elsewhere, such as an engine inside the browser."""
    asking = re.compile(r"(?<![.\w])(fetch|XMLHttpRequest|EventSource|WebSocket)\b\(")
    found = [file.name for file in FOLDER.glob("*.js") if asking.search(file.read_text("utf-8"))]
    assert found == ["source.js"]


def test_a_service_of_signed_urls_says_why_it_has_no_page():
    client = TestClient(make_app(Settings(TINY, "cpu", 1, keys=(b"k" * 16,))))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "cannot sign" in answer.json()["detail"] and "--key-file" in answer.json()["detail"]


def test_the_document_says_whether_photos_are_trained():
    app = make_app(Settings(TINY, "cpu", 1))
    assert 'data-training="off"' in TestClient(app).get("/").text
    app.state.service.trainings = object()
    assert 'data-training="on"' in TestClient(app).get("/").text


def test_every_file_is_in_the_wheel():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    [pattern] = data["package-data"]["singan_runtime.serve"]
    for file in FOLDER.iterdir():
        assert fnmatch.fnmatch(f"page/{file.name}", pattern)
