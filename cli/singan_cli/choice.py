"""What singan sample does with --best and --sheet: candidates, ranked or not, and the sheet that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from singan_core.pyramid import Size
    from singan_runtime import Sampler
    from singan_runtime.choice import Candidate
    from singan_runtime.picture import Picture

SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def check(best: int | None, sheet: Path | None, count: int, kinds: int) -> None:
    """Raise typer.BadParameter for options that do not go together; kinds is sizes times start scales."""
    if best is not None and best < count:
        raise typer.BadParameter(
            f"--best {best} is fewer than --count {count}: compare at least as many pictures as are to be written"
        )
    if sheet is not None and kinds > 1:
        raise typer.BadParameter(
            "--sheet shows one size and one start scale: leave out further ones"
        )
    if sheet is not None and sheet.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"--sheet {sheet}: name a file that ends in {', '.join(SUFFIXES)}")


def check_picture(sampler: Sampler, picture: Picture) -> None:
    """Raise RequestError for a picture whose candidates cannot be compared or previewed."""
    from singan_runtime import choice

    choice.check(sampler, picture)


def choose(
    sampler: Sampler,
    size: Size,
    request: dict[str, Any],
    seeds: range,
    count: int,
    best: int | None,
    sheet: Path | None,
    colour: tuple[int, int, int],
) -> Sequence[int]:
    """The seeds of the pictures to be written, best first where there is a choice; the sheet is written on the way."""
    from singan_cli.progress import counting
    from singan_runtime import choice

    picture = sampler.picture(size, **request)
    work = choice.judge if best is None else choice.rank
    with counting("candidates", len(seeds)) as advance:
        candidates = work(sampler, picture, seeds, advance)
    chosen = [one.seed for one in candidates[:count]]
    if best is not None:
        named = ", ".join(str(seed) for seed in chosen)
        scale = f", start scale {request['start_scale']}" if request["start_scale"] else ""
        typer.echo(
            f"{size[1]}x{size[0]}{scale}: the best {count} of seeds {seeds[0]} to {seeds[-1]}: {named}"
        )
    if sheet is not None:
        write_sheet(sampler, sheet, picture, candidates, chosen if best is not None else [], colour)
    return chosen


def write_sheet(
    sampler: Sampler,
    path: Path,
    picture: Picture,
    candidates: Sequence[Candidate],
    chosen: Sequence[int],
    colour: tuple[int, int, int],
) -> None:
    """One sheet of all candidates; in the order of their ranks if some are chosen."""
    from singan_core import images
    from singan_core.atomic import make_folder
    from singan_runtime.sheet import draw_sheet

    pixels = draw_sheet(picture, candidates, chosen, ranked=bool(chosen), background=colour)
    make_folder(path.parent)
    images.save(path, pixels, SUFFIXES[path.suffix.lower()])
    typer.echo(
        f"wrote {path}: {len(candidates)} pictures in small; draw one of them large with --seed"
    )
