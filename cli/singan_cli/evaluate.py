"""singan evaluate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from singan_cli import parse
from singan_cli.options import AsJson, Bundle, Device, Seed, Threads
from singan_cli.terminal import say
from singan_core.file_limits import MOST_SIDE
from singan_core.paths import check_output_file
from singan_runtime.measures.evaluation import MOST_SAMPLES, SIZE_LIMIT, Scores, describe

if TYPE_CHECKING:
    from singan_core.arrays import Pixels

Photo = Annotated[
    Path | None,
    typer.Option(
        "--photo",
        metavar="PHOTO",
        help="The photo that the bundle was trained on; needed unless the bundle holds it.",
        show_default="the bundle's",
    ),
]
Count = Annotated[
    int,
    typer.Option(
        "--count",
        "-n",
        min=2,
        max=MOST_SAMPLES,
        help=f"Samples per start scale, 2 to {MOST_SAMPLES}.",
    ),
]
StartScales = Annotated[
    str,
    typer.Option(
        "--start-scales", metavar="N[,N...]", help="Start scales to judge, 0 to the finest."
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Also write a page with pictures.", show_default="none"
    ),
]
InceptionFile = Annotated[
    Path | None,
    typer.Option(
        "--inception",
        metavar="FILE",
        help="pytorch-fid's weights as a state dict: adds the SIFID (needs PyTorch).",
        show_default="no SIFID",
    ),
]
SizeLimit = Annotated[
    int,
    typer.Option(
        "--size-limit",
        min=1,
        max=MOST_SIDE,
        help=f"Longer side, 1 to {MOST_SIDE} px, at which a bundle with detail is measured at "
        "most. Always measured at the trained size: detail, repetition, piece_size, copied_share "
        "and join_cost, and bundles without detail.",
    ),
]


def command(
    bundle: Bundle,
    photo: Photo = None,
    count: Count = 50,
    start_scales: StartScales = "0",
    html: Html = None,
    inception: InceptionFile = None,
    size_limit: SizeLimit = SIZE_LIMIT,
    seed: Seed = 0,
    to_json: AsJson = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Judge samples against the photo.

    Patch statistics, detail, diversity, what is copied, and SIFID if asked;
    docs/quality.md explains the measures.
    """
    scales = parse.read_numbers(start_scales)
    if html is not None:
        check_output_file(html)
    from singan_cli.opening import open_sampler
    from singan_cli.progress import count_progress, say_device
    from singan_runtime.measures import evaluation, report

    sampler = open_sampler(bundle, device, threads)
    truth = evaluation.read_trained_photo(sampler, photo)
    sifid = load_sifid(inception)
    evaluation.choose_measured_size(sampler, size_limit)  # refuse before the long work
    for start_scale in scales:
        sampler.find_passes(None, 1.0, start_scale)
    say_device(device)

    with count_progress("samples", len(scales) * count) as advance:
        judged = [
            evaluation.evaluate(sampler, truth, count, scale, seed, sifid, advance, size_limit)
            for scale in scales
        ]
    if html is not None:
        write_page(html, report.write_page(sampler.manifest.name, truth, judged))

    scores = [one.scores for one in judged]
    if to_json:
        say(json.dumps([one.to_json() for one in scores], indent=2))
        return
    for one in scores:
        say("\n".join(list_scores(one)))
    if html is not None:
        say(f"wrote {html}")


def load_sifid(weights: Path | None) -> Callable[[Pixels, Pixels], float] | None:
    """Load the network behind the SIFID, if its weights are named."""
    if weights is None:
        return None
    from singan_train.sifid import Inception

    return Inception.load(weights).distance


def write_page(path: Path, page: str) -> None:
    """Write an HTML page, whole or not at all. Raises OutputError."""
    from singan_core.atomic import atomic_file, make_folder

    make_folder(path.parent)
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def list_scores(scores: Scores) -> list[str]:
    """List the scores of a start scale: numbers on one line, then each measure by octave."""
    numbers, octaves = [], []
    for key, value in scores.measured.items():
        if isinstance(value, tuple):
            octaves.append(f"  {key}, finest first: {describe(value)}")
        else:
            numbers.append(f"{key} {describe(value)}")
    head = f"start scale {scores.start_scale}, {scores.count} samples: {', '.join(numbers)}"
    return [head, *octaves]
