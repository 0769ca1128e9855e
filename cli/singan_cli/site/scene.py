"""The scene of a site: the seed that all its screens share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from fractions import Fraction

from singan_cli.site.spec import SiteSpec
from singan_core.errors import RequestError
from singan_runtime.measures import choice
from singan_runtime.measures.calm import LIMIT, Zone, estimate_zones, measure_photo
from singan_runtime.measures.choice import Candidate
from singan_runtime.plan import Plan
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler


def choose_seed(
    sampler: Sampler, spec: SiteSpec, advance: Callable[[float], None] = lambda share: None
) -> int:
    """Choose the seed whose pictures hold together best, among those that are quiet everywhere.

    The photo again, on any screen, is taken only if there is nothing else. All screens of a shape
    have one composition. advance is called with the share that is done. Raises RequestError if no
    candidate is quiet.
    """
    count, first = spec.candidates or 1, spec.request.seed
    seeds = list(range(first, first + count))
    if count == 1 and not spec.calm:
        return first

    shapes = group_by_shape(spec)
    costs: dict[int, float] = defaultdict(float)
    copies: set[int] = set()
    for number, screens in enumerate(shapes):
        candidates = _judge(sampler, sampler.plan_request(next(iter(screens.values()))), seeds)
        if spec.calm:
            candidates = keep_quiet(sampler, screens, candidates, spec)
        for one in candidates:
            costs[one.seed] += one.score
        copies.update(one.seed for one in candidates if one.is_photo)
        seeds = [one.seed for one in candidates]
        advance((number + 1) / len(shapes))
    return min(seeds, key=lambda seed: (seed in copies, costs[seed], seed))


def group_by_shape(spec: SiteSpec) -> list[dict[str, Request]]:
    """Group the requests of all screens, by their names, by the shape of the picture."""
    found: dict[Fraction, dict[str, Request]] = defaultdict(dict)
    for screen, request in spec.list_requests(spec.request.seed):
        height, width = screen.size
        found[Fraction(width, height)][screen.name] = request
    return list(found.values())


def _judge(sampler: Sampler, picture: Plan, seeds: list[int]) -> list[Candidate]:
    """Begin and judge the pictures of some seeds. Raises RequestError."""
    try:
        return choice.judge(sampler, picture, seeds)
    except RequestError as error:
        said = str(error).replace("--best and --sheet", "--calm and --candidates")
        raise RequestError(said) from None


def keep_quiet(
    sampler: Sampler, screens: Mapping[str, Request], candidates: list[Candidate], spec: SiteSpec
) -> list[Candidate]:
    """Return the candidates that are quiet at the site's side, on all screens of their shape.

    Raises RequestError if there are none.
    """
    for name, request in screens.items():
        energies = [one[spec.calm].energy for one in estimate(sampler, request, candidates)]
        quiet = [one for one, energy in zip(candidates, energies, strict=True) if energy <= LIMIT]
        if not quiet:
            left = len(candidates) < (spec.candidates or 1)
            which = "those that are quiet on the screens before it" if left else "all candidates"
            raise RequestError(
                f"no place {describe_side(spec.calm)} of the picture for {name} is quiet: the "
                f"quietest of {which} ({len(candidates)}) has {min(energies):.2f} of the picture's "
                f"gradient energy, and at most {LIMIT:g} is taken; choose another side, "
                "more --candidates, or fewer screens"
            )
        candidates = quiet
    return candidates


def estimate(
    sampler: Sampler, request: Request, candidates: list[Candidate]
) -> list[dict[str, Zone]]:
    """Estimate the quietest zone at every side of the pictures of some candidates."""
    fit, photo = sampler.plan_request(request).fit, sampler.photo
    assert fit is not None and photo is not None
    energy = measure_photo(photo.pixels, fit)
    drawings = [one.drawing for one in candidates if one.drawing is not None]
    return [estimate_zones(energy, fit, drawing.sketch().map) for drawing in drawings]


def describe_side(side: str) -> str:
    """Say where a zone is."""
    return {"centre": "in the centre", "left": "on the left", "right": "on the right"}.get(
        side, f"at the {side}"
    )
