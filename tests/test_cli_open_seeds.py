"""singan sample without --seed: the best of some compositions, the same for all sizes."""

import re

import numpy as np
import pytest
from command_line import call
from PIL import Image

from singan_runtime.measures import choice

SMALL = ("--size", "90x60", "--threads", "1")


def seeds_of(folder):
    return sorted(
        int(re.search(r"_(\d+)(_window.*)?$", path.stem)[1]) for path in folder.rglob("*.png")
    )


def best_of(sampler, size, count=1):
    return sorted(one.seed for one in choice.choose(sampler, sampler.plan(size), count))


def test_the_best_of_eight_is_drawn_as_its_own_seed_draws_it(
    detail_bundle, detail_sampler, tmp_path
):
    status, said, _ = call("sample", detail_bundle, *SMALL, "--out", tmp_path / "out")
    [seed] = best_of(detail_sampler, (60, 90))
    assert status == 0 and f"90x60: the best 1 of seeds 0 to 7: {seed}\n" in said
    assert seeds_of(tmp_path / "out") == [seed]

    call("sample", detail_bundle, *SMALL, "--out", tmp_path / "same", "--seed", seed)
    [file], [same] = ((tmp_path / name).iterdir() for name in ("out", "same"))
    assert file.name == same.name and file.read_bytes() == same.read_bytes()


def test_a_given_seed_is_drawn_and_nothing_is_chosen(detail_bundle, tmp_path):
    for words in (("--seed", "0"), ("--seed", "7", "--count", "2")):
        _, said, _ = call("sample", detail_bundle, *SMALL, "--out", tmp_path, *words)
        assert "best" not in said
    assert seeds_of(tmp_path) == [0, 7, 8]


def test_all_sizes_and_start_scales_show_the_scenes_that_the_first_size_chose(
    detail_bundle, detail_sampler, tmp_path
):
    words = ("--size", "60x90,90x60", "--start-scale", "0,1", "--count", "3", "--threads", "1")
    _, said, _ = call("sample", detail_bundle, *words, "--out", tmp_path)
    chosen = best_of(detail_sampler, (90, 60), 3)
    assert said.count("the best 3 of seeds 0 to 11") == 1
    for scale in ("start_scale_0", "start_scale_1"):
        assert seeds_of(tmp_path / scale) == sorted(2 * chosen)


def test_a_window_is_a_part_of_the_picture_that_is_chosen_whole(detail_bundle, tmp_path):
    call("sample", detail_bundle, *SMALL, "--out", tmp_path / "whole")
    words = ("--window", "10,20,40,30")
    call("sample", detail_bundle, *SMALL, "--out", tmp_path / "part", *words)
    [whole], [part] = (
        [np.asarray(Image.open(path)) for path in (tmp_path / name).iterdir()]
        for name in ("whole", "part")
    )
    np.testing.assert_array_equal(part, whole[20:50, 10:50])


@pytest.mark.parametrize("words", [("--start-scale", "1"), ("--count", "101", "--size", "8x8")])
def test_where_nothing_is_to_be_chosen_seeds_begin_at_0(detail_bundle, tmp_path, words):
    status, said, _ = call("sample", detail_bundle, *SMALL, "--out", tmp_path, *words)
    seeds = seeds_of(tmp_path)
    assert status == 0 and "best" not in said and seeds == list(range(len(seeds)))


def test_a_model_without_detail_draws_seed_0(tiny_bundle, tmp_path):
    status, said, _ = call("sample", tiny_bundle, "--out", tmp_path, "--threads", "1")
    assert status == 0 and "best" not in said and seeds_of(tmp_path) == [0]
