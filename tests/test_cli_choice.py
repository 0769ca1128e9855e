"""singan sample --best and --sheet: which seeds are finished and what is refused."""

import re

import numpy as np
import pytest
from command_line import call, one_line, usage
from PIL import Image

from singan_runtime.measures import choice, sheet

SMALL = ("--size", "150x100", "--threads", "1")


def names(folder):
    return sorted(path.name for path in folder.rglob("*.*"))


def seeds_said(said):
    """The seeds of every line that tells which are the best."""
    return [
        [int(seed) for seed in line.split(", ")]
        for line in re.findall(r"seeds \d+ to \d+: (.*)", said)
    ]


def test_the_best_seeds_are_those_of_the_api_and_have_the_bytes_of_a_plain_sample(
    detail_bundle, detail_sampler, tmp_path
):
    words = (
        "sample",
        detail_bundle,
        *SMALL,
        "--out",
        tmp_path / "best",
        "--best",
        "5",
        "--count",
        "2",
        "--seed",
        "3",
    )
    status, said, _ = call(*words)
    ranked = [
        one.seed
        for one in choice.rank(detail_sampler, detail_sampler.plan((100, 150)), range(3, 8))
    ]
    assert (
        status == 0 and f"150x100: the best 2 of seeds 3 to 7: {ranked[0]}, {ranked[1]}\n" in said
    )

    for seed in ranked[:2]:
        call("sample", detail_bundle, *SMALL, "--out", tmp_path / "plain", "--seed", seed)
    assert (
        names(tmp_path / "best") == names(tmp_path / "plain") and len(names(tmp_path / "best")) == 2
    )
    for name in names(tmp_path / "best"):
        assert (tmp_path / "best" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_every_size_and_start_scale_has_a_choice_of_its_own(
    detail_bundle, detail_sampler, tmp_path
):
    status, said, _ = call(
        *(
            "sample",
            detail_bundle,
            "--size",
            "60x90,90x60",
            "--start-scale",
            "0,1",
            "--threads",
            "1",
        ),
        *("--out", tmp_path, "--best", "3"),
    )
    assert (
        status == 0
        and said.count("the best 1 of seeds 0 to 2") == 4
        and said.count(", start scale 1:") == 2
    )
    expected = {
        f"start_scale_{start}/{detail_sampler.manifest.name}_{size[1]}x{size[0]}_{ranked[0].seed}.png"
        for start in (0, 1)
        for size in ((90, 60), (60, 90))
        for ranked in [
            choice.rank(detail_sampler, detail_sampler.plan(size, start_scale=start), range(3))
        ]
    }
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")} == expected


def test_windows_and_deep_zooms_are_of_the_best(detail_bundle, tmp_path):
    common = ("sample", detail_bundle, *SMALL, "--best", "3")
    _, said, _ = call(*common, "--out", tmp_path / "window", "--window", "10,20,30,40")
    seed = seeds_said(said)[0][0]
    assert names(tmp_path / "window") == [
        f"{window_stem(tmp_path / 'window')}_{seed}_window_10_20_30x40.png"
    ]

    call(*common, "--deepzoom", tmp_path / "zoom")
    assert f"seed {seed}" in (tmp_path / "zoom" / "index.html").read_text()


def test_tiffs_are_of_the_best(detail_bundle, tmp_path):
    pytest.importorskip("tifffile")
    for form in ("png", "tiff"):
        call(
            "sample",
            detail_bundle,
            *SMALL,
            "--best",
            "3",
            "--out",
            tmp_path / form,
            "--format",
            form,
        )
    assert names(tmp_path / "tiff") == [names(tmp_path / "png")[0].replace(".png", ".tif")]


def window_stem(folder):
    return names(folder)[0].split("_150x100_")[0] + "_150x100"


def test_a_sheet_alone_draws_nothing_large_and_shows_the_seeds_in_their_order(
    detail_bundle, detail_sampler, tmp_path
):
    file = tmp_path / "new" / "sheet.png"
    status, said, _ = call(
        "sample", detail_bundle, *SMALL, "--sheet", file, "--count", "3", "--seed", "7"
    )
    assert status == 0 and "3 pictures in small" in said and names(tmp_path) == ["sheet.png"]
    shown = np.asarray(Image.open(file))
    for number, seed in enumerate((7, 8, 9)):
        top, left = sheet.find_corner((100, 150), 3, number)
        large = detail_sampler.sample((100, 150), seed)[0]
        np.testing.assert_array_equal(shown[top : top + 100, left : left + 150], large)


def test_a_sheet_of_the_best_is_in_the_order_of_their_ranks(
    detail_bundle, detail_sampler, tmp_path
):
    file = tmp_path / "sheet.png"
    words = ("--sheet", file, "--best", "4", "--count", "2", "--out", tmp_path / "out")
    status, said, _ = call("sample", detail_bundle, *SMALL, *words)
    picture = detail_sampler.plan((100, 150))
    ranked = choice.rank(detail_sampler, picture, range(4))
    assert status == 0 and seeds_said(said) == [[one.seed for one in ranked[:2]]]
    assert len(names(tmp_path / "out")) == 2
    expected = sheet.draw_sheet(picture, ranked, [one.seed for one in ranked[:2]], ranked=True)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)


def test_fewer_candidates_than_pictures_are_refused(detail_bundle, tmp_path):
    said = usage("sample", detail_bundle, "--out", tmp_path / "out", "--best", "2", "--count", "3")
    assert "--best 2 is fewer than --count 3" in said and not (tmp_path / "out").exists()


def test_a_sheet_of_several_sizes_or_of_no_known_kind_is_refused(detail_bundle, tmp_path):
    for words in (("--size", "60x60,90x60"), ("--start-scale", "0,1")):
        assert "leave out further ones" in usage(
            "sample", detail_bundle, "--sheet", tmp_path / "s.png", *words
        )
    assert "name a file that ends" in usage("sample", detail_bundle, "--sheet", tmp_path / "s.pdf")
    assert names(tmp_path) == []


def test_a_model_without_detail_has_no_choice(tiny_bundle, tmp_path):
    for words in (("--best", "3", "--out", tmp_path / "out"), ("--sheet", tmp_path / "sheet.png")):
        assert "without the photo's detail" in one_line("sample", tiny_bundle, *words)
    assert names(tmp_path) == []


def test_a_place_for_the_result_is_still_asked_for(detail_bundle, tmp_path):
    assert "name one place" in usage("sample", detail_bundle, "--best", "3")
    assert "name one place" in usage(
        "sample", detail_bundle, "--out", tmp_path / "a", "--deepzoom", tmp_path / "b"
    )


def test_the_last_candidate_has_a_possible_seed(detail_bundle, tmp_path):
    said = one_line(
        "sample", detail_bundle, "--out", tmp_path / "out", "--best", "3", "--seed", str(2**64 - 2)
    )
    assert "seed" in said and not (tmp_path / "out").exists()
