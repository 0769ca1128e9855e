"""singan evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from singan_cli import parse
from singan_cli.options import AsJson, Bundle, Device, Seed, Threads
from singan_runtime.evaluation import SIZE_LIMIT, Scores, describe


def command(
    bundle: Bundle,
    photo: Annotated[
        Path | None,
        typer.Option(
            "--photo",
            metavar="PHOTO",
            help="The photo that the bundle was trained on; needed unless the bundle holds it.",
            show_default="the bundle's",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=2, help="Samples per start scale, 2 or more.")
    ] = 50,
    start_scales: Annotated[
        str,
        typer.Option(
            "--start-scales", metavar="N[,N...]", help="Start scales to judge, 0 to the finest."
        ),
    ] = "0",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write a page with pictures.", show_default="none"
        ),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(
            "--inception",
            metavar="FILE",
            help="pytorch-fid's weights as a state dict: adds the SIFID (needs PyTorch).",
            show_default="no SIFID",
        ),
    ] = None,
    size_limit: Annotated[
        int,
        typer.Option(
            "--size-limit",
            min=1,
            help="Longer side in px, 1 or more: bundles with detail are measured at most at this size, but for detail, "
            "repetition, piece_size, copied_share and join_cost. All others are measured at the trained size.",
        ),
    ] = SIZE_LIMIT,
    seed: Seed = 0,
    as_json: AsJson = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Judge samples against the photo.

    Patch statistics, detail, diversity, what is copied, and SIFID if asked;
    docs/quality.md explains the measures.
    """
    scales = parse.numbers(start_scales)
    from singan_cli.progress import counting
    from singan_core.atomic import atomic_file, make_folder
    from singan_runtime import Sampler, evaluation, report

    sampler = Sampler.load(bundle, device, threads)
    truth = evaluation.trained_photo(sampler, photo)
    sifid = None
    if inception is not None:
        from singan_train.sifid import Inception

        sifid = Inception.load(inception).distance
    evaluation.judged_size(sampler, size_limit)  # refuse before the long work
    for start_scale in scales:
        sampler.passes(None, 1.0, start_scale)

    with counting("samples", len(scales) * count) as advance:
        judged = [
            evaluation.evaluate(sampler, truth, count, n, seed, sifid, advance, size_limit)
            for n in scales
        ]
    if html is not None:
        make_folder(html.parent)
        with atomic_file(html) as temporary:
            temporary.write_text(
                report.write_page(sampler.manifest.name, truth, judged), encoding="utf-8"
            )

    if as_json:
        typer.echo(json.dumps([one.scores.as_json() for one in judged], indent=2))
        return
    for one in judged:
        _tell(one.scores)
    if html is not None:
        typer.echo(f"wrote {html}")


def _tell(scores: Scores) -> None:
    """Print the scores of a start scale: numbers on one line, and the octaves of a measure on a line each."""
    measured = scores.measured.items()
    numbers = ", ".join(
        f"{key} {describe(value)}" for key, value in measured if not isinstance(value, tuple)
    )
    typer.echo(f"start scale {scores.start_scale}, {scores.count} samples: {numbers}")
    for key, value in measured:
        if isinstance(value, tuple):
            typer.echo(f"  {key}, finest first: {describe(value)}")
