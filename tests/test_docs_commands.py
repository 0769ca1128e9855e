"""Every command that a page shows runs, unless a comment above it says why it is not run.

A page is followed from its first command to its last, in a folder that has the files that it names.
All pages share one draft model, and whatever they train is trained for a few iterations.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import docs_commands
import numpy as np
import pytest
from docs_commands import read_blocks
from PIL import Image
from typer.testing import CliRunner

from singan_cli.app import app
from singan_train import config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = {page: read_blocks(page) for page in PAGES}
RUN = [page for page in PAGES if any(block.reason is None for block in BLOCKS[page])]

SIZE = 150, 100  # (width, height) of the photo
ITERATIONS = 4
MOST = {"--count": 2, "--frames": 4, "--best": 4, "--minutes": 1}
"""Numbers that a page gives for real work, and the most that is done here."""
ADDED = {"animate": ["--frames", "4"], "evaluate": ["--size-limit", "96"]}
"""Options of commands for which a page names none, so that they take seconds."""
SCREENS = "phone,640x360"  # in the place of a list of six screens and more
SMALLER = 4  # sides of pictures are divided by it: what they show stays the same
STANDS_FOR = {"BUNDLE": "bundle", "RUN": "run", "PHOTO": "photo.jpg", "models/aitzgorri": "bundle"}
"""Names that stand for whatever the reader has, and a small model for a large one."""


# the pages


def test_the_readme_shows_the_whole_way():
    shown = {
        words[1]
        for block in BLOCKS[ROOT / "README.md"]
        for words in block.commands
        if words[0] == "singan"
    }
    assert {"make", "train", "export", "sample", "animate"} <= shown


def test_most_blocks_of_singan_are_run():
    """Marks are for what no test can have: a GPU, a network, a service of the system."""
    blocks = [block for page in PAGES for block in BLOCKS[page]]
    ours = [block for block in blocks if any(words[0] == "singan" for words in block.commands)]
    assert len([block for block in ours if block.reason is None]) > 0.8 * len(ours) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_programs_are_marked(page):
    """A command of another program than singan and python has a mark that says why."""
    for block in BLOCKS[page]:
        programs = {words[0] for words in block.commands}
        assert block.reason or programs <= {"singan", "python"}, (
            f"{block}: write '<!-- not run: REASON -->' above the block"
        )


def test_blocks_are_found_with_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n    singan one a \\\n        --b    # why\n    text\n\nwords\n\n"
        "<!-- not run: needs a GPU -->\n\n    singan two\n\n```sh\nsingan three\n```\n\n"
        "```python\nsingan = 4\n```\n"
    )
    found = read_blocks(page)
    assert [block.commands for block in found] == [
        (("singan", "one", "a", "--b"),),
        (("singan", "two"),),
        (("singan", "three"),),
    ]
    assert [block.reason for block in found] == [None, "needs a GPU", None]
    assert not docs_commands.is_command("singanese is no program")


# the files that pages name


def draw_photo():
    """A sky that is the same all over, above a ground of grain, uint8 (100, 150, 3)."""
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(0).integers(-30, 30, (height, width, 1))
    hill = (y > 60 + 6 * np.sin(x / 20))[..., None]
    return np.where(hill, np.array([90, 130, 60]) + grain, [150, 180, 220]).astype(np.uint8)


def write_files(folder):
    """Write the photo under all its names, edits of it, and the masks."""
    photo = draw_photo()
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[68:88, 60:85] = 255
    edited = photo.copy()
    edited[68:88, 60:85] = [200, 80, 60]

    for name in ("photo.jpg", "photo.png", "beach.jpg"):
        Image.fromarray(photo).save(folder / name)
    for name in ("edited", "pasted", "painting"):
        Image.fromarray(edited).save(folder / f"{name}.png")
    for name in ("mask", "object", "moved", "bowl", "temple", "fir", "sky", "hill", "sun", "car"):
        Image.fromarray(mask).save(folder / f"{name}.png")
    Image.fromarray(np.dstack([photo, mask])).save(folder / "cutout.png")


def write_strangers_files(folder):
    """Write what others made: a photo of a phone, and a checkpoint of the reference."""
    import reference_checkpoints
    from awkward_pictures import HEIC

    (folder / "photo.heic").write_bytes(HEIC)
    reference_checkpoints.write(folder / "TrainedModels" / "lightning1")


@pytest.fixture(scope="module")
def briefly():
    """Train whatever is trained for a few iterations."""
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("onnx")
    with pytest.MonkeyPatch.context() as patch:
        for presets in (config.PRESETS, config.WITHOUT_DETAIL):
            for name, preset in list(presets.items()):
                patch.setitem(presets, name, replace(preset, iterations=ITERATIONS, pool=2))
        yield


@pytest.fixture(scope="module")
def made(briefly, tmp_path_factory):
    """A folder with all that pages name: files, a draft run, its bundle, and a folder of models."""
    folder = tmp_path_factory.mktemp("pages")
    write_files(folder)
    write_strangers_files(folder)
    for name in ("docs", "examples", "benchmarks"):
        (folder / name).symlink_to(ROOT / name)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call("train", "photo.jpg", "--out", "run", "--mask", "car.png", "--preset", "draft")
        call("export", "run", "--out", "bundle")
    shutil.copytree(ROOT / "models" / "aitzgorri", folder / "models" / "aitzgorri")
    return folder


# running


def call(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, f"singan {' '.join(words)}\n{result.output}"


def adapt(words):
    """Return the words with files for names that stand for any, and with small numbers."""
    words = [STANDS_FOR.get(word, word) for word in words]
    for at, word in enumerate(words[:-1]):
        value = words[at + 1]
        if word in MOST:
            words[at + 1] = str(min(int(value), MOST[word]))
        elif word == "--size":
            words[at + 1] = re.sub(r"\d+", lambda side: str(int(side[0]) // SMALLER), value)
        elif word == "--screens" and value.isalpha():
            words[at + 1] = SCREENS
    if "--val" in words:  # a share of the pictures, of which each part needs one
        words[words.index("--count") + 1] = "5"
    added = ADDED.get(words[1], [])
    return words if added and added[0] in words else words + added


def clear_result(words):
    """Remove what the materials have under the name of a result, unless a run is to go on."""
    if "--out" in words and "--resume" not in words:
        path = Path(words[words.index("--out") + 1])
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def serve(words):
    """Start a service as the page does, but at any free port, ask whether it lives, and end it."""
    if "--port" in words:
        at = words.index("--port")
        del words[at : at + 2]
    command = [sys.executable, "-c", "from singan_cli.main import main; main()", *words]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--port", "0"], **pipes) as process:
        said = [json.loads(line)["message"] for line in iter_until(process.stderr, "http://")]
        url = re.search(r"http://[\d.:]+", said[-1])[0]
        assert urllib.request.urlopen(f"{url}/healthz", timeout=30).status == 200
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert process.returncode in (0, 143)


def iter_until(lines, word):
    """Yield lines up to the one that has a word."""
    for line in lines:
        yield line
        if word in line:
            return


def follow(words):
    """Run one command of a page."""
    program, *rest = adapt(words)
    if program == "python":
        subprocess.run([sys.executable, *rest], check=True, capture_output=True)
    elif rest[0] == "serve":
        serve(rest)
    else:
        clear_result(rest)
        call(*rest)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_of_a_page_run_in_its_order(page, made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    for block in BLOCKS[page]:
        for words in block.commands if block.reason is None else ():
            try:
                follow(words)
            except Exception as error:
                raise AssertionError(f"{block}: {' '.join(words)}") from error
