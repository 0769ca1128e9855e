"""Parts of pictures and clips: what a Range header gets (RFC 9110, section 14)."""

from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

BUNDLE = Path(__file__).parent / "data" / "tiny_bundle"


@pytest.fixture(scope="module")
def client():
    with TestClient(make_app(Settings(BUNDLE, "cpu", 1))) as client:
        yield client


@pytest.fixture(scope="module", params=["40x30.png", "animate/40x30.gif"])
def whole(client, request):
    """The whole file of a URL, which is known from then on."""
    path = f"/v1/tiny_bundle/{request.param}?seed=1"
    return client.get(path + "&frames=2" if "gif" in path else path)


def get(client, whole, asked, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(whole.url, headers={"Range": asked, **headers})


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-999999999", 5, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_part_is_what_the_whole_file_has_there(client, whole, asked, begin, end):
    part, size = get(client, whole, asked), len(whole.content)
    assert part.status_code == 206 and part.content == whole.content[begin:end]
    first = begin if begin >= 0 else size + begin
    last = first + len(part.content) - 1
    assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    for name in ("etag", "cache-control", "content-type", "content-disposition", "accept-ranges"):
        assert part.headers[name] == whole.headers[name]


def test_parts_put_together_are_the_file(client, whole):
    size = len(whole.content)
    parts = [get(client, whole, f"bytes={at}-{at + 99}").content for at in range(0, size, 100)]
    assert b"".join(parts) == whole.content


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(client, whole, asked):
    refused = get(client, whole, asked)
    assert refused.status_code == 416
    assert refused.headers["content-range"] == f"bytes */{len(whole.content)}"
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("asked", ["bytes=9-3", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", ""])
def test_what_is_no_single_part_gets_the_whole_file(client, whole, asked):
    answer = get(client, whole, asked)
    assert answer.status_code == 200 and answer.content == whole.content
    assert "content-range" not in answer.headers


def test_a_part_is_sent_only_of_the_file_that_the_client_has(client, whole):
    etag = whole.headers["etag"]
    assert get(client, whole, "bytes=0-9", If_Range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Sat, 01 Jan 2022 00:00:00 GMT"):
        answer = get(client, whole, "bytes=0-9", If_Range=other)
        assert answer.status_code == 200 and answer.content == whole.content
    assert get(client, whole, "bytes=0-9", If_None_Match=etag).status_code == 304


def test_a_head_has_no_parts(client, whole):
    head = client.head(whole.url, headers={"Range": "bytes=0-9"})
    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(whole.content))


def test_a_part_of_a_new_file_keeps_all_of_it(client):
    path = client.get("/v1/tiny_bundle/50x30.png?seed=5", follow_redirects=False)
    address = path.headers["location"].replace("50x30", "52x30")
    part = client.get(address, headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and len(part.content) == 10
    whole = client.get(address)
    assert whole.status_code == 200 and whole.content[:10] == part.content
    assert len(whole.content) > 100 and "content-range" not in whole.headers
