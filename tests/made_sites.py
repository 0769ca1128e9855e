"""Folders that 'singan make' has made, and what it says where it cannot."""

from command_line import call

OWN = {"manifest.json", "sheet.jpg", "picture.html", "index.html"}
"""What every site has, whatever its screens."""


def contents(folder):
    """The files of a site by their names, but for hidden ones."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name[0] != "."
    }


def one_line_of_make(*words):
    """The one line that a mistake gives: of what a site is to be made, its folder, and options."""
    source, out, *others = words
    status, _, said = call("make", source, "--out", out, *others)
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 1 and len(lines) == 1 and "Traceback" not in said
    return lines[0]
