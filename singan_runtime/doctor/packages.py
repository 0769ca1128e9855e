"""The packages that singan can use, as its own metadata names them: versions, and what is missing.

Nothing is imported, so that a package that is broken, or takes seconds to load, does no harm.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from singan_runtime.providers import FLAVOURS

ALWAYS = "always"
"""What stands for an extra where a package is needed by every command."""

_LEFT_OUT = {"dev", "docs"}
_INDEX = {"tensorrt": "https://pypi.nvidia.com"}
"""Where extras come from whose packages PyPI has only in part."""

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?P<parts>\[[^]]*\])?>=(?P<oldest>[\w.]+)")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


@dataclass(frozen=True)
class Package:
    """A package: the oldest version that will do, the extra that it belongs to, what is there."""

    name: str
    oldest: str
    extra: str
    version: str | None  # None where it is not installed

    @property
    def is_usable(self) -> bool:
        """Whether it is installed, and no older than it may be."""
        return self.version is not None and _split(self.version) >= _split(self.oldest)

    @property
    def line(self) -> str:
        """The command that installs it."""
        return f"pip install {shlex.quote(f'{self.name}>={self.oldest}')}"

    def __str__(self) -> str:
        if self.version is None:
            return f"{self.name} is missing"
        if not self.is_usable:
            return f"{self.name} {self.version} is older than {self.oldest}"
        return f"{self.name} {self.version}"


def list_packages() -> list[Package]:
    """List the packages that singan can use, except ONNX Runtime, of which there are flavours."""
    try:
        requirements = metadata.requires("singan") or []
    except metadata.PackageNotFoundError:
        return []  # a bare source tree
    found = [read_requirement(one) for one in requirements]
    return [one for one in found if one is not None]


def read_requirement(text: str) -> Package | None:
    """Read a requirement, or None if it is not for this system or not for users."""
    wanted, _, condition = text.partition(";")
    match = _REQUIREMENT.match(wanted.strip())
    extra = _EXTRA.search(condition)
    if match is None or (extra and extra[1] in _LEFT_OUT) or match["name"] in FLAVOURS:
        return None
    if "sys_platform" in condition and sys.platform == "win32":
        return None
    name = match["name"]
    return Package(name, match["oldest"], extra[1] if extra else ALWAYS, find_version(name))


def find_version(name: str) -> str | None:
    """Find the version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def list_installs(packages: Iterable[Package]) -> dict[str, str]:
    """List the command for each extra that lacks something: all in one line."""
    lacking: dict[str, list[str]] = {}
    for package in packages:
        if not package.is_usable:
            index = _INDEX.get(package.extra)
            begun = ["pip", "install", *(("--extra-index-url", index) if index else ())]
            words = lacking.setdefault(package.extra, begun)
            words.append(f"{package.name}>={package.oldest}")
    return {extra: shlex.join(words) for extra, words in lacking.items()}


def _split(version: str) -> tuple[int, ...]:
    """Split a version into its numbers, as far as it has some: 2.10.0rc1 is (2, 10, 0)."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(one) for one in numbers[0].split(".")) if numbers else ()
