"""The installed version."""

from importlib.metadata import PackageNotFoundError, version


def tool_version() -> str:
    """Version of the installed distribution, or 0+unknown from a bare source tree."""
    try:
        return version("singan")
    except PackageNotFoundError:
        return "0+unknown"
