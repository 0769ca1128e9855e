"""Write the lists of modules in docs/architecture.md, from the first line of each docstring.

Usage: python docs/list_modules.py
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
MARKED = re.compile(r"(<!-- modules of (\S+) -->\n).*?(<!-- end -->)", re.S)
"""A list in the page, between two comments that name its folder."""


def describe_module(path: Path) -> str:
    """Return the first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("|", "\\|")


def list_folder(folder: str) -> str:
    """Return a table of a package's modules, those of its sub-packages included."""
    rows = ["| module | purpose |", "|---|---|"]
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT / folder).as_posix()
        if name != "__init__.py":
            rows.append(f"| {name.removesuffix('__init__.py')} | {describe_module(path)} |")
    return "\n".join(rows)


def fill_lists(page: str) -> str:
    """Return the page with every list written anew."""
    return MARKED.sub(lambda found: f"{found[1]}{list_folder(found[2])}\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(fill_lists(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
