"""A list of screens: one of ours, a file, or sizes and names; each with its name."""

import re

import pytest

from singan_cli.site.screen_list import Screen, read_screens
from singan_core.errors import RequestError
from singan_runtime.screens import LISTS, SCREENS

# lists of screens


@pytest.mark.parametrize("name", LISTS)
def test_lists_name_known_screens_of_different_shapes(name):
    screens = read_screens(name)
    assert [screen.name for screen in screens] == list(LISTS[name])
    assert all(SCREENS[one.name] == (one.size[1], one.size[0]) for one in screens)


@pytest.mark.parametrize(
    "text",
    [
        "# ours\nhero 1920x1080\n\nphone   # as in the list\n",
        '["hero 1920x1080", "phone"]',
        '{"hero": "1920x1080", "phone": {"width": 1080, "height": 2400}}',
    ],
)
def test_a_file_lists_names_and_sizes_as_text_or_as_json(tmp_path, text):
    (tmp_path / "list").write_text(text)
    expected = Screen("hero", (1080, 1920)), Screen("phone", (2400, 1080))
    assert read_screens(str(tmp_path / "list")) == expected


def test_screens_may_be_named_one_by_one():
    assert read_screens("phone,60x40")[1] == Screen("60x40", (40, 60))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 screens"),
        ("a b 60x40", "is no screen"),
        ("a 60x40\nA 40x60", "let them differ"),
        ("sheet 60x40", "none of them be sheet"),
        ("../a 60x40", "be plain"),
        ("a 0x40", "0x40"),
        ("a sixty", "'sixty' is not a size"),
        ('{"a": 5}', "is no size"),
        ("[1]", "is no size"),
        ('{"a":', "not a list of screens"),
        ("\0" * 70000, "more than"),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_its_name(tmp_path, text, said):
    (tmp_path / "list").write_text(text)
    with pytest.raises(RequestError, match=re.escape(said)) as error:
        read_screens(str(tmp_path / "list"))
    assert str(error.value).startswith(str(tmp_path / "list"))


def test_an_unknown_list_is_refused_with_those_there_are():
    with pytest.raises(RequestError, match=r"did you mean social\?.*web, wallpapers"):
        read_screens("sociall")
