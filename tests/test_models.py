"""The models that the repository ships: whole, small, licensed, and each with a card."""

import sys
import tomllib
from pathlib import Path

import pytest

from singan_core import images, stored
from singan_core import manifest as manifests

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "models" / "models.toml").read_text(encoding="utf-8"))
NAMES = list(LISTED)
MOST_BYTES, MOST_SIDE = 4_000_000, 1600
OLDER = {"aitzgorri"}  # stored at 1920 px, which the benchmarks measure


def read(name):
    return manifests.read(ROOT / "models" / name, "bundle")


def test_there_are_six_of_different_kinds_and_no_other_folder():
    assert len(NAMES) >= 6 and len({one["kind"] for one in LISTED.values()}) >= 6
    folders = {one.name for one in (ROOT / "models").iterdir() if one.is_dir()}
    assert folders == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_whole_and_small_and_says_whose_photo_it_holds(name):
    manifest, listed = read(name), LISTED[name]
    assert manifest.name == name and manifest.preset == "standard"
    assert (manifest.creator, manifest.licence) == (listed["creator"], listed["licence"])
    assert listed["licence"].startswith(("CC BY ", "CC0 ", "public domain"))
    assert name in OLDER or max(manifest.pyramid.finest) <= MOST_SIDE
    files = (ROOT / "models" / name / one for one in manifest.files)
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES + 100_000 * (name in OLDER)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_holds_the_photo_that_its_card_names(name):
    photo = images.open_photo(ROOT / LISTED[name]["photo"])
    assert stored.hash_pixels(photo.values) == read(name).detail.photo_sha256


@pytest.mark.parametrize("name", NAMES)
def test_a_card_names_author_source_command_and_measures(name):
    listed = LISTED[name]
    card = (ROOT / "models" / name / "README.md").read_text(encoding="utf-8")
    for words in (listed["creator"], listed["licence"], listed["source"], listed["faults"]):
        assert words in card
    command = f"    singan train {listed['photo']} --out run --layout {listed['layout']}"
    assert f"{command} --seed {listed['seed']}" in card and (ROOT / listed["photo"]).is_file()
    assert "| swd |" in card and "| copied_share |" in card


def test_cards_are_what_the_program_writes():
    pytest.importorskip("onnx")
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        import model_cards

        measured, times = (
            model_cards.read_json(one) for one in (model_cards.SCORES, model_cards.TIMES)
        )
        for model in model_cards.read_models():
            card = model_cards.make_card(model, measured[model.name], times[model.name])
            written = (model.bundle / "README.md").read_text(encoding="utf-8")
            assert written == card, "run make cards"
    finally:
        sys.path.remove(str(ROOT / "examples"))
