"""What singan sample does after its options are read: refuse, choose seeds, write, say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from singan_cli import choice
from singan_cli.result import check_place
from singan_cli.terminal import say
from singan_cli.zoom_text import SOFT_ZOOM, describe_zoom
from singan_core.atomic import make_folder
from singan_core.encoding import Style
from singan_core.paths import check_output_file, check_output_folder
from singan_runtime.files.writing import ENDINGS

if TYPE_CHECKING:
    from singan_core.pyramid import Size
    from singan_runtime import Sampler
    from singan_runtime.request import Request


def choose_format(asked: str | None, out: Path | None) -> str:
    """Choose the format: the one asked for, that of the file to write, or png.

    Raises typer.BadParameter if they differ, RequestError for an unknown format.
    """
    from singan_core.encoding import check_format_name
    from singan_runtime.files.writing import FORMATS

    if asked is not None:
        check_format_name(asked, FORMATS)
    if out is None or not is_file_name(out):
        return asked or "png"
    named = ENDINGS[out.suffix.lower()]
    if asked not in (None, named):
        raise typer.BadParameter(f"--out {out} ends as {named} does: leave out --format {asked}")
    return named


def is_file_name(out: Path) -> bool:
    """Whether a path names one picture file rather than a folder."""
    return out.suffix.lower() in ENDINGS and not out.is_dir()


@dataclass(frozen=True)
class Output:
    """Where the pictures go, how many of each request there are, and how they are chosen."""

    out: Path | None
    deepzoom: Path | None
    sheet: Path | None
    best: int | None
    count: int
    open_seeds: bool  # whether no option says which seeds
    style: Style
    screens: Mapping[Size, str]  # the words by which sizes were asked for

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
        if self.out and is_file_name(self.out):
            if self.count > 1 or kinds > 1:
                raise typer.BadParameter(
                    f"--out {self.out} is one file: leave out --count, further sizes and further "
                    "start scales, or name a folder"
                )
            check_place(self.out)
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
        drawer, own = sampler.choose_sampler(request)
        plan = drawer.plan_request(own)
        if output.best or output.sheet:
            choices.check(drawer, plan, output.candidates)
        if not output.deepzoom:
            check_writable(sampler, request, output.style)
        check_seed(request.seed, output.candidates)


def say_zoom(sampler: Sampler, requests: Sequence[Request]) -> None:
    """Say on stderr by how much the largest picture exceeds the photo's detail, if it does."""
    from singan_core.zooms import choose_zoom
    from singan_runtime.planning import settle_zoom

    trained = sampler.manifest.pyramid
    zooms = []
    for one in requests:
        word = settle_zoom(sampler.manifest, one)
        zooms.append(choose_zoom(trained, one.size or trained.finest, word))
    if sampler.photo is not None and max(zooms) > SOFT_ZOOM:
        say(describe_zoom(max(zooms)), err=True)


def draw_all(
    sampler: Sampler, requests: Sequence[Request], output: Output, in_folders: bool
) -> None:
    """Draw and write the pictures of all requests, those of each start scale together."""
    chosen: Sequence[int] | None = None
    if output.open_seeds:
        chosen = choice.choose_open_seeds(sampler, requests, output)

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
            seeds = chosen or range(first, first + output.count)
            _write(sampler, folder, some, seeds, output)


def _write(
    sampler: Sampler,
    folder: Path | None,
    requests: Sequence[Request],
    seeds: Sequence[int],
    output: Output,
) -> None:
    """Write the pictures of some requests, each with every seed, and say so."""
    from singan_cli.progress import count_progress
    from singan_runtime.files.writing import write_picture, write_pictures

    count = len(requests) * len(seeds)
    if output.deepzoom is not None:
        _write_deepzoom(sampler, output.deepzoom, requests[0], seeds[0], output.style)
    elif folder is not None and is_file_name(folder):
        make_folder(folder.parent)
        write_picture(sampler, folder, replace(requests[0], seed=seeds[0]), output.style)
        say(f"wrote {folder}")
    elif folder is not None:
        with count_progress("pictures", count) as advance:
            for one in requests:
                screen = output.screens.get(one.size, "") if one.size else ""
                write_pictures(sampler, folder, one, seeds, output.style, advance, screen)
        say(f"wrote {count} pictures to {folder}")


def _write_deepzoom(
    sampler: Sampler, folder: Path, request: Request, seed: int, style: Style
) -> None:
    from singan_cli.progress import count_progress
    from singan_runtime.files.deepzoom import count_tiles
    from singan_runtime.files.writing import write_deepzoom

    request = replace(request, seed=seed)
    drawer, own = sampler.choose_sampler(request)
    size: Size = drawer.plan_request(own).size
    with count_progress("tiles", count_tiles(size)) as advance:
        write_deepzoom(sampler, folder, request, style, advance)
    say(f"wrote {folder}; open {folder / 'index.html'} in a browser")
