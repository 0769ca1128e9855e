"""The commands that the pages show, and what says that a block of them is not run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = (
    *("singan", "python", "python3", "pip", "make", "pytest", "sphinx-build", "source", "cd"),
    *("git", "npm", "node", "g++", "curl", "podman", "docker"),
)
"""What a line of a block begins with if it is a command. So do programs in the folder (./name)."""

_MARK = r"(?:^<!-- not run: (?P<{0}>.+?) -->\n\n?)?"
_INDENTED = _MARK.format("above") + r"(?P<block>^ {4}\S.*\n(?: {4}.*\n|\n(?= {4}))*)"
_FENCED = _MARK.format("before") + r"^```(?:sh|bash|console|text)?\n(?P<fenced>[\s\S]*?)^```$"
BLOCK = re.compile(rf"{_FENCED}|{_INDENTED}", re.M)


@dataclass(frozen=True)
class Block:
    """Commands that stand together in a page: the words of each, and why they are not run."""

    page: str
    line: int
    commands: tuple[tuple[str, ...], ...]
    reason: str | None

    def __str__(self):
        return f"{self.page}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """Read the blocks of a page that have commands, in its order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in BLOCK.finditer(text):
        commands = read_commands(found["block"] or found["fenced"])
        if commands:
            line = text.count("\n", 0, found.start()) + 1
            blocks.append(Block(page.name, line, commands, found["above"] or found["before"]))
    return blocks


def read_commands(block: str) -> tuple[tuple[str, ...], ...]:
    """Read the commands of a block, as a shell splits them, without comments and other lines."""
    lines = re.sub(r"\\\n\s*", " ", block).splitlines()
    named = [line.strip() for line in lines if is_command(line.strip())]
    return tuple(tuple(shlex.split(line, comments=True)) for line in named)


def is_command(line: str) -> bool:
    """Whether a line begins with a program."""
    return line.startswith("./") or line.partition(" ")[0] in PROGRAMS
