"""The docs as a site: every page is in the contents, and nothing needs a network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import browser
import pytest

import singan_runtime
import singan_train

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements for which a browser fetches something by itself, and where they name it."""


def list_contents():
    """The entries of the contents in docs/index.md, without those that are patterns."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.M | re.S)
    entries = [line for block in blocks for line in block.splitlines()]
    return [entry for entry in entries if entry and not entry.startswith(":") and "*" not in entry]


def test_every_page_is_in_the_contents_once():
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    entries = list_contents()
    assert len(entries) == len(set(entries))
    assert pages == {entry for entry in entries if "/" not in entry}, (
        "add the page to a list in docs/index.md"
    )
    assert {"../README", "../CHANGELOG"} <= set(entries)


def test_the_api_reference_has_every_exported_name():
    """Errors are there as a whole module."""
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    described = set(re.findall(r"auto\w+:: [\w.]+\.(\w+)$", page, re.M))
    exported = {name for name in singan_runtime.__all__ if not name.endswith("Error")}
    exported |= set(singan_train.__all__) - {"PRESETS", "LAYOUTS"}
    assert exported <= described, "add the name to docs/api.md"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as make docs builds it."""
    pytest.importorskip("sphinx")
    pytest.importorskip("torch")
    out = tmp_path_factory.mktemp("site")
    words = ["-m", "sphinx", "--quiet", "--fail-on-warning", "-c", "docs", "-d", f"{out}/trees"]
    built = subprocess.run(
        [sys.executable, *words, ".", out / "html"], cwd=ROOT, capture_output=True, text=True
    )
    assert (built.returncode, built.stderr) == (0, "")
    return out / "html"


class Loads(HTMLParser):
    """Collects the addresses of what a page loads by itself."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        address = dict(attrs).get(LOADS.get(tag, ""))
        if address:
            self.found.append(address)


@pytest.mark.slow
def test_pages_load_nothing_from_outside_and_nothing_that_is_missing(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(list_contents())
    loaded = 0
    for page in pages:
        for address in Loads(page.read_text(encoding="utf-8")).found:
            assert not re.match(r"(\w+:)?//", address), f"{page.name} loads {address}"
            if not address.startswith(("data:", "#")):
                file = page.parent / address.partition("?")[0].partition("#")[0]
                assert file.exists(), f"{page.name} loads {address}"
                loaded += 1
    assert loaded > 10 * len(pages)


@pytest.mark.slow
def test_styles_load_nothing_from_outside(site):
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text), style.name


@pytest.mark.slow
def test_reference_holds_signatures_and_docstrings(site):
    page = (site / "docs" / "api.html").read_text(encoding="utf-8")
    assert 'id="singan_runtime.Sampler.sample"' in page
    assert "Picture i has seed + i" in page
    assert "Raises RequestError" in page


@pytest.mark.slow
def test_search_finds_pages_without_a_server(site):
    with browser.open_browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{(site / 'search.html').as_uri()}?q=seamless")
        page.wait_for_selector("ul.search li a", timeout=20_000)
        found = page.locator("ul.search li a").all_inner_texts()
    assert any("seamless" in title for title in found), found
