"""Lists of screens: those that have a name, and those that a file holds."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_core import bounded_json
from singan_core.bounded_file import BoundedFile
from singan_core.errors import RequestError
from singan_core.limits import show
from singan_core.paths import require_file
from singan_core.plain_names import are_plain
from singan_core.pyramid import Size
from singan_runtime.parsing import parse_size
from singan_runtime.request import read_size
from singan_runtime.screens import LISTS

MOST_SCREENS = 200
MOST_BYTES = 1 << 16  # of a file

RESERVED = ("sheet",)
"""Names of files that a site has itself."""


@dataclass(frozen=True)
class Screen:
    """A screen by the name that its files will have. Raises RequestError for a size of nothing."""

    name: str
    size: Size  # (height, width) in px

    def __post_init__(self) -> None:
        """Check the size."""
        read_size(self.size)


def read_screens(word: str) -> tuple[Screen, ...]:
    """Read the name of a list, the path of a file, or screens such as 'fullhd,800x600'.

    Raises RequestError.
    """
    if word in LISTS:
        return _check([Screen(name, parse_size(name)) for name in LISTS[word]], word)
    path = Path(word)
    if path.is_file():
        return _check(_read_file(path), word)

    try:
        return _check([Screen(name.strip(), parse_size(name)) for name in word.split(",")], word)
    except RequestError as error:
        near = difflib.get_close_matches(word, LISTS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise RequestError(
            f"{show(word)} is no list of screens: {hint}choose {', '.join(LISTS)}, a file of names "
            f"and sizes, or sizes with commas between them ({error})"
        ) from None


def _read_file(path: Path) -> list[Screen]:
    """Read a text file, a screen a line, or the same as JSON. Raises RequestError."""
    try:
        with BoundedFile(require_file(path)) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")

        text = content.decode("utf-8-sig")
        if text.lstrip()[:1] in ("[", "{"):
            return _read_json(bounded_json.decode(text.lstrip(), MOST_BYTES))
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        return [_read_line(line) for line in lines if line]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestError(
            f"{path}: not a list of screens ({reason}); write a name and a size a line, as in: "
            "hero 1920x1080"
        ) from None
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from None


def _read_json(found: Any) -> list[Screen]:
    """Read a list of lines, or an object of sizes by name."""
    if isinstance(found, list):
        return [_read_line(one) for one in found if isinstance(one, str) or _refuse(one)]
    return [Screen(name, _read_json_size(value)) for name, value in found.items()]


def _read_json_size(value: Any) -> Size:
    """Read 'WxH', a name, or an object of width and height, as the service lists its screens."""
    if isinstance(value, dict) and value.keys() == {"width", "height"}:
        return read_size((value["height"], value["width"]))
    return parse_size(value) if isinstance(value, str) else _refuse(value)


def _refuse(value: Any) -> Any:
    raise RequestError(f"{show(value)} is no size: write it as '1920x1080'")


def _read_line(line: str) -> Screen:
    """Read 'hero 1920x1080', or a word that is name and size in one, as in 'fullhd'."""
    *name, size = line.split()
    if len(name) > 1:
        raise RequestError(f"{show(line)} is no screen: write a name and a size: hero 1920x1080")
    return Screen(name[0] if name else size, parse_size(size))


def _check(screens: list[Screen], word: str) -> tuple[Screen, ...]:
    """Raise RequestError unless there are screens whose names can be those of files."""
    if not 0 < len(screens) <= MOST_SCREENS:
        raise RequestError(
            f"{word}: {len(screens)} screens are not possible: list 1 to {MOST_SCREENS}"
        )
    names = [screen.name for screen in screens]
    if not are_plain(names) or any(name.lower() in RESERVED for name in names):
        raise RequestError(
            f"{word}: the names {show(', '.join(names))} become files: let them differ and be "
            f"plain, and none of them be {' or '.join(RESERVED)}"
        )
    return tuple(screens)
