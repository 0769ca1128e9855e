"""Clips from URLs, and edits of pictures that are sent to the service."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx2")
pytest.importorskip("python_multipart")

from starlette.testclient import TestClient

from singan_core import images
from singan_runtime.clips import animation
from singan_runtime.edits import editing, retarget
from singan_runtime.sampler import Sampler
from singan_runtime.serve import signing
from singan_runtime.serve.app import make_app
from singan_runtime.serve.service import Service
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"


def open_client(**settings):
    return TestClient(make_app(Settings(DATA, "cpu", 1, **settings)), follow_redirects=False)


@pytest.fixture(scope="module")
def client():
    with open_client() as opened:
        yield opened


def find_address(client, name="tiny_bundle"):
    return f"/v1/{name}@" + client.get(f"/v1/models/{name}").json()["id"]


def read_pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


# Clips


def test_a_clip_is_the_animation(client, sampler):
    answer = client.get(f"{find_address(client)}/animate/48x32.png?seed=3&frames=4&fps=8&loop=1")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    clip = Image.open(io.BytesIO(answer.content))
    assert (clip.n_frames, clip.info["duration"], clip.info["loop"]) == (4, 125.0, 0)
    walk = animation.Walk(frames=4, seed=3, loop=True)
    for number, frame in enumerate(animation.animate(sampler, walk, (32, 48))):
        clip.seek(number)
        np.testing.assert_array_equal(np.asarray(clip.convert("RGB")), frame)


@pytest.mark.parametrize("ending", ["gif", "webp", "mp4", "webm"])
def test_clips_have_the_format_of_their_ending(client, ending):
    if ending in ("mp4", "webm"):
        pytest.importorskip("imageio_ffmpeg")
    answer = client.get(f"{find_address(client)}/animate/48x32.{ending}?seed=3&frames=3")
    assert answer.status_code == 200
    kind = "video" if ending in ("mp4", "webm") else "image"
    assert answer.headers["content-type"] == f"{kind}/{ending}"
    assert f"_48x32_3.{ending}" in answer.headers["content-disposition"]


def test_a_clip_without_a_seed_leads_to_one_with_a_seed(client):
    answer = client.get("/v1/tiny_bundle/animate/48x32.gif?frames=2&seed=x")
    assert answer.headers["location"] == (
        f"{find_address(client)}/animate/48x32.gif?frames=2&seed=x"
    )


def test_clips_that_differ_have_different_tags(client):
    root = f"{find_address(client)}/animate/20x16.gif?seed=1"
    words = ("frames=2", "frames=3", "frames=2&fps=5", "frames=2&loop=1", "frames=2&beta=0.5")
    tags = {client.get(f"{root}&{one}").headers["etag"] for one in words}
    assert len(tags) == len(words)


def read_frames(content):
    clip, frames = Image.open(io.BytesIO(content)), []
    for number in range(clip.n_frames):
        clip.seek(number)
        frames.append(np.asarray(clip.convert("RGB")).astype(int))
    return np.stack(frames)


def test_only_what_has_a_label_moves(client):
    """The first frame's own mask says where it is; everything else stands still bit for bit."""
    model = Sampler.load(DATA / "marked_bundle", "cpu", 1)
    label, walk, size = model.manifest.labels[0], animation.Walk(frames=4, seed=3), (96, 144)
    mask = animation.find_labelled(model, walk, size, "auto", (), [label])
    assert 0 < mask.mean() < 1

    root = f"{find_address(client, 'marked_bundle')}/animate/144x96.png?seed=3&frames=4"
    answer = client.get(f"{root}&move={label}")
    free, held = read_frames(client.get(root).content), read_frames(answer.content)
    np.testing.assert_array_equal(held[0], free[0])
    moved, all_moved = (np.abs(one - one[0]).sum(axis=(0, 3)) > 0 for one in (held, free))
    assert not moved[~mask].any() and moved[mask].any() and all_moved[~mask].any()
    said = json.loads(Image.open(io.BytesIO(answer.content)).text["singan"])
    assert said["move"] == [label]


def test_labels_to_move_that_are_not_there(client):
    for name, word in (("marked_bundle", "unknown label"), ("tiny_bundle", "no labels")):
        answer = client.get(f"{find_address(client, name)}/animate/48x32.gif?seed=1&move=x")
        assert answer.status_code == 422 and word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("rest", "status", "word"),
    [
        ("48x32.jpeg?seed=1", 400, "format"),
        ("48x32.gif?seed=1&frames=0", 400, "frames"),
        ("48x32.gif?seed=1&frames=x", 400, "frames"),
        ("48x32.gif?seed=1&beta=2", 400, "beta"),
        ("48x32.gif?seed=1&window=0,0,1,1", 400, "window"),
        ("48x32.gif?seed=1&fps=nan", 400, "fps"),
        ("48x32.gif?seed=1&frames=999999999", 400, "frames"),
        ("48x32.gif?seed=1&fps=1000", 422, "fps of gif"),
        ("48x32.gif?seed=1&frames=1000000", 422, "limit"),
        ("48x32.gif?seed=1&start_scale=9", 422, "start scale"),
    ],
)
def test_clips_that_cannot_be_made_are_refused(client, rest, status, word):
    answer = client.get(f"{find_address(client)}/animate/{rest}")
    assert answer.status_code == status and word in answer.json()["detail"]


# Edits


def write_picture(pixels, format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


@pytest.fixture(scope="module")
def picture(sampler):
    return sampler.reconstruct()


@pytest.fixture(scope="module")
def mask(picture):
    inside = np.zeros(picture.shape[:2], np.uint8)
    inside[10:20, 15:30] = 255
    return inside


@pytest.mark.parametrize("application", ["edit", "harmonize"])
def test_an_edit_is_that_of_the_library(client, sampler, picture, mask, application):
    files = {"image": write_picture(picture), "mask": write_picture(mask)}
    answer = client.post(f"/v1/tiny_bundle/{application}", files=files, data={"seed": "4"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    how = editing.EDIT if application == "edit" else editing.HARMONIZE
    drawn = editing.redraw(sampler, images.to_floats(picture), mask > 0, how, seed=4)
    np.testing.assert_array_equal(read_pixels(answer.content), drawn)


def test_words_may_stand_in_the_query(client, picture, mask):
    files = {"image": write_picture(picture), "mask": write_picture(mask)}
    root = f"{find_address(client)}/edit"
    in_query = client.post(f"{root}?seed=4&format=webp", files=files)
    in_body = client.post(root, files=files, data={"seed": "4", "format": "webp"})
    assert in_query.content == in_body.content
    assert in_query.headers["content-type"] == "image/webp"


def test_a_picture_may_be_its_own_mask(client, picture, mask):
    both = write_picture(np.dstack([picture, mask]))
    answer = client.post("/v1/tiny_bundle/harmonize", files={"image": both}, data={"mask": "alpha"})
    assert answer.status_code == 200, answer.text
    changed = (read_pixels(answer.content) != picture).any(axis=2)
    assert changed[mask > 0].any() and not changed[:, -1].any()


def test_a_painting_becomes_a_picture(client, sampler, picture):
    data = {"size": "60x40", "seed": "2", "colours": "5"}
    answer = client.post(
        "/v1/tiny_bundle/paint", files={"image": write_picture(picture)}, data=data
    )
    drawn = editing.paint(sampler, images.to_floats(picture), (40, 60), colours=5, seed=2)
    np.testing.assert_array_equal(read_pixels(answer.content), drawn)
    assert Image.open(io.BytesIO(answer.content)).info["singan"].count('"paint"') == 1


def test_a_photo_is_retargeted(client, sampler):
    parts = {"size": (None, "80x32"), "seed": (None, "3")}
    answer = client.post("/v1/tiny_bundle/retarget", files=parts)
    drawn = retarget.retarget(sampler, (32, 80), seed=3).pixels
    np.testing.assert_array_equal(read_pixels(answer.content), drawn)


def test_an_object_with_a_label_is_kept(client):
    parts = {name: (None, word) for name, word in {"size": "150x60", "keep": "sun"}.items()}
    labels = client.get("/v1/models/marked_bundle").json()["labels"]
    parts["keep"] = (None, labels[0])
    answer = client.post("/v1/marked_bundle/retarget", files=parts)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("keep", ["/etc/passwd", "../mask.png", "nobody"])
def test_objects_are_names_and_never_files(client, keep):
    parts = {"size": (None, "60x40"), "keep": (None, keep)}
    answer = client.post("/v1/marked_bundle/retarget", files=parts)
    assert answer.status_code == 422 and "not an object" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("application", "files", "words", "status", "said"),
    [
        ("edit", {}, {"seed": "1"}, 400, "'image'"),
        ("edit", {"image": b"x"}, {}, 400, "'mask'"),
        ("edit", {"image": b"x", "other": b"y"}, {}, 400, "other"),
        ("edit", {"image": b"x", "mask": b"y"}, {"size": "1x1"}, 400, "size"),
        ("edit", {"image": b"x", "mask": b"y"}, {"format": "gif"}, 400, "format"),
        ("edit", {"image": b"x", "mask": b"y"}, {}, 422, "image: not a picture"),
        ("edit", {"image": b"", "mask": b""}, {}, 422, "image: the file is empty"),
        ("paint", {"image": b"x"}, {"colours": "1"}, 400, "colours"),
        ("paint", {"image": b"x"}, {"size": "99999x99999"}, 422, "limit"),
        ("retarget", {"image": b"x"}, {}, 400, "size"),
        ("retarget", {"image": b"x"}, {"size": "40x30", "keep": "sun"}, 400, "own photo"),
    ],
)
def test_edits_that_cannot_be_made_are_refused(client, application, files, words, status, said):
    sent = {**files, **{name: (None, word) for name, word in words.items()}}
    answer = client.post(f"/v1/tiny_bundle/{application}", files=sent)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]
    assert "/tmp" not in answer.text


def test_a_body_that_is_no_form_is_refused(client):
    answer = client.post("/v1/tiny_bundle/edit", content=b"{}")
    assert answer.status_code == 415
    headers = {"content-type": "multipart/form-data"}
    answer = client.post("/v1/tiny_bundle/edit", content=b"{}", headers=headers)
    assert answer.status_code == 400
    headers = {"content-type": "multipart/form-data; boundary=a"}
    answer = client.post("/v1/tiny_bundle/edit", content=b"--b\r\n\r\n--", headers=headers)
    assert answer.status_code == 400
    answer = client.post("/v1/tiny_bundle/edit", content=b"--a\r\n", headers=headers)
    assert answer.status_code == 400 and "cut off" in answer.json()["detail"]


def test_bodies_have_a_limit(picture):
    with open_client(max_body=1000) as client:
        files = {"image": bytes(2000)}
        assert client.post("/v1/tiny_bundle/paint", files=files).status_code == 413

        def send_slowly():
            yield b'--a\r\nContent-Disposition: form-data; name="image"; filename="i"\r\n\r\n'
            for _ in range(20):
                yield bytes(100)

        headers = {"content-type": "multipart/form-data; boundary=a"}
        answer = client.post("/v1/tiny_bundle/paint", content=send_slowly(), headers=headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_picture_over_the_limit_is_refused_before_it_is_decoded():
    with open_client(max_pixels=10_000) as client:
        large = write_picture(np.zeros((200, 200, 3), np.uint8))
        answer = client.post("/v1/tiny_bundle/paint", files={"image": large})
        assert answer.status_code == 422 and "40000 pixels" in answer.json()["detail"]


def test_edits_are_signed_as_pictures_are(monkeypatch, picture):
    key = b"a key of many letters"
    with open_client(keys=(key,)) as client:
        path = f"{find_address(client)}/paint?seed=1"
        files = {"image": write_picture(picture)}
        assert client.post(signing.sign(path, key), files=files).status_code == 200
        monkeypatch.setattr(Service, "_make", None)
        assert client.post(path, files=files).status_code == 403
