"""The version of this program."""

from importlib.metadata import PackageNotFoundError, version


def find_version() -> str:
    """Find the version of the installed package, or 0+unknown in a bare source tree."""
    try:
        return version("singan")
    except PackageNotFoundError:
        return "0+unknown"
