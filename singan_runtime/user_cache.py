"""Where this user's cache is: its files can be made again, and are passed on to nobody."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from singan_core.errors import OutputError


def find_cache_folder() -> Path:
    """Find the folder of singan in the user's cache, which need not be there yet.

    $XDG_CACHE_HOME comes first on every system, then the system's own place. Raises OutputError for
    a user who has no home.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen) / "singan"

    try:
        home = Path.home()
    except RuntimeError:
        raise OutputError(
            "this user has no home folder for a cache; name a folder in XDG_CACHE_HOME"
        ) from None
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else home / "AppData/Local") / "singan" / "cache"
    if sys.platform == "darwin":
        return home / "Library/Caches/singan"
    return home / ".cache/singan"
