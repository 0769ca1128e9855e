"""Lists of requests and their pictures: what is to be drawn, and what is there already."""

import json

import pytest
from PIL import Image

from singan_cli.many.pictures import Drawing, PictureItem, draw, draw_item
from singan_cli.many.request_list import read_items
from singan_cli.many.shared_folder import hold_folder
from singan_core.encoding import Style
from singan_core.errors import OutputError, RequestError
from singan_runtime.files.names import name_request
from singan_runtime.files.writing import write_picture
from singan_runtime.request import Request


def write_lines(path, *lines):
    path.write_text(
        "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines)
    )
    return path


@pytest.fixture
def drawing(tmp_path):
    with hold_folder(tmp_path / "out") as mark:
        yield Drawing(mark, Style())


# lists of requests


def test_each_line_is_a_picture_with_a_name_of_its_own(tmp_path, tiny_bundle, drawing):
    path = write_lines(
        tmp_path / "list",
        {"size": "60x40", "seed": 3},
        "",
        {"size": "60x40", "seed": 3, "zoom": 2},
        {"size": "60x40", "seed": 3, "name": "hero", "model": str(tiny_bundle)},
        {},
    )
    items, failed = read_items(path, tiny_bundle, drawing)
    assert not failed and [item.request.size for item in items] == [(40, 60)] * 3 + [(32, 48)]
    names = [item.name for item in items]
    assert names[0] == "hills_60x40_3.png" and names[2:] == ["hero.png", "hills_48x32_0.png"]
    assert names[1] == f"{name_request('hills', items[1].request)}.png" != names[0]


def test_requests_that_differ_have_names_that_differ():
    different = [
        {"seed": 1}, {"zoom": "area"}, {"tileable": "x"}, {"variation": 2.0}, {"detail": False},
        {"start_scale": 1}, {"window": [0, 0, 9, 9]}, {},
    ]  # fmt: skip
    requests = [Request.from_dict({"size": "60x40"} | one) for one in different]
    assert len({name_request("a", one) for one in requests}) == len(requests)


def test_lines_that_cannot_be_drawn_fail_alone(tmp_path, tiny_bundle, drawing):
    lines = (
        {"size": "60x40"},
        "nonsense",
        [1],
        {"size": "60x40", "colour": "red"},
        {"size": "0x40"},
        {"name": "../a"},
        {"model": "nothing"},
        {"model": 5},
        {"size": "90x40", "name": "HILLS_60x40_0"},
    )
    items, failed = read_items(write_lines(tmp_path / "list", *lines), tiny_bundle, drawing)
    assert [item.name for item in items] == ["hills_60x40_0.png"]
    assert [one.name for one in failed] == [f"line {number}" for number in range(2, 10)]
    said = ("is not JSON", "no JSON object", "no field 'colour'", "0x40", "must be plain")
    said = (*said, "nothing", "are texts", "is already the file of line 1")
    assert all(words in one.reason for words, one in zip(said, failed, strict=True))


def test_a_picture_that_is_asked_for_twice_is_drawn_once(tmp_path, tiny_bundle, drawing):
    path = write_lines(tmp_path / "list", *[{"size": "60x40", "seed": 1, "zoom": "auto"}] * 3)
    items, failed = read_items(path, tiny_bundle, drawing)
    assert len(items) == 1 and not failed


@pytest.mark.parametrize("content", [b"", b"\n\n", b"x" * 70_000])
def test_a_file_without_requests_is_refused(tmp_path, drawing, content):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(RequestError, match=r"holds no request|is too much"):
        read_items(tmp_path / "list", None, drawing)
    with pytest.raises(RequestError, match="cannot be read"):
        read_items(tmp_path / "none", None, drawing)


# pictures


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_picture_is_drawn_once_and_is_that_of_sample(tmp_path, tiny_bundle, sampler, format):
    request, style = Request((40, 60), 3, variation=2.0), Style(format)
    with hold_folder(tmp_path / "out") as mark:
        item = PictureItem("a", tiny_bundle, request, Drawing(mark, style))
        assert [draw(item), draw(item)] == [True, False]
    write_picture(sampler, tmp_path / "b", request, style)
    assert (tmp_path / "out" / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_picture_of_another_version_of_the_program_stays(tiny_bundle, drawing, monkeypatch):
    item = PictureItem("a.png", tiny_bundle, Request((40, 60)), drawing)
    draw(item)
    monkeypatch.setattr("singan_runtime.files.provenance.find_version", lambda: "99.0")
    assert not draw(item)


def test_a_picture_of_a_few_pixels_is_drawn_once(tiny_bundle, drawing):
    item = PictureItem("a.png", tiny_bundle, Request((40, 60), window=(3, 3, 2, 5)), drawing)
    assert [draw(item), draw(item)] == [True, False]


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_a_damaged_picture_is_drawn_again(tiny_bundle, drawing, part):
    item = PictureItem("a.png", tiny_bundle, Request((40, 60)), drawing)
    draw(item)
    path = drawing.mark.parent / "a.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    assert draw(item) and path.read_bytes() == whole


@pytest.mark.parametrize(
    "other",
    [Request((40, 60), 1), Request((40, 60), zoom=1.5), None],
    ids=["seed", "zoom", "photo"],
)
def test_another_file_is_never_replaced(tiny_bundle, sampler, drawing, other):
    path = drawing.mark.parent / "a.png"
    if other is None:
        Image.new("RGB", (60, 40)).save(path)
    else:
        write_picture(sampler, path, other)
    before = path.read_bytes()
    outcome = draw_item(PictureItem("a.png", tiny_bundle, Request((40, 60)), drawing))
    assert outcome.state == "failed" and "choose another name or folder" in outcome.reason
    assert path.read_bytes() == before


def test_a_worker_that_sees_another_folder_draws_nothing(tmp_path, tiny_bundle):
    drawing = Drawing(tmp_path / ".mark", Style())
    with pytest.raises(OutputError, match="name one that all machines share"):
        draw(PictureItem("a.png", tiny_bundle, Request((40, 60)), drawing))
    assert not list(tmp_path.iterdir())


def test_the_folder_is_held_and_left_without_a_trace(tmp_path):
    with hold_folder(tmp_path):
        with pytest.raises(OutputError, match="writes to it"), hold_folder(tmp_path):
            pass
        left = tmp_path / ".a.png.singan-0123456789ab.tmp"  # of a worker that was killed
        left.write_bytes(b"half")
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}
