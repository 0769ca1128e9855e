"""What the service may be told to refuse: unsigned URLs, other sizes, too much, other origins."""

import base64
import hashlib
import hmac
import os
import signal
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from served import serve
from starlette.testclient import TestClient
from typer.testing import CliRunner

from singan_cli.app import app as commands
from singan_core.errors import RequestError
from singan_runtime.serve import rates, signing
from singan_runtime.serve.allowed_sizes import AllowedSizes
from singan_runtime.serve.app import make_app
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Service
from singan_runtime.serve.settings import Settings

TINY = Path(__file__).parent / "data" / "tiny_bundle"
OLD, NEW = b"an old key of many letters", b"a new key of many letters"


def open_client(**settings):
    app = make_app(Settings(TINY, "cpu", 1, **settings))
    return TestClient(app, follow_redirects=False)


def find_address(client):
    [model] = client.get("/v1/models").json()["models"]
    return f"/v1/tiny_bundle@{model['id']}"


# Signatures


def test_nothing_unsigned_is_made(monkeypatch):
    with open_client(keys=(NEW, OLD)) as client:
        path = f"{find_address(client)}/40x30.png?seed=1"
        for key in (OLD, NEW):
            assert client.get(signing.sign(path, key)).status_code == 200
        signed = signing.sign(path, NEW)
        monkeypatch.setattr(Service, "_find_kept", None)
        for wrong in (
            path,
            path + "&s=",
            path + "&s=\xff",
            signed[:-1],
            signed.replace("seed=1", "seed=2"),
            signed.replace("40x30", "30x40"),
            signed + "&zoom=2",
            signed.replace("&s=", "&z="),
            signing.sign(path, b"another key of many letters"),
            f"{find_address(client)}/40x30.png",
        ):
            answer = client.get(wrong, headers={"If-None-Match": "*"})
            assert answer.status_code == 403, wrong
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_signature_is_an_hmac_that_anyone_can_compute():
    digest = hmac.new(NEW, b"/v1/a/1x1.png?seed=1", hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert signing.sign("/v1/a/1x1.png?seed=1", NEW) == f"/v1/a/1x1.png?seed=1&s={signature}"


def test_a_signed_url_without_a_seed_leads_to_a_signed_one():
    with open_client(keys=(NEW,)) as client:
        answer = client.get(signing.sign("/v1/tiny_bundle/40x30.png", NEW))
        assert answer.status_code == 302
        assert client.get(answer.headers["location"]).status_code == 200


def test_a_file_of_keys(tmp_path):
    path = tmp_path / "keys"
    path.write_bytes(NEW + b"\n\n" + OLD + b"\r\n")
    assert signing.read_keys(path) == (NEW, OLD)
    for content in (b"", b"\n", b"short\n" + NEW):
        path.write_bytes(content)
        with pytest.raises(RequestError, match="16 characters"):
            signing.read_keys(path)
    with pytest.raises(RequestError, match="cannot be read"):
        signing.read_keys(tmp_path / "missing")


# Sizes


def test_only_listed_sizes_are_made():
    with open_client(sizes=AllowedSizes.parse("thumbnail,60x40")) as client:
        root = find_address(client)
        assert client.get(f"{root}/60x40.png?seed=1").status_code == 200
        assert client.get(f"{root}/30x20.png?seed=1&dpr=2").status_code == 200
        refused = client.get(f"{root}/61x40.png?seed=1")
        assert refused.status_code == 422 and "320x240, 60x40" in refused.json()["detail"]
        window = client.get(f"{root}/60x40.png?seed=1&window=0,0,10,10")
        assert window.status_code == 422 and "windows" in window.json()["detail"]


def test_other_sizes_lead_to_the_next_round_one():
    with open_client(sizes=AllowedSizes.parse("32")) as client:
        root = find_address(client)
        answer = client.get(f"{root}/20x15.png?seed=7&dpr=2")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"{root}/64x32.png?seed=7"
        assert client.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("word", ["0", "-1", "1x", "a,b", "\u0663"])
def test_sizes_that_cannot_be_read(word):
    with pytest.raises(RequestError):
        AllowedSizes.parse(word)


# Rates


def test_a_client_gets_so_many_files_a_minute_made():
    with open_client(rate=2) as client:
        root = find_address(client)
        answers = [client.get(f"{root}/40x30.png?seed={n}") for n in (1, 2, 1, 3)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 30
        assert client.get(f"{root}/40x30.png?seed=1").status_code == 200  # nothing is made


def test_buckets_fill_again_and_belong_to_networks(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rates.time, "monotonic", lambda: now[0])
    counted = rates.Rates(2)
    for address in ("2001:db8::1", "2001:db8::ffff"):
        counted.count(address)
    with pytest.raises(Problem):
        counted.count("2001:db8::2")
    counted.count("192.0.2.1")
    now[0] = 30.0
    counted.count("2001:db8::2")
    with pytest.raises(Problem):
        counted.count("2001:db8::2")


# Origins, proxies, downloads


def test_scripts_of_a_page_may_read_answers_if_it_is_listed():
    with open_client(origins=("https://a.example",)) as client:
        origin = client.get("/v1/models", headers={"Origin": "https://a.example"})
        assert origin.headers["access-control-allow-origin"] == "https://a.example"
        other = client.get("/v1/models", headers={"Origin": "https://b.example"})
        assert "access-control-allow-origin" not in other.headers
    with open_client() as client:
        plain = client.get("/v1/models", headers={"Origin": "https://a.example"})
        assert "access-control-allow-origin" not in plain.headers


def test_a_browser_is_told_a_name_to_save_under():
    with open_client() as client:
        path = f"{find_address(client)}/40x30.jpeg?seed=5"
        shown, saved = client.get(path), client.get(path + "&download=1")
        assert shown.headers["content-disposition"] == (
            'inline; filename="tiny_bundle_40x30_5.jpg"'
        )
        assert saved.headers["content-disposition"].startswith("attachment; ")
        assert shown.content == saved.content


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_behind_a_proxy_redirects_keep_the_path_and_the_log_has_the_client(tmp_path):
    keys = tmp_path / "keys"
    keys.write_bytes(NEW)
    with serve(TINY, "--root-path", "/pics/", "--key-file", str(keys)) as served:
        path = signing.sign("/v1/tiny_bundle/40x30.png?seed=1", NEW)
        # The proxy takes /pics off; urllib follows the redirect as a browser outside would.
        redirected = open_without_following(served.url + path)
        assert redirected.startswith("/pics/v1/tiny_bundle@")
        inside = redirected.removeprefix("/pics")
        assert served.get(inside, **{"X-Forwarded-For": "192.0.2.7"}).status == 200
        _, lines = served.stop(signal.SIGTERM)
    assert [line["client"] for line in lines] == ["127.0.0.1", "192.0.2.7"]


def open_without_following(url):
    import urllib.error
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        urllib.request.build_opener(Stay).open(url)
    except urllib.error.HTTPError as error:
        return error.headers["location"]
    raise AssertionError("not redirected")


def test_options_that_cannot_be_read_are_usage_errors():
    for option, word in (("--sizes", "0x"), ("--root-path", "pics"), ("--rate", "0")):
        result = CliRunner().invoke(commands, ["serve", str(TINY), option, word])
        assert result.exit_code == 2, result.output


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("60x40", {"listed": [{"width": 60, "height": 40}], "step": 1}),
        ("32", {"listed": [], "step": 32}),
        (None, {"listed": [], "step": 1}),
    ],
)
def test_the_list_of_models_says_which_sizes_are_made(word, told):
    settings = {} if word is None else {"sizes": AllowedSizes.parse(word)}
    with open_client(**settings) as client:
        assert client.get("/v1/models").json()["sizes"] == told
