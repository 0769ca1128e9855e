"""Any words after a command end in success or in an error that says what is wrong, never else.

Numbers are far outside their limits or so small that the work is short; files are missing, of
another kind, pipes, or folders.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from singan_cli.app import app

COMMANDS = typer.main.get_command(app).commands
WORDS = ["", "x", "auto", "-", "--", "nan", "inf", "-inf", "1e999", "None", "1,2", "ü", "a\nb"]
SMALL = ["0", "1", "2", "-1", "-3", "1.5", "0.1"]
ABSURD = ["1000000001", str(2**63), str(2**64), str(2**64 - 1), "9" * 400, "1e18", "-1e18"]
SIZES = ["24x20", "1x1", "0x0", "-4x4", "24x", "99999999x5", "1048577x1", "20000x20000"]
SIZES += ["24x20,30x20"]
FILES = ["photo.png", "mask.png", "text.png", "empty.png", "pipe", "folder", "nowhere", "n" * 300]
MODELS = ["tiny", "detail", "labelled", *FILES]
PLACES = ["new", "new.png", "new.gif", "new.webp", "new.avi", "text.png", "pipe", "folder", ".", ""]
PLACES += ["..", "text.png/new.png", "n" * 300, "n" * 300 + ".png", "-x", "12:30.gif", "d/" * 1500]
RECTANGLES = ["0,0,5,5", "0,0,0,0", "9,9,99,99", "1,2,3", "0,0,1,1", "0.2,0.2,0.8,0.8"]
POOLS = {
    "size": SIZES,
    **dict.fromkeys(("window", "within", "scales", "place"), RECTANGLES),
    **dict.fromkeys(("image", "mask", "photo", "move", "inception", "keep", "run", "like"), FILES),
    **dict.fromkeys(("out", "sheet", "deepzoom", "html"), PLACES),
    **dict.fromkeys(("bundle", "source", "path"), MODELS),
}
OWN = {
    "inspect": ["tiny"],
    "sample": ["tiny", "--out", "out", "--size", "24x20"],
    "animate": ["tiny", "--out", "out.gif", "--size", "24x20", "--frames", "2"],
    "dataset": ["labelled", "--out", "data", "--size", "24x20", "--count", "1"],
    "retarget": ["tiny", "--out", "out.png", "--size", "30x24"],
    "harmonize": ["tiny", "photo.png", "--mask", "mask.png", "--out", "out.png"],
    "edit": ["tiny", "photo.png", "--mask", "mask.png", "--out", "out.png"],
    "paint": ["tiny", "photo.png", "--out", "out.png"],
    "upscale": ["tiny", "--factor", "1.1", "--out", "out.png"],
    "evaluate": ["tiny", "--photo", "photo.png", "--count", "2"],
    "bench": ["tiny", "--size", "24x20", "--repeats", "1"],
}
"""Words with which each command succeeds in a fraction of a second."""
WITH_TORCH = {
    "train": ["photo.png", "--out", "run", "--dry-run", "--max-size", "60"],
    "import": ["folder", "--out", "run"],
    "export": ["folder", "--out", "bundle"],
    "verify": ["tiny"],
    "plot": ["folder"],
}
LEFT_OUT = {"help", "resume"}  # train --resume would go on with training


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, request):
    """A folder with models, pictures and what is neither, in which the commands run."""
    folder = tmp_path_factory.mktemp("fuzz")
    data = request.path.parent / "data"
    for name in ("tiny", "detail", "labelled"):
        (folder / name).symlink_to(data / f"{name}_bundle")
    Image.fromarray(np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1))).convert("RGB").save(
        folder / "photo.png"
    )
    mask = np.zeros((32, 48), np.uint8)
    mask[10:20, 10:30] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").touch()
    (folder / "folder" / "inside").mkdir(parents=True)
    os.mkfifo(folder / "pipe")

    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def pool_of(option):
    """Values for an option, most of them wrong."""
    return POOLS.get(option.name, []) + SMALL + ABSURD + WORDS


@st.composite
def lines(draw, own):
    """A command line: a command's own words, and a few further options or another argument."""
    name = draw(st.sampled_from(sorted(own)))
    words = list(own[name])
    options = [one for one in COMMANDS[name].params if one.name not in LEFT_OUT]
    for option in draw(st.lists(st.sampled_from(options), min_size=1, max_size=3)):
        if option.param_type_name == "argument":
            place = [one.name for one in COMMANDS[name].params].index(option.name)
            words[place] = draw(st.sampled_from(pool_of(option)))
        elif option.is_flag:
            words.append(draw(st.sampled_from([*option.opts, *option.secondary_opts])))
        else:
            words += [option.opts[0], draw(st.sampled_from(pool_of(option)))]
    return [name, *words]


def run(words, folder):
    """Run a command and refuse any end but success or an error in words."""
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    said = [line for line in result.stderr.strip().splitlines() if line]
    assert "Traceback" not in result.stderr and "[Errno" not in result.stderr, words

    if result.exit_code == 1:
        errors = [line for line in said if line.startswith("error: ")]
        assert len(errors) == 1 and said[-1] == errors[0] and len(errors[0]) > 12, (words, said)
    elif result.exit_code == 2:
        assert "Error: " in result.stderr, (words, said)
    else:
        assert result.exit_code == 0, (words, said)
    assert not list(folder.glob("**/.*.tmp")), words


def clean(folder):
    """Remove what a command wrote."""
    kept = {"tiny", "detail", "labelled", "photo.png", "mask.png", "text.png", "empty.png", "pipe"}
    for path in folder.iterdir():
        if path.name in kept | {"folder"}:
            continue
        subprocess.run(["rm", "-rf", path], check=True)  # rmtree fails on so deep folders


@given(lines(OWN))
@settings(max_examples=150)
def test_any_options_end_in_success_or_in_words(workplace, words):
    run(words, workplace)
    clean(workplace)


@pytest.mark.slow
@given(lines(OWN | WITH_TORCH))
@settings(max_examples=1000)
def test_any_options_of_all_commands_end_in_success_or_in_words(workplace, words):
    run(words, workplace)
    clean(workplace)


@pytest.mark.parametrize("name", OWN)
def test_the_words_that_are_changed_are_right_themselves(workplace, name):
    result = CliRunner().invoke(app, [name, *OWN[name]])
    if name == "dataset" and "pycocotools" in result.stderr:
        pytest.skip("the index needs pycocotools")
    assert result.exit_code == 0, result.stderr
    clean(workplace)
