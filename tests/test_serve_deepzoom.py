"""Deep Zoom: tiles of a picture of any size, made on demand, that fit together."""

import xml.etree.ElementTree
from urllib.parse import urlsplit

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from served import open_client, read_pixels

from singan_runtime.request import Request
from singan_runtime.serve import signing
from singan_runtime.serve.allowed_sizes import AllowedSizes

KEY = b"a key of many letters"


@pytest.fixture(scope="module")
def whole(detail_sampler):
    return detail_sampler.draw(Request((700, 1100), seed=5))


def test_a_description_says_what_tiles_there_are(client, detailed):
    answer = client.get(f"/v1/{detailed}/deepzoom/1100x700.dzi?seed=5&format=png")
    assert answer.headers["content-type"] == "application/xml"
    root = xml.etree.ElementTree.fromstring(answer.text)
    assert root.attrib == {"Format": "png", "Overlap": "0", "TileSize": "512"}
    assert root[0].attrib == {"Width": "1100", "Height": "700"}


def test_tiles_fit_together_to_the_picture(client, detailed, whole):
    rows = []
    for row in range(2):
        path = f"/v1/{detailed}/deepzoom/1100x700_files/11/{{}}_{row}.png?seed=5"
        rows.append(np.hstack([read_pixels(client.get(path.format(n))) for n in range(3)]))
    np.testing.assert_array_equal(np.vstack(rows), whole)


def test_every_level_has_its_tiles_and_no_others(client, detailed):
    root = f"/v1/{detailed}/deepzoom/1100x700_files"
    for level, size in {10: (350, 512), 9: (175, 275), 1: (1, 2), 0: (1, 1)}.items():
        tile = read_pixels(client.get(f"{root}/{level}/0_0.png?seed=5"))
        assert tile.shape[:2] == size
    for wrong in ("12/0_0", "11/3_0", "11/0_2", "11/0", "11/a_0", "11/-1_0", "99999999999/0_0"):
        assert client.get(f"{root}/{wrong}.png?seed=5").status_code == 404, wrong


def test_a_description_without_a_seed_leads_to_one_with_a_seed(client, detailed):
    answer = client.get("/v1/detail_bundle/deepzoom/1100x700.dzi?format=webp")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"/v1/{detailed}/deepzoom/1100x700.dzi?seed=")
    assert client.get(f"/v1/{detailed}/deepzoom/1100x700_files/0/0_0.png").status_code == 404


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
def test_descriptions_that_cannot_be_read(client, detailed, rest):
    assert client.get(f"/v1/{detailed}/deepzoom/{rest}").status_code == 400
