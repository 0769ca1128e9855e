"""The names of the runs of many photos, which stay the same whenever they are listed again.

RUNS/photos.json keeps which name stands for which photo.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import msgspec

from singan_cli.many.outcome import Outcome
from singan_core import bounded_json
from singan_core.atomic import atomic_file
from singan_core.bounded_file import BoundedFile
from singan_core.errors import OutputError, SinGANError, say_reason
from singan_core.paths import require_file
from singan_core.picture_files import check_path
from singan_core.plain_names import is_plain, make_plain

INDEX = "photos.json"

_MOST = 2**28  # bytes of the index
_DIGITS = 8  # of a photo's digest, behind a name that another photo has


def name_photos(photos: Sequence[Path], runs: Path) -> tuple[dict[str, Path], list[Outcome]]:
    """Choose the name of each photo's run, and list the photos that cannot be read.

    A photo that is listed twice has one run. Of several photos of the same name, the first keeps it
    and the others have digits of their content behind it. The folder of the runs remembers the
    names. Raises OutputError.
    """
    known = read_index(runs)
    names: dict[str, Path] = {}
    failed: list[Outcome] = []
    for photo in photos:
        try:
            check_path(photo)
            with open(photo, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (SinGANError, OSError) as error:
            failed.append(Outcome(str(photo), "failed", say_reason(error)))
            continue
        if digest not in known:
            known[digest] = choose_name(make_plain(photo.stem), digest, list(known.values()))
        names.setdefault(known[digest], photo.absolute())

    write_index(runs, known)
    return names, failed


def choose_name(name: str, digest: str, taken: Sequence[str]) -> str:
    """Return a name, with digits of the photo behind it if the name is taken.

    Names that differ only in upper and lower case are the same folder on some systems.
    """
    folded = {_fold(one) for one in taken}
    return name if _fold(name) not in folded else f"{name}-{digest[:_DIGITS]}"


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_index(runs: Path) -> dict[str, str]:
    """Read which name stands for which photo, by the sha256 of its file.

    A name whose run was never begun is free again. Raises OutputError.
    """
    path = runs / INDEX
    if not path.exists():
        return {}
    try:
        with BoundedFile(require_file(path)) as file:
            known = msgspec.convert(bounded_json.decode(file.read(_MOST), _MOST), dict[str, str])
        if strange := [name for name in known.values() if not is_plain(name)]:
            raise ValueError(f"{strange[0][:100]!r} is no name of a run")
        return {digest: name for digest, name in known.items() if (runs / name).exists()}
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise OutputError(
            f"{path}: not a file that 'singan train-many' wrote ({say_reason(error)}); choose "
            "another folder"
        ) from None


def write_index(runs: Path, known: dict[str, str]) -> None:
    """Write which name stands for which photo, whole or not at all. Raises OutputError."""
    with atomic_file(runs / INDEX) as temporary:
        temporary.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
