"""Where this user's cache is: its files can be made again, and are passed on to nobody."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def find_cache_folder() -> Path:
    """Find the folder of singan in the user's cache, which need not be there yet.

    $XDG_CACHE_HOME comes first on every system, then the system's own place.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen) / "singan"

    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else Path.home() / "AppData/Local") / "singan" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/singan"
    return Path.home() / ".cache/singan"
