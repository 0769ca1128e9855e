"""Settings of the docs as a site: make docs builds it with Sphinx.

The source folder is the whole repository, so that the pages' links to the README, the changes and
the models lead to pages of the site, as they do in a file browser.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

project = "singan"
author = "the authors of singan"
version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
release = version

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["html_image"]  # the README lays out its pictures with <img>
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "docs/*.md",
    "examples/*.md",
    "models/*.md",
    "models/*/*.md",
]
exclude_patterns = [".*", "node_modules", "build", "demo", "docs/_build"]

myst_heading_anchors = 4  # as on GitHub: a heading's link is its words
highlight_language = "none"  # of blocks that say nothing of their language
html_theme = "furo"  # brings its styles and scripts along and uses the fonts of the system
html_title = f"singan {version}"
html_extra_path = ["site"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_type_aliases = {name: name for name in ("Floats", "Mask", "Map", "Pixels", "Size", "Zoom")}
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90


def escape_docstring(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Let a docstring, which is plain text, pass as reStructuredText.

    Stars, bars and underscores mean nothing there, and `code` is written with one backtick.
    """
    for number, line in enumerate(lines):
        parts = re.split(r"(`+[^`]+`+)", line)
        for at, part in enumerate(parts):
            if part.startswith("`"):
                parts[at] = f"``{part.strip('`')}``"
            else:
                parts[at] = re.sub(r"([*|\\]|_\b)", r"\\\1", part)
        lines[number] = "".join(parts)


def setup(app: Sphinx) -> None:
    """Connect the treatment of docstrings, before that of their sections."""
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)
