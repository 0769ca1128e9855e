import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from singan_core.plain_names import MOST_BYTES, are_plain, is_plain, make_plain


@pytest.mark.parametrize("name", ["hills", "IMG_0042 (1)", "日本の庭", "a.b", "São Paulo", "7"])
def test_ordinary_names_are_plain_and_stay_as_they_are(name):
    assert is_plain(name) and make_plain(name) == name


HOSTILE = ["", ".", "..", "../evil", "/etc/passwd", "a\\b", "C:evil", "a\0b", "a\nb", "\x1b[2Jx"]
HOSTILE += ["-rf", "=1+1", ".hidden", " a", "a ", "a.", "con", "NUL.txt", "a" * 200, "\u202egnp"]
HOSTILE += ["<script>", "a\ud800"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_more_than_a_name_are_told_apart_and_made_plain(name):
    assert not is_plain(name)
    assert is_plain(make_plain(name))


@given(st.text(st.characters(exclude_categories=())))
@example("0" * 5 + "\U0001d400" * 40)
def test_a_plain_name_can_be_made_of_any_text(text):
    made = make_plain(text)
    named = f"{made}_640x480_7"
    assert is_plain(made)
    assert is_plain(named) or MOST_BYTES < len(named.encode("utf-8")) < 255  # of a file's name
    assert not re.search(r"[/\\\0]", made)


def test_labels_must_differ_on_every_system():
    assert are_plain(["hill", "sky"]) and are_plain([])
    assert not are_plain(["Sky", "sky"]) and not are_plain(["é", "e\u0301"])
