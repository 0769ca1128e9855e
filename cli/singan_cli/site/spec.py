"""What a site is to show: which scene, on which screens, in which files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from singan_cli.site.screen_list import Screen
from singan_core.encoding import Style, check_format
from singan_core.errors import RequestError
from singan_core.version import find_version
from singan_runtime.files.writing import check_writable, describe_request
from singan_runtime.measures import choice
from singan_runtime.measures.calm import check_side
from singan_runtime.request import Request, check_seed
from singan_runtime.sampler import Sampler

FORMATS = ("avif", "webp", "jpeg")
"""Formats of every picture, the preferred first; the last is for browsers that know no other."""

CALM_CANDIDATES = 24
"""Seeds of which one is chosen where a zone of the picture is to be quiet."""


@dataclass(frozen=True)
class SiteSpec:
    """What a site is to show. A request without a size says which scene."""

    screens: tuple[Screen, ...]
    request: Request = field(default_factory=Request)
    calm: str = ""  # the side of a quiet zone, or none
    candidates: int | None = 1
    """Seeds, from the request's on, of which one is chosen. None: as many as settle finds."""
    formats: tuple[str, ...] = FORMATS
    style: Style = field(default_factory=Style)  # its format is not used
    alt: str = ""  # what the picture shows, in words

    def __post_init__(self) -> None:
        """Raise RequestError or InstallError for what no model can draw or no file can hold."""
        check_seed(self.request.seed, self.candidates or 1)
        if self.calm:
            check_side(self.calm)
        for screen, format in itertools.product(self.screens, self.formats):
            check_format(format, screen.size, self.style.quality)

    def list_requests(self, seed: int) -> Iterator[tuple[Screen, Request]]:
        """List every screen with the request of its picture."""
        for screen in self.screens:
            yield screen, replace(self.request, size=screen.size, seed=seed)

    def settle(self, sampler: Sampler) -> SiteSpec:
        """Settle how many candidates there are: where none can be judged, a single one."""
        if self.candidates is not None:
            return self
        plans = [sampler.plan_request(request) for _, request in self.list_requests(0)]
        can_choose = all(choice.can_choose(plan, 1) for plan in plans)
        return replace(self, candidates=choice.count_candidates(1) if can_choose else 1)

    def check(self, sampler: Sampler) -> None:
        """Raise an error, which names the screen, for a picture that cannot be drawn or written.

        Raises RequestError or InstallError.
        """
        for screen, request in self.list_requests(self.request.seed):
            for format in self.formats:
                try:
                    check_writable(sampler, request, replace(self.style, format=format))
                except RequestError as error:
                    raise RequestError(f"{screen.name}: {error}") from None

    def describe(self, sampler: Sampler) -> dict[str, Any]:
        """Describe all that decides the bytes of a picture, but for its screen and its seed."""
        manifest = sampler.manifest
        return {
            "model": {"name": manifest.name, "identity": sampler.identity},
            "version": find_version(),
            "request": describe_request(sampler, self.request),
            "calm": self.calm,
            "candidates": self.candidates,
            "formats": list(self.formats),
            "quality": self.style.quality,
            "background": list(self.style.background),
            "metadata": self.style.has_metadata,
            "credits": [manifest.creator, manifest.licence],
        }
