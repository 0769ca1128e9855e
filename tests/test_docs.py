"""What the pages say exists: links, commands with their options, modules and names."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import typer

from singan_cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    ROOT / "examples" / "CREDITS.md",
    *(ROOT / "models").glob("**/README.md"),
]
COMMANDS = typer.main.get_command(app).commands
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def find_anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def find_commands(text, program):
    """Return what follows the name of a program, in code blocks and in `code`, without comments."""
    blocks = re.findall(rf"^ {{4}}{program} +(.+?)(?: +#.*| {{6,}}.*)?$", text, re.M)
    return blocks + [" ".join(one.split()) for one in re.findall(rf"`{program} ([^`]+)`", text)]


def read_options(words):
    return {word.partition("=")[0] for word in words.split() if re.match(r"--\w", word)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in find_anchors(file), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_have_the_options_that_pages_give_them(page):
    for words in find_commands(page.read_text(encoding="utf-8"), "singan"):
        name = words.split()[0]
        if name.startswith("-"):
            continue
        assert name in COMMANDS, f"singan {words}"
        parameters = COMMANDS[name].params
        known = {one for parameter in parameters for one in parameter.opts}
        known |= {one for parameter in parameters for one in parameter.secondary_opts}
        assert read_options(words) <= known | {"--help"}, f"singan {words}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_programs_have_the_options_that_pages_give_them(page):
    for words in find_commands(page.read_text(encoding="utf-8"), "python"):
        program = ROOT / words.split()[0]
        assert program.is_file(), f"python {words}"
        for option in read_options(words):
            assert f'"{option}"' in program.read_text(encoding="utf-8"), f"python {words}"


def test_checks_of_commands_see_the_commands():
    """The three tests above would pass if they found nothing."""
    found = find_commands((ROOT / "README.md").read_text(encoding="utf-8"), "singan")
    assert "sample bundle --out pictures --size 1920x1080,phone,banner --count 5" in found
    assert read_options("sample bundle --out a --count=5") == {"--out", "--count"}


def find_names(module):
    """Return the functions and classes of a module, and the methods of its classes."""
    folder = "cli/" if module.startswith("singan_cli") else ""
    path = ROOT / f"{folder}{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    methods = (
        f"{node.name}.{one.name}"
        for node in defined
        if isinstance(node, ast.ClassDef)
        for one in node.body
        if isinstance(one, ast.FunctionDef)
    )
    return {node.name for node in defined} | set(methods)


def test_architecture_names_functions_that_exist():
    rows = re.findall(
        r"^\| [^|]+ \| (singan_\w+\.[\w.]+) \| ([\w., ]+) \|$",
        ARCHITECTURE.read_text(encoding="utf-8"),
        re.M,
    )
    assert len(rows) >= 10
    for module, names in rows:
        assert set(names.split(", ")) <= find_names(module), f"{module}: {names}"


def test_architecture_lists_every_module():
    found = importlib.util.spec_from_file_location("list_modules", ROOT / "docs/list_modules.py")
    list_modules = importlib.util.module_from_spec(found)
    found.loader.exec_module(list_modules)
    page = ARCHITECTURE.read_text(encoding="utf-8")
    assert page == list_modules.fill_lists(page), "run: python docs/list_modules.py"


def test_the_citation_names_this_version():
    import tomllib

    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in ("version", "license"):
        assert str(citation[name]) == project[name]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["title"] == project["name"]


def test_the_drawing_specification_of_now_has_a_row():
    from singan_core.identity import DRAWING_SPEC

    page = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
    assert page.count(DRAWING_SPEC) == 2  # among the versions, and what it changed
