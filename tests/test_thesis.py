"""The thesis in small: every part draws and measures, and what is done is not done again."""

import json
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def thesis():
    sys.path.insert(0, str(ROOT / "examples"))
    import thesis

    yield thesis
    sys.path.remove(str(ROOT / "examples"))


@pytest.fixture(scope="module")
def work(thesis):
    from thesis_models import Work

    return Work(
        side=72,
        scales=(3,),
        samples=2,
        shapes=((50, 94), (94, 50)),
        frames=2,
        judged=2,
        iterations=25,
    )


@pytest.fixture(scope="module")
def done(thesis, work, tmp_path_factory):
    folder = tmp_path_factory.mktemp("thesis")
    thesis.repeat_thesis(folder, thesis.PHOTO, list(thesis.PARTS), work)
    return folder


def test_every_part_leaves_its_files(done):
    for kind in ("plain", "detail"):
        for start_scale in (0, 1, 2):
            assert (
                len(list((done / kind / "samples" / f"start_scale_{start_scale}").iterdir())) == 2
            )
        assert {one.name for one in (done / kind / "shapes").iterdir()} == {"94x50", "50x94"}
        assert len(list((done / kind / "clips").glob("*.gif"))) == 12
    sheets = {one.stem for one in (done / "sheets").iterdir()}
    assert sheets == {"samples", "shapes", "clips", "scales", "scales_chart", "schedules"}


def test_every_part_has_its_time_and_its_results(thesis, done):
    parts = json.loads((done / "record.json").read_text())["parts"]
    assert list(parts) == list(thesis.PARTS)
    assert all(part["processor"] > 0 and part["results"] for part in parts.values())
    scores = parts["scales"]["results"]["plain"]["3"]
    assert scores["swd"] > 0 and scores["coherence"] > 0 and scores["sides"] == [25, 42, 72]
    assert parts["schedules"]["results"]["linear, plain"]["sides"] == [25, 48, 72]


def test_what_is_done_is_skipped_and_the_page_shows_it(thesis, work, done, tmp_path):
    before = {one: one.stat().st_mtime_ns for one in done.rglob("*") if one.is_file()}
    notebook = thesis.repeat_thesis(done, thesis.PHOTO, list(thesis.PARTS), work)
    assert {one: one.stat().st_mtime_ns for one in done.rglob("*") if one.is_file()} == before

    thesis.write_page(tmp_path / "thesis.md", done, notebook.parts)
    page = (tmp_path / "thesis.md").read_text()
    shown = re.findall(r"\]\((pictures/\S+)\)", page)
    assert len(shown) == 6 and all((tmp_path / one).is_file() for one in shown)
    assert "not run yet" not in page and "| 3 scales, plain | 25 42 72 |" in page


def test_other_numbers_are_refused_in_the_same_folder(thesis, done):
    from thesis_models import Work

    with pytest.raises(SystemExit, match="begun with other numbers"):
        thesis.repeat_thesis(done, thesis.PHOTO, ["train"], Work())


def test_a_part_that_is_stopped_keeps_its_time_and_is_not_done(thesis, work, tmp_path, monkeypatch):
    def stop(models):
        raise KeyboardInterrupt

    monkeypatch.setitem(thesis.PARTS, "shapes", ("stopped", stop))
    with pytest.raises(KeyboardInterrupt):
        thesis.repeat_thesis(tmp_path, thesis.PHOTO, ["shapes"], work)
    notebook = thesis.Notebook(tmp_path, work)
    assert "shapes" in notebook.parts and not notebook.is_done("shapes")
