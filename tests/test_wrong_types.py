"""Public functions refuse arguments of a wrong type with an error in words, whichever it is."""

import functools
from pathlib import Path

import numpy as np
import pytest

from singan_core.errors import RequestError, SinGANError
from singan_runtime import (
    EDIT,
    DatasetSpec,
    Keep,
    Request,
    Sampler,
    Walk,
    animate,
    evaluate,
    paint,
    read_image,
    redraw,
    upscale,
    write_dataset,
)

WRONG = [None, 1.5, "x", b"x", True, [], (1, 2, 3), {}, object(), float("nan"), 10**400, -1]
WRONG += [np.zeros(3), (1.5, 2), np.array([[1]]), "9" * 5000, lambda: 0, 1j]
IMAGE = np.zeros((1, 3, 32, 48), np.float32)
MASK = np.pad(np.ones((8, 8), bool), ((12, 12), (20, 20)))


def draw_first(frames):
    return next(iter(frames))


CALLS = {
    "sample": (Sampler.sample, {"size": (20, 20)}, "size seed count zoom start_scale keep"),
    "render": (Sampler.render, {"size": (20, 20), "window": (0, 0, 5, 5)}, "size window seed"),
    "draw": (Sampler.draw, {}, "request"),
    "fit": (Sampler.fit, {}, "size zoom start_scale"),
    "limit_size": (Sampler.limit_size, {}, "most"),
    "check_pixels": (Sampler.check_pixels, {}, "size"),
    "read_keep": (Sampler.read_keep, {"names": []}, "names places"),
    "animate": (
        lambda sampler, **words: draw_first(animate(sampler, **words)),
        {"walk": Walk(2), "size": (20, 20)},
        "walk size zoom move keep",
    ),
    "paint": (paint, {"image": IMAGE}, "image size zoom start_scale colours seed"),
    "redraw": (
        redraw,
        {"image": IMAGE, "mask": MASK, "how": EDIT},
        "image mask how start_scale reach seed",
    ),
    "upscale": (upscale, {"factor": 1.1}, "factor image seed tileable"),
    "read_image": (read_image, {}, "path"),
    "evaluate": (evaluate, {"count": 2}, "photo count start_scale seed size_limit"),
    "write_dataset": (write_dataset, {"out": Path("o"), "spec": DatasetSpec(1)}, "out spec"),
}
MADE = {
    Request: "size seed zoom start_scale tileable variation keep window detail",
    Walk: "frames alpha beta start_scale seed loop kind",
    DatasetSpec: "count request within scales despeckle formats val instances min_area overlays",
    Keep: "mask x y name",
}


def refuse_or_take(call, **words):
    """Refuse in one short line, or take the value for what it is: None is often the default."""
    try:
        call(**words)
    except SinGANError as error:
        assert 10 < len(str(error)) < 12_000 and "\n" not in str(error)
        return True
    return False


@pytest.mark.parametrize("name", CALLS)
def test_functions_refuse_wrong_types_in_words(sampler, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    call, own, arguments = CALLS[name]
    if name == "evaluate":
        own = own | {"photo": np.zeros((32, 48, 3), np.uint8)}
    for argument in arguments.split():
        refused = []
        for one in WRONG:
            words = own | {argument: one}
            refused.append(refuse_or_take(functools.partial(call, sampler), **words))
        assert sum(refused) >= len(WRONG) // 2, argument


@pytest.mark.parametrize("kind", MADE)
def test_what_describes_work_refuses_wrong_types_in_words(sampler, kind):
    own = {"count": 1} if kind is DatasetSpec else {"name": "alpha"} if kind is Keep else {}

    def make(**words):
        made = kind(**own | words)
        if kind is Walk:
            draw_first(animate(sampler, made, (20, 20)))

    for argument in MADE[kind].split():
        refused = [refuse_or_take(make, **{argument: one}) for one in WRONG]
        assert sum(refused) >= len(WRONG) // 3, argument


@pytest.mark.parametrize("argument", ["path", "device", "threads", "max_pixels", "precision"])
def test_opening_a_bundle_refuses_wrong_types_in_words(tiny_bundle, argument):
    own = {"path": tiny_bundle, "threads": 1}
    refused = [refuse_or_take(Sampler.load, **own | {argument: one}) for one in WRONG]
    assert sum(refused) >= len(WRONG) // 2


def test_training_refuses_wrong_types_in_words(drawn_scene, tmp_path):
    pytest.importorskip("torch")
    import singan_train

    for argument in ("seed", "channels", "border", "min_size", "detail", "scales", "iterations"):
        for one in WRONG:
            refuse_or_take(functools.partial(singan_train.make_config, "draft"), **{argument: one})
    for one in WRONG:
        refuse_or_take(singan_train.make_config, name=one)
        refuse_or_take(singan_train.choose_device, name=one)

    own = {"photo": drawn_scene, "folder": tmp_path / "run"}
    own["device"] = singan_train.choose_device("cpu")
    begun = own | {"asked": {}}
    own["config"] = singan_train.make_config("draft")
    for argument in ("photo", "config", "device", "masks"):
        for one in (None, 1.5, "x", {}, object()):
            with pytest.raises(SinGANError):
                singan_train.train(**own | {argument: one})
    for argument in ("photo", "folder", "asked"):
        with pytest.raises(SinGANError):
            singan_train.resume(**begun | {argument: 1.5})
    with pytest.raises(RequestError, match="checkpoint 3 is not possible: give a path"):
        singan_train.import_checkpoint(3, tmp_path)


def test_numbers_of_numpy_are_taken(sampler):
    plain = sampler.sample((30, 36), 3, 1, 1.0, 1)
    numbers = np.array([30, 36]), np.uint64(3), np.int8(1), np.float32(1), np.int16(1)
    assert np.array_equal(sampler.sample(*numbers), plain)
    assert DatasetSpec(np.int64(2), within=np.array([0, 0, 1, 1.0]), scales=[np.float32(1), 1])
