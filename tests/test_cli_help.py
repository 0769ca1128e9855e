"""What --help and the shell say of the commands and their options."""

import os
import re
import subprocess
import sys
import typing

import pytest
import typer
from command_line import COMMANDS, SINGAN, call

from singan_cli.app import app


def test_help_loads_neither_torch_nor_onnxruntime():
    code = (
        "import sys; from singan_cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {'torch', 'onnx', 'onnxruntime', 'imageio'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("photo", ["-", ".", "https://example.org/photo.jpg", "no_such_photo.jpg"])
def test_what_is_no_photo_is_said_before_torch_is_loaded(photo):
    code = (
        "import sys; from singan_cli.app import app\n"
        f"try: app(['train', {photo!r}, '--out', 'run'])\n"
        "except SystemExit as exit: assert exit.code == 1, exit.code\n"
        "assert 'torch' not in sys.modules"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stderr
    assert said.startswith("error: ") and said.count("\n") == 1


def test_help_shows_every_command_in_a_section_and_no_description_cut_off():
    said = call("--help")[1]
    assert "..." not in said.partition("Make:")[2]
    sections = re.findall(r"^(\w+):\n((?:  .+\n)+)", said, re.MULTILINE)
    assert [title for title, _ in sections] == [
        "Options",
        "Make",
        "Train",
        "Export",
        "Draw",
        "Edit",
        "Serve",
        "Judge",
    ]
    lines = dict(
        line.split(maxsplit=1) for _, listed in sections[1:] for line in listed.splitlines()
    )
    assert sorted(lines) == sorted(COMMANDS)
    assert all(2 < len(line) <= 60 and line.endswith(".") for line in lines.values())
    assert max(map(len, said.splitlines())) <= 80


def test_a_shell_completes_commands_and_options(tmp_path):
    """What bash asks the command when Tab is pressed, and the file that tells bash to ask."""
    environment = os.environ | {
        "HOME": str(tmp_path),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    for words, begun in (
        ("singan ev", "evaluate"),
        ("singan sample --ti", "--tileable"),
        ("singan train --preset s", "standard"),
        ("singan train --layout st", "strict"),
        ("singan export --precision i", "int8"),
        ("singan bench --device cu", "cuda"),
    ):
        asked = {
            "_SINGAN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        said = subprocess.run(
            [SINGAN], env=environment | asked, check=True, capture_output=True, text=True
        )
        assert said.stdout.split() == [begun]
    subprocess.run(
        [SINGAN, "--install-completion", "bash"], env=environment, check=True, capture_output=True
    )
    (script,) = tmp_path.rglob("*singan*")
    assert (
        "complete_bash" in script.read_text() and str(script) in (tmp_path / ".bashrc").read_text()
    )


def test_an_option_of_fixed_words_lists_them_as_its_value():
    """They are defined where they are checked: none is missing here, and none is added."""
    formats = pytest.importorskip("singan_export.formats")
    config = pytest.importorskip("singan_train.config")
    commands = typer.main.get_command(app).commands
    words = {
        ("train", "preset"): config.PRESETS,
        ("train", "layout"): config.LAYOUTS,
        ("train", "schedule"): typing.get_args(config.Schedule),
        ("train", "border"): typing.get_args(config.Border),
        ("train", "precision"): typing.get_args(config.Precision),
        ("export", "precision"): formats.PRECISIONS,
    }
    for (command, name), known in words.items():
        (option,) = (one for one in commands[command].params if one.name == name)
        assert option.metavar == "|".join(known)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_and_its_default(name):
    command = typer.main.get_command(app).commands[name]
    assert command.help
    for option in command.params:
        if option.name == "help":
            continue
        assert option.help and len(option.help) > 10, option.name
        if option.param_type_name == "option" and not option.required and not option.is_flag:
            assert option.show_default or option.default is not None, option.name


RANGES = {
    "train": {
        "max_size": "11 to 8192 px", "min_size": "11 to 1024 px", "hand_over": "11 to 128 px",
        "scales": "1 to", "iterations": "1 to 1000000", "seed": "0 to 2^63-1",
        "threads": "1 to 4 per core",
    },
    "sample": {
        "size": "pixels", "count": "1 to 1000000000", "seed": "0 to 2^64-1",
        "zoom": "0.001 to 1000", "threads": "1 to 4 per core", "best": "1 to 1000",
        "start_scale": "0 to", "max_pixels": "1 to 2^40 pixels",
        "format": "png, jpeg, webp, avif or tiff",
    },
    "dataset": {
        "count": "1 to 1000000000", "seed": "0 to 2^64-1", "despeckle": "3 to 15", "size": "pixels",
        "within": "0 to 1", "scales": "0.01 to 100",
    },
    "retarget": {
        "size": "pixels", "start_scale": "1 to the finest", "seed": "0 to 2^64-1", "keep": "pixels",
    },
    "edit": {
        "mask": "pixels", "start_scale": "1 to the finest",
        "reach": "in pixels of IMAGE, 0 to its longer side",
    },
    "paint": {"size": "pixels", "colours": "2 to 256"},
    "upscale": {"factor": "above 1"},
    "bench": {"repeats": "1 to 10000"},
    "export": {"hand_over": "11 to 1024"},
    "evaluate": {
        "count": "2 to 1000", "start_scales": "0 to the finest", "size_limit": "1 to 8192 px",
    },
    "animate": {
        "frames": "1 to 1000000", "max_frame_memory": "0.001 to 1024 GB",
        "fps": "0.1 to 50", "alpha": "0 to 1", "beta": "0 to 1",
        "start_scale": "0 to",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_numbers_say_their_unit_and_range(name):
    options = {
        option.name: option.help for option in typer.main.get_command(app).commands[name].params
    }
    for option, words in RANGES[name].items():
        assert words in options[option], option
