"""Whatever a client sends, it is the client's mistake: no answer says that the service failed."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from singan_runtime.serve import clips, edits, orders
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"
NAMES = ("tiny_bundle", "detail_bundle", "marked_bundle", "rgba_bundle")


@pytest.fixture(scope="module")
def app():
    return make_app(Settings(DATA, "cpu", 1, max_pixels=3000, max_clip_pixels=6000, max_body=2000))


def ask(app, path, query=b"", method="GET", headers=(), body=b""):
    """Ask for raw bytes, which no client library has put right, and return status and body."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path.decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
    }
    messages, sent = [{"type": "http.request", "body": body}], []

    async def receive():
        if not messages:
            await asyncio.sleep(60)  # the client waits for the answer
        return messages.pop()

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), content


def check(answer):
    """An answer is a success or says in a problem document what the client is to do."""
    status, headers, content = answer
    assert status < 500, content
    if status >= 400:
        assert headers[b"content-type"] == b"application/problem+json"
        assert json.loads(content)["detail"]


ADDRESSES = {}


@pytest.fixture(scope="module", autouse=True)
def read_addresses(app):
    models = app.state.service.catalogue.models
    ADDRESSES.update({name: models[name].address for name in NAMES})


numbers = st.one_of(
    st.integers(-5, 60),
    st.sampled_from(["1e400", "-0", "nan", "inf", "1_0", "٣", "0x10", "1e-300", "2.5", str(2**64)]),
).map(str)
words = st.one_of(numbers, st.text(max_size=8), st.sampled_from(["auto", "area", "xy", "sun", ""]))
lists = st.lists(words, max_size=5).map(",".join)
values = st.one_of(words, lists, st.lists(lists, max_size=3).map(";".join))
names = st.one_of(
    st.sampled_from((*orders.PARAMETERS, *clips.PARAMETERS, "size", "s", "format")),
    st.text(max_size=6),
)
queries = st.lists(st.tuples(names, values), max_size=6)
raw = st.binary(max_size=40)
sizes = st.one_of(
    st.tuples(st.integers(0, 70), st.integers(0, 70)).map(lambda size: f"{size[0]}x{size[1]}"),
    st.sampled_from(["1048576x1", "1048577x1", "999999999x999999999", "phone", "1x", "x"]),
    st.text(max_size=10),
)
places = st.sampled_from(["", "/animate", "/deepzoom"])
steps = st.one_of(st.sampled_from([b"v1", b"iiif", b"models", b"..", b"metrics"]), raw)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "BREW"])
endings = st.sampled_from([".png", ".jpeg", ".webp", ".gif", ".html", ".dzi", "", ".PNG"])


def encode(pairs):
    from urllib.parse import urlencode

    return urlencode(pairs, errors="surrogatepass").encode()


@settings(max_examples=250)
@given(
    st.sampled_from(NAMES), st.sampled_from(["", "/animate", "/deepzoom"]), sizes, endings, queries
)
def test_words_of_pictures_and_clips(app, name, place, size, ending, pairs):
    pairs = [("seed", "1"), *((one, word) for one, word in pairs if one != "seed")]
    pairs.append(("frames", "2")) if place == "/animate" else None
    path = f"/v1/{ADDRESSES[name]}{place}/{size}{ending}"
    check(ask(app, path.encode("utf-8", "surrogatepass"), encode(pairs)))


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(st.sampled_from([b"v1", b"iiif", b"models", b"..", b"metrics"]), raw), max_size=6
    ),
    raw,
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "BREW"]),
)
def test_raw_bytes(app, parts, query, method):
    check(ask(app, b"/" + b"/".join(parts), query, method))


@settings(max_examples=100)
@given(st.sampled_from(NAMES), sizes, st.lists(words, min_size=4, max_size=4), endings)
def test_words_of_iiif(app, name, size, parts, ending):
    path = f"/iiif/{ADDRESSES[name]}:{size}:1/" + "/".join(parts) + ending
    check(ask(app, path.encode("utf-8", "surrogatepass")))


fields = st.sampled_from(["image", "mask", "size", "seed", "keep", "start_scale", "reach", "other"])
parts = st.lists(
    st.tuples(fields, st.booleans(), st.one_of(raw, words.map(str.encode))), max_size=5
)


@settings(max_examples=150)
@given(st.sampled_from(NAMES), st.sampled_from(sorted(edits.PARAMETERS)), parts, raw, st.booleans())
def test_forms(app, name, application, parts, junk, is_whole):
    lines = []
    for field, is_file, content in parts:
        file = '; filename="x"' if is_file else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'
        lines.append(head.encode() + content + b"\r\n")
    body = b"".join(lines) + (b"--b--\r\n" if is_whole else junk)
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    check(ask(app, f"/v1/{name}/{application}".encode(), b"", "POST", headers, body))


@settings(max_examples=100)
@given(raw, raw, raw)
def test_headers(app, tags, kind, body):
    headers = [(b"if-none-match", tags), (b"content-type", kind), (b"x-request-id", tags)]
    path = f"/v1/{ADDRESSES['tiny_bundle']}/30x20.png".encode()
    check(ask(app, path, b"seed=1", "GET", headers))
    headers += [(b"content-length", tags), (b"accept", kind), (b"host", kind)]
    check(ask(app, b"/v1/tiny_bundle/paint", b"", "POST", headers, body))
