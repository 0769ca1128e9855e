"""singan evaluate."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from singan_cli import parse
from singan_cli.options import AsJson, Bundle, Device, Seed, Threads


def command(
    bundle: Bundle,
    photo: Annotated[Path, typer.Option("--photo", metavar="PHOTO", help="The photo that the bundle was trained on.")],
    count: Annotated[int, typer.Option("--count", min=2, help="Samples per start scale, 2 or more.")] = 50,
    start_scales: Annotated[
        str, typer.Option("--start-scales", metavar="N[,N...]", help="Start scales to judge, 0 to the finest.")
    ] = "0",
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with pictures.", show_default="none"),
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
    seed: Seed = 0,
    as_json: AsJson = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Judge samples against the photo: patch statistics, diversity, coherence, completeness, and SIFID if asked."""
    scales = parse.numbers(start_scales)
    from singan_cli.progress import counting

    from singan_core.atomic import atomic_file, make_folder
    from singan_runtime import Sampler, evaluation

    sampler = Sampler.load(bundle, device, threads)
    truth = evaluation.trained_photo(sampler, photo)
    sifid = None
    if inception is not None:
        from singan_train.sifid import Inception

        sifid = Inception.load(inception).distance
    for start_scale in scales:  # refuse before the long work
        sampler.passes(None, 1.0, start_scale)
    with counting("samples", len(scales) * count) as advance:
        judged = [evaluation.evaluate(sampler, truth, count, n, seed, sifid, advance) for n in scales]
    if html is not None:
        make_folder(html.parent)
        with atomic_file(html) as temporary:
            temporary.write_text(evaluation.report(sampler.manifest.name, truth, judged), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(one.scores) for one in judged], indent=2))
        return
    for one in judged:
        scores = {key: value for key, value in dataclasses.asdict(one.scores).items() if key in evaluation.MEANING}
        told = ", ".join(f"{key} {value:.4f}" for key, value in scores.items() if value is not None)
        typer.echo(f"start scale {one.scores.start_scale}, {one.scores.count} samples: {told}")
    if html is not None:
        typer.echo(f"wrote {html}")
