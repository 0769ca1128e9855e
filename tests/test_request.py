"""Request: one object, checked once, that says which picture to draw."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from singan_core import encoding
from singan_core.errors import ImageError, RequestError
from singan_core.metadata import Metadata
from singan_runtime import Sampler
from singan_runtime.files.provenance import read_request
from singan_runtime.files.writing import write_pictures
from singan_runtime.keep import Keep
from singan_runtime.request import Request

SIDES = st.integers(1, 2**20)
REQUESTS = st.builds(
    Request,
    size=st.none() | st.tuples(SIDES, SIDES),
    seed=st.integers(0, 2**64 - 1),
    zoom=st.sampled_from(["auto", "area"]) | st.floats(0.01, 100),
    tileable=st.sampled_from(["", "x", "y", "xy"]),
    variation=st.floats(0, 10),
    keep=st.sampled_from([(), (Keep(None, 0.25, None, "hill"), Keep(name="sun"))]),
    window=st.none() | st.just((0, 0, 1, 1)),
    detail=st.booleans(),
)


@given(REQUESTS)
def test_a_request_comes_back_from_its_canonical_form(request_):
    assert Request.from_json(request_.to_json()) == request_


@given(REQUESTS)
def test_words_of_a_query_make_the_same_request(request_):
    described = request_.to_dict() | {"keep": ",".join(one.name for one in request_.keep)}
    if request_.keep:
        described["place"] = "left;"
        request_ = None  # a place of one object alone is refused
    if "window" in described:
        described["window"] = ",".join(map(str, described["window"]))
    words = {name: str(value).lower() for name, value in described.items()}
    if request_ is None:
        with pytest.raises(RequestError, match="2 objects are kept, but 1 places given"):
            Request.from_words(words)
    else:
        assert Request.from_words(words) == request_


def test_a_query_names_objects_screens_and_places():
    words = {"size": "fullhd", "keep": "hill,sun", "place": "left;0.5,0.75", "seed": "7"}
    kept = (Keep(None, 0.25, None, "hill"), Keep(None, 0.5, 0.75, "sun"))
    assert Request.from_words(words) == Request((1080, 1920), 7, keep=kept)


def test_numbers_may_be_of_any_type_and_have_one_form():
    of_numpy = Request(
        np.array([32, 48]), np.uint64(3), np.float32(2), np.int8(1), variation=np.float64(1)
    )
    assert of_numpy == Request((32, 48), 3, 2, 1)
    assert of_numpy.to_json() == Request([32, 48], 3, 2.0, 1).to_json()
    assert json.loads(of_numpy.to_json()) == {
        "size": "48x32",
        "seed": 3,
        "zoom": 2.0,
        "start_scale": 1,
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": (32.0, 48.0)}, "size .* is not possible: give whole numbers, "),
        ({"size": (32, 48, 3)}, "give whole numbers, .height, width."),
        ({"size": 32}, "give whole numbers"),
        ({"size": "48x32"}, "give whole numbers"),
        ({"seed": None}, "seed None is not possible: it must be a whole number"),
        ({"seed": 1.5}, "seed 1.5 is not possible: it must be a whole number"),
        ({"seed": 2**64}, "it must be 0 to"),
        ({"start_scale": "1"}, "start scale '1' is not possible: it must be a whole number"),
        ({"start_scale": -1}, "start scale -1 is not possible"),
        ({"zoom": "large"}, "zoom 'large' is not possible: it must be 0.001 to 1000, auto, scene"),
        ({"zoom": None}, "it must be 0.001 to 1000, auto, scene, height or area"),
        (
            {"zoom": float("nan")},
            "zoom nan is not possible: it must be 0.001 to 1000",
        ),
        ({"variation": 11}, "variation 11 is not possible: it must be 0 to 10"),
        ({"variation": None}, "it must be 0 to 10"),
        ({"tileable": None}, "tileable None is not possible: choose x, y or xy"),
        ({"tileable": "x", "start_scale": 1}, "needs start scale 0, not 1"),
        ({"zoom": 10**400}, "it must be 0.001 to 1000"),
        ({"keep": None}, "give objects of the class Keep"),
        ({"keep": ("fir",)}, "give objects of the class Keep"),
        ({"detail": 1}, "choose true or false"),
        ({"window": (0, 0, 5)}, "window .* is not possible: give whole numbers"),
        ({"size": (9, 9), "window": (0, 0, 10, 9)}, "is not inside the picture of 9x9"),
    ],
)
def test_what_is_not_possible_is_refused_in_words(fields, message):
    with pytest.raises(RequestError, match=message):
        Request(**fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"sise": "3x4"}', "no field 'sise'; it may have size, seed"),
        ('{"seed": "3"}', "seed '3' is not possible"),
        ('{"size": "big"}', "'big' is not a size"),
        ('{"keep": [{"mask_sha256": "12", "place": [null, null]}]}', "give the mask again"),
        ('{"keep": [3]}', "3 is not an object to keep"),
        ('{"keep": 3}', "give objects of the class Keep"),
        ("[" * 100_000, "not JSON"),
        ('{"detail": "false"}', "choose true or false"),
        ('{"zoom": 1e999}', "not JSON"),
        ('{"window": 3}', "window 3 is not possible"),
    ],
)
def test_a_text_that_is_no_request_is_refused(text, message):
    with pytest.raises(RequestError, match=message):
        Request.from_json(text)


@pytest.mark.parametrize("seed", ["", "1.5", "9" * 5000, "x", "1_0"])
def test_a_query_whose_seed_is_no_number_is_refused(seed):
    with pytest.raises(RequestError, match="it must be a whole number"):
        Request.from_words({"seed": seed})


def test_keywords_and_a_request_draw_the_same_pixels(sampler):
    drawn = sampler.draw(Request((40, 60), 3, 1.5, 1))
    assert np.array_equal(drawn, sampler.sample((40, 60), 3, 1, 1.5, 1)[0])
    part = sampler.draw(Request((40, 60), 3, 1.5, 1, window=(5, 6, 20, 30)))
    assert np.array_equal(part, drawn[5:25, 6:36])
    assert np.array_equal(sampler.draw(Request()), sampler.sample()[0])


def test_a_window_of_the_trained_size_is_checked_by_the_sampler(sampler):
    assert sampler.draw(Request(window=(1, 2, 3, 4))).shape == (3, 4, 3)
    with pytest.raises(RequestError, match="is not inside the picture of 48x32"):
        sampler.draw(Request(window=(0, 0, 33, 48)))


def test_a_request_without_detail_draws_with_the_generators_alone(detail_bundle, tmp_path):
    sampler = Sampler.load(detail_bundle, threads=1)
    plain = sampler.without_detail().sample((24, 36), 5)[0]
    assert np.array_equal(sampler.draw(Request((24, 36), 5, detail=False)), plain)
    assert not np.array_equal(sampler.draw(Request((24, 36), 5)), plain)

    write_pictures(sampler, tmp_path, Request((24, 36), 5, detail=False), [5])
    (path,) = tmp_path.iterdir()
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), plain)
    assert read_request(path) == Request((24, 36), 5, detail=False)
    with pytest.raises(RequestError, match="plan with without_detail"):
        sampler.plan_request(Request(detail=False))


def test_an_object_is_found_by_its_name_and_never_by_a_file(tmp_path, monkeypatch, labelled_bundle):
    marked = Sampler.load(labelled_bundle.parent / "marked_bundle", threads=1)
    (label, *_) = marked.manifest.labels
    named = Request.from_json(json.dumps({"keep": [{"name": label, "place": [None, None]}]}))
    by_mask = Request(keep=marked.read_keep([label]))
    assert named == by_mask
    assert np.array_equal(marked.draw(named), marked.sample(keep=by_mask.keep)[0])
    with pytest.raises(RequestError, match=r"conftest.py: not an object of .*; choose .*, alpha"):
        marked.draw(Request.from_words({"keep": "conftest.py"}))


def test_the_text_of_a_picture_brings_its_request_back(labelled_bundle, tmp_path):
    marked = Sampler.load(labelled_bundle.parent / "marked_bundle", threads=1)
    (label, *_) = marked.manifest.labels
    request = Request((80, 120), 7, 1.0, keep=(Keep(name=label),), window=(3, 4, 50, 60))
    write_pictures(marked, tmp_path, request, [7, 9])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        f"{marked.manifest.name}_120x80_{seed}_window_4_3_60x50.png" for seed in (7, 9)
    ]
    assert read_request(tmp_path / names[0]) == request
    assert read_request(tmp_path / names[1]) == replace(request, seed=9)
    with Image.open(tmp_path / names[0]) as image:
        text = json.loads(image.info["singan"])
        assert np.array_equal(np.asarray(image), marked.draw(request))
    assert text["identity"] == marked.identity and len(text["keep"][0]["mask_sha256"]) == 64


def test_a_picture_without_a_request_is_refused(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "plain.png")
    with pytest.raises(ImageError, match="holds no request"):
        read_request(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageError, match="not a picture file"):
        read_request(tmp_path / "text.png")
    edited = Metadata('{"command": "edit"}')
    encoding.save(tmp_path / "edit.png", np.zeros((9, 9, 1), np.uint8), metadata=edited)
    with pytest.raises(RequestError, match="written by 'singan edit', not by sample"):
        read_request(tmp_path / "edit.png")
