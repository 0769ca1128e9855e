"""What singan sample does after its options are read: refuse, choose seeds, write, say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from singan_cli import choice
from singan_cli.terminal import say
from singan_cli.zoom_text import SOFT_ZOOM, describe_zoom
from singan_core.paths import check_output_file, check_output_folder

if TYPE_CHECKING:
    from singan_core.pyramid import Size
    from singan_runtime import Sampler
    from singan_runtime.request import Request


@dataclass(frozen=True)
class Output:
    """Where the pictures go, how many of each request there are, and how they are chosen."""

    out: Path | None
    deepzoom: Path | None
    sheet: Path | None
    best: int | None
    count: int
    format: str
    background: tuple[int, int, int]

    @property
    def candidates(self) -> int:
        """How many pictures of each request are begun."""
        return self.best or self.count

    def check(self, kinds: int, has_window: bool) -> None:
        """Raise typer.BadParameter for options that do not go together.

        kinds is the number of sizes times that of start scales. Raises OutputError for a place
        where nothing can be put.
        """
        if (self.out and self.deepzoom) or not (self.out or self.deepzoom or self.sheet):
            raise typer.BadParameter("name one place for the result: --out DIR or --deepzoom DIR")
        choice.check_options(self.best, self.sheet, self.count, kinds)
        for path, check in ((self.deepzoom, check_output_folder), (self.sheet, check_output_file)):
            if path is not None:
                check(path)
        if self.deepzoom and (has_window or self.count > 1 or kinds > 1):
            raise typer.BadParameter(
                "--deepzoom writes one whole picture: leave out --window, --count, "
                "further sizes and further start scales"
            )


def check_requests(sampler: Sampler, requests: Sequence[Request], output: Output) -> None:
    """Refuse, before the first picture is written, what cannot be drawn or written.

    Raises RequestError.
    """
    from singan_runtime.files.writing import check_writable
    from singan_runtime.measures import choice as choices
    from singan_runtime.request import check_seed

    for request in requests:
        plan = sampler.plan_request(request)
        if output.best or output.sheet:
            choices.check(sampler, plan, output.candidates)
        if not output.deepzoom:
            check_writable(sampler, request, output.format)
        check_seed(request.seed, output.candidates)


def say_zoom(sampler: Sampler, requests: Sequence[Request]) -> None:
    """Say on stderr by how much the largest picture exceeds the photo's detail, if it does."""
    from singan_core import fitting

    trained = sampler.manifest.pyramid
    zooms = [fitting.choose_zoom(trained, one.size or trained.finest, one.zoom) for one in requests]
    if sampler.photo is not None and max(zooms) > SOFT_ZOOM:
        say(describe_zoom(max(zooms)), err=True)


def draw_all(
    sampler: Sampler, requests: Sequence[Request], output: Output, in_folders: bool
) -> None:
    """Draw and write the pictures of all requests, those of each start scale together."""
    for start_scale in dict.fromkeys(request.start_scale for request in requests):
        some = [request for request in requests if request.start_scale == start_scale]
        folder = output.out
        if folder is not None and in_folders:
            folder /= f"start_scale_{start_scale}"

        if output.best or output.sheet:
            for request in some:
                seeds = choice.choose_seeds(sampler, request, output)
                _write(sampler, folder, [request], seeds, output)
        else:
            first = some[0].seed
            _write(sampler, folder, some, range(first, first + output.count), output)


def _write(
    sampler: Sampler,
    folder: Path | None,
    requests: Sequence[Request],
    seeds: Sequence[int],
    output: Output,
) -> None:
    """Write the pictures of some requests, each with every seed, and say so."""
    from singan_cli.progress import count_progress
    from singan_runtime.files.writing import write_pictures

    if output.deepzoom is not None:
        _write_deepzoom(sampler, output.deepzoom, requests[0], seeds[0], output)
    elif folder is not None:
        count = len(requests) * len(seeds)
        with count_progress("pictures", count) as advance:
            for request in requests:
                write_pictures(
                    sampler, folder, request, seeds, output.format, output.background, advance
                )
        say(f"wrote {count} pictures to {folder}")


def _write_deepzoom(
    sampler: Sampler, folder: Path, request: Request, seed: int, output: Output
) -> None:
    from dataclasses import replace

    from singan_cli.progress import count_progress
    from singan_runtime.files.deepzoom import count_tiles
    from singan_runtime.files.writing import write_deepzoom

    request = replace(request, seed=seed)
    size: Size = sampler.plan_request(request).size
    with count_progress("tiles", count_tiles(size)) as advance:
        write_deepzoom(sampler, folder, request, output.format, output.background, advance)
    say(f"wrote {folder}; open {folder / 'index.html'} in a browser")
