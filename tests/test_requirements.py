"""Every package that make installs is pinned, has hashes, and its licence is in the docs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNHASHED = {"torch"}  # its wheel without CUDA is not on PyPI


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(name):
    """(package, version) of every line of a file, by the names that pip compares."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        (normalise(one), version) for one, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.M)
    }


def test_hashes_are_those_of_the_pinned_versions():
    pins = read_pins("constraints.txt")
    assert {pin for pin in pins if pin[0] not in UNHASHED} == read_pins("requirements/all.txt"), (
        "constraints.txt has changed: run make hashes"
    )
    assert read_pins("requirements/runtime.txt") < pins
    assert read_pins("requirements/serve.txt") < pins


@pytest.mark.parametrize("name", ["all", "runtime", "serve"])
def test_every_package_has_hashes(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=\S)", text.strip())
    assert len(packages) > 20
    for package in packages:
        assert re.fullmatch(r"[\w.-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", package), package


def test_make_installs_nothing_unchecked_but_torch():
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8").split("# A third one")[0]
    installs = [
        line for line in recipes.splitlines() if "pip install" in line and "uv==" not in line
    ]
    assert len(installs) == 5
    for line in installs:
        is_checked = "--require-hashes" in line or "--no-deps --no-build-isolation" in line
        assert is_checked or line.endswith("--constraint constraints.txt torch"), line


def test_the_licence_of_every_package_is_named():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    table = page[page.index("| extra |") :]
    named = {normalise(word) for word in re.findall(r"[\w.-]+", table)}
    assert {package for package, _ in read_pins("constraints.txt")} <= named
