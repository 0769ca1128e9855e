"""What a file says never reaches the terminal as a command to it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singan_cli.app import format_warning
from singan_cli.terminal import make_visible

SINGAN = Path(sys.executable).with_name("singan")
COMMANDS = Path(__file__).parents[1] / "cli" / "singan_cli"
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp"


@given(st.text(st.characters(exclude_categories=())))
def test_no_control_character_but_tab_and_line_feed_is_left(text):
    shown = make_visible(text)
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode("utf-8")


def test_ordinary_text_stays_as_it_is():
    text = "wrote /tmp/日本の庭 é/a.png, 640x480\n\t👩‍🌾 می‌خواهم"
    assert make_visible(text) == text


def test_nothing_but_one_module_writes_to_the_terminal():
    for path in COMMANDS.glob("*.py"):
        if path.name not in ("terminal.py", "main.py"):  # main speaks where nothing can be loaded
            found = re.search(r"\becho\(|\bprint\(|std(out|err)\.write", path.read_text("utf-8"))
            assert not found, f"{path.name}: use say"


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", f"x{HOSTILE}"],
        ["--debug", "inspect", f"x{HOSTILE}"],
        [f"x{HOSTILE}"],
        ["inspect", f"--{HOSTILE}"],
    ],
)
def test_errors_of_every_kind_show_control_characters_as_escapes(words, tmp_path):
    done = subprocess.run([SINGAN, *words], capture_output=True, cwd=tmp_path)
    said = (done.stdout + done.stderr).decode("utf-8")
    assert done.returncode and "x1b" in said
    assert not re.search("[\x07\x1b\x9b\u202e]", said)


def test_warnings_show_control_characters_as_escapes():
    said = format_warning(UserWarning(HOSTILE))
    assert said.endswith("\n") and said[:-1].isprintable()
