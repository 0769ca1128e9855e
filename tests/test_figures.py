"""No picture of the docs is made by hand: each is one of a program's."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"  # those of the models' cards lie below: tests/test_models.py


def load_figures():
    found = importlib.util.spec_from_file_location("figures", ROOT / "examples" / "figures.py")
    module = importlib.util.module_from_spec(found)
    import sys

    sys.modules["figures"] = module  # where its dataclass looks for its types
    found.loader.exec_module(module)
    return module.FIGURES


def test_every_picture_has_a_program():
    made = [name for figure in load_figures() for name in figure.pictures]
    assert len(made) == len(set(made))
    assert {path.name for path in PICTURES.iterdir() if path.is_file()} == set(made), (
        "add the picture to examples/figures.py, or remove it"
    )


def test_programs_of_pictures_exist_and_name_what_they_make():
    for figure in load_figures():
        program = re.match(r"python (\S+)", figure.command)
        if program is None:
            continue  # a command of singan, which names its file itself
        source = (ROOT / program[1]).read_text(encoding="utf-8")
        for name in figure.pictures:
            is_named = name in source or name in figure.command
            assert is_named or re.search(r"\{(seed|shape|name)", source), (program[1], name)


def test_every_picture_of_the_thesis_is_of_its_program_and_on_its_page():
    source = (ROOT / "examples" / "thesis_page.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "thesis.md").read_text(encoding="utf-8")
    names = {path.name for path in (PICTURES / "thesis").iterdir()}
    assert names == set(re.findall(r"\w+\.(?:jpg|png)", source))
    assert names == set(re.findall(r"pictures/thesis/([\w.]+)", page))


def test_every_picture_is_shown():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for path in filter(Path.is_file, PICTURES.iterdir()):
        assert f"pictures/{path.name}" in text, f"{path.name} is shown nowhere"
