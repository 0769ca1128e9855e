"""The examples of docs/python.md run, in the order of the page, and print what the page says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from singan_runtime import Sampler

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
DATA = Path(__file__).parent / "data"
EXAMPLES = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE.read_text(), re.M | re.S))
"""Each section's code by its heading."""

WITH_TORCH = ("Train", "Export")
OWN_PROCESS = "Programs that run for long"
"""Its example changes settings of the whole process."""
APPLICATIONS = {
    "Train",
    "Export",
    "Sample",
    "Sizes, windows, seamless pictures",
    "Request",
    "Files that know their request",
    "The best of several",
    "Retarget",
    "Keep an object",
    "Animate",
    "Edit and harmonize",
    "Paint",
    "Upscale",
    "Labels and datasets",
    "Evaluate",
    "Reconstruct",
    OWN_PROCESS,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the page's examples name."""
    made = tmp_path_factory.mktemp("examples")
    shutil.copytree(DATA / "detail_bundle", made / "bundle")
    shutil.copytree(DATA / "marked_bundle", made / "labelled")

    photo = Sampler.load(made / "bundle", threads=1).photo.pixels
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[40:70, 50:80] = 255
    edited = photo.copy()
    edited[40:70, 50:80] = photo[20:50, 100:130]
    blocks = np.repeat(np.repeat(photo[10::20, 10::30], 20, axis=0), 30, axis=1)

    pictures = {"photo": photo, "mask": mask, "edited": edited, "painting": blocks}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(made / f"{name}.png")
    return made


def expected_output(code: str) -> list[str]:
    """Return what the page says that an example prints: the comment behind each call of print."""
    lines = [line for line in code.splitlines() if line.startswith("print(")]
    return [line.split("  # ")[1] for line in lines]


def test_page_has_an_example_of_each_application():
    assert set(EXAMPLES) == APPLICATIONS


@pytest.mark.parametrize("heading", EXAMPLES)
def test_example_prints_what_the_page_says(heading, folder, monkeypatch, capfd):
    if heading in WITH_TORCH:
        pytest.importorskip("torch").set_num_threads(1)
    if heading == "Labels and datasets":
        pytest.importorskip("pycocotools")
    monkeypatch.chdir(folder)

    code = EXAMPLES[heading]
    if heading == OWN_PROCESS:
        subprocess.run([sys.executable, "-c", code], check=True)
    else:
        exec(compile(code, f"{PAGE.name}: {heading}", "exec"), {})

    assert expected_output(code)
    assert capfd.readouterr().out.splitlines() == expected_output(code)
