"""The service: a URL stands for one picture for ever, and a wrong one for one clear answer."""

import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image, features

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from served import check_problem, read_pixels

from singan_runtime.files.provenance import read_request
from singan_runtime.request import Request
from singan_runtime.serve import pictures, service

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


def test_a_picture_that_costs_far_more_than_its_pixels_is_refused(client, detailed):
    answer = client.get(f"/v1/{detailed}/600x400.png?seed=1&zoom=0.001")
    assert answer.status_code == 422
    assert "choose a larger zoom, or auto" in answer.json()["detail"]
    assert client.get(f"/v1/{detailed}/16x16.png?seed=1").status_code == 200
