"""The options --best and --sheet of singan sample: candidates, ranked or not, and their sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from singan_cli.terminal import say
from singan_core.encoding import ENDINGS

if TYPE_CHECKING:
    from singan_cli.sampling import Output
    from singan_runtime import Sampler
    from singan_runtime.measures.choice import Candidate
    from singan_runtime.plan import Plan
    from singan_runtime.request import Request


def check_options(best: int | None, sheet: Path | None, count: int, kinds: int) -> None:
    """Raise typer.BadParameter for options that do not go together.

    kinds is the number of sizes times that of start scales.
    """
    if best is not None and best < count:
        raise typer.BadParameter(
            f"--best {best} is fewer than --count {count}: "
            "compare at least as many pictures as are to be written"
        )
    if sheet is not None and kinds > 1:
        raise typer.BadParameter(
            "--sheet shows one size and one start scale: leave out further ones"
        )
    if sheet is not None and sheet.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"--sheet {sheet}: name a file that ends in {', '.join(ENDINGS)}")


def choose_seeds(sampler: Sampler, request: Request, output: Output) -> Sequence[int]:
    """Choose the seeds of the pictures to be written, best first where there is a choice.

    The sheet is written on the way.
    """
    from singan_cli.progress import count_progress
    from singan_runtime.measures import choice

    plan = sampler.plan_request(request)
    seeds = range(request.seed, request.seed + output.candidates)
    judge = choice.judge if output.best is None else choice.rank
    with count_progress("candidates", len(seeds)) as advance:
        candidates = judge(sampler, plan, seeds, advance)

    chosen = [one.seed for one in candidates[: output.count]]
    if output.best is not None:
        named = ", ".join(str(seed) for seed in chosen)
        scale = f", start scale {request.start_scale}" if request.start_scale else ""
        say(
            f"{plan.size[1]}x{plan.size[0]}{scale}: "
            f"the best {output.count} of seeds {seeds[0]} to {seeds[-1]}: {named}"
        )
    if output.sheet is not None:
        marked = chosen if output.best is not None else []
        write_sheet(sampler, output.sheet, plan, candidates, marked, output.style.background)
    return chosen


def choose_open_seeds(
    sampler: Sampler, requests: Sequence[Request], output: Output
) -> Sequence[int] | None:
    """Choose the seeds of a command that names none, the same for all its requests.

    The first new composition among them decides. None if there is none that can be judged.
    """
    from singan_runtime.measures import choice

    for request in requests:
        if request.start_scale == 0 and choice.can_choose(
            sampler.plan_request(request), output.count
        ):
            count = choice.count_candidates(output.count)
            return choose_seeds(sampler, request, replace(output, best=count))
    return None


def write_sheet(
    sampler: Sampler,
    path: Path,
    picture: Plan,
    candidates: Sequence[Candidate],
    chosen: Sequence[int],
    background: tuple[int, int, int],
) -> None:
    """Write one sheet of all candidates, in the order of their ranks if some are chosen."""
    from singan_core import encoding
    from singan_core.atomic import make_folder
    from singan_runtime.measures.sheet import draw_sheet

    pixels = draw_sheet(picture, candidates, chosen, ranked=bool(chosen), background=background)
    make_folder(path.parent)
    encoding.save(path, pixels, ENDINGS[path.suffix.lower()])
    say(f"wrote {path}: {len(candidates)} pictures in small; draw one of them large with --seed")
