"""Names of models and labels, which become parts of file names on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MOST_BYTES = 150
"""Of a name in UTF-8. A file name may have 255, and size, seed and window are appended to it."""

_FORBIDDEN = r'[/\\:*?"<>|]'
_FIRST = r"[\s.~=+@-]"
"""At the beginning: a hidden file, an option of a program, or a formula of a spreadsheet."""
_DEVICE = r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)"
"""Names that Windows keeps for devices, whatever their ending."""


def is_plain(name: str) -> bool:
    """Whether a name can be a folder, and begin a file's name, on every system."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= MOST_BYTES
        and name.isprintable()
        and not re.search(_FORBIDDEN, name)
        and not re.match(f"{_FIRST}|{_DEVICE}", name)
        and name[-1] not in " ."
    )


def are_plain(names: Sequence[str]) -> bool:
    """Whether names are plain and differ, also where upper and lower case are the same."""
    different = {unicodedata.normalize("NFC", name).casefold() for name in names}
    return all(is_plain(name) for name in names) and len(different) == len(names)


def make_plain(name: str) -> str:
    """Make a plain name of any text, and leave one that is plain as it is."""
    if is_plain(name):
        return name

    printable = (letter if letter.isprintable() else "_" for letter in name)
    made = re.sub(_FORBIDDEN, "_", "".join(printable)).strip()
    if re.match(f"{_FIRST}|{_DEVICE}|$", made):
        made = f"_{made}"
    cut = made.encode("utf-8")[: MOST_BYTES - 1].decode("utf-8", "ignore")
    return cut if cut[-1] not in " ." else f"{cut}_"
