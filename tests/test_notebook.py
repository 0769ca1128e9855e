"""The notebook runs from top to bottom, is readable when it has not run here, and is small."""

import base64
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "singan.ipynb"
MOST_BYTES = 2_000_000
MOST_SECONDS = 240  # of processors


@pytest.fixture(scope="module")
def make_notebook():
    for package in ("nbclient", "ipykernel", "ipywidgets", "torch", "onnx", "matplotlib"):
        pytest.importorskip(package)
    sys.path.insert(0, str(ROOT / "examples"))
    import make_notebook

    yield make_notebook
    sys.path.remove(str(ROOT / "examples"))


def read_cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def list_pictures(cells):
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [one[kind] for one in shown for kind in one if kind.startswith("image/")]


def test_its_pictures_are_stored_and_small():
    assert NOTEBOOK.stat().st_size <= MOST_BYTES
    pictures = list_pictures(read_cells())
    assert len(pictures) >= 9 and all(len(base64.b64decode(one)) > 2000 for one in pictures)
    said = [output for cell in read_cells() for output in cell.get("outputs", [])]
    assert not [one for one in said if one["output_type"] == "error" or one.get("name") == "stderr"]


def test_its_cells_are_those_of_the_program(make_notebook):
    written = ["".join(cell["source"]) for cell in read_cells()]
    assert written == list(make_notebook.CELLS), "run make notebook"


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_in_under_four_minutes(make_notebook, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = tmp_path / "singan.ipynb"
    make_notebook.main(path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert len(list_pictures(cells)) >= 9 and path.stat().st_size <= MOST_BYTES
    # Time by the clock would say how busy the machine is.
    assert 10 < after.ru_utime - before.ru_utime < MOST_SECONDS
