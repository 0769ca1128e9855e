"""The page of the thesis: docs/thesis.md and its pictures, from what a folder has of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thesis_parts import PARTS

from singan_core.atomic import atomic_file

Part = Mapping[str, Any]

SHEETS = {
    "samples": (("samples.jpg", "Samples of each start scale"),),
    "shapes": (("shapes.jpg", "Wider and taller than the photo"),),
    "clips": (("clips.jpg", "Frames of the twelve clips of each model"),),
    "scales": (
        ("scales_chart.png", "SWD and coherence by the number of scales"),
        ("scales.jpg", "A picture of each: with detail above, without below"),
    ),
    "schedules": (("schedules.jpg", "Samples of ten linear steps, and of ten by a factor"),),
}
"""Of each part: its sheets, and what stands beside them."""

TEXT = {
    "samples": "Fifty samples of each of three start scales, of which the first ten are shown. "
    "The higher the start scale, the closer the samples stay to the photo.",
    "shapes": "325x175 and 175x325. With detail the pictures are drawn as by default "
    "([sizes](sizes.md)), without it at zoom 1, as in the thesis: there things are as large as in "
    "the photo, so that a tall picture stretches the wood.",
    "clips": "Three start scales and four strengths (beta), which `singan animate --grid` writes "
    "for any model. Five frames of each of the twelve clips stand side by side.",
    "scales": "Pyramids of few and of many scales between 25 px and 250 px. The thesis found that "
    "8 to 10 are best and that fewer are worse. The chart and the table have means of 8 samples.",
    "schedules": "Ten scales of 25, 50, ... 250 px beside ten scales by a factor.",
}


NOT_RUN = "This part has not been run yet."


def write_page(page: Path, folder: Path, parts: Mapping[str, Part]) -> None:
    """Write the page of what is done, and copy the sheets that it shows beside the others."""
    pictures = page.parent / "pictures" / "thesis"
    pictures.mkdir(parents=True, exist_ok=True)
    sections = [HEADER, write_times(parts)]

    for name, text in TEXT.items():
        known = parts.get(name, {}).get("results")
        shown = [f"## {name.capitalize()}\n\n{textwrap.fill(text, 100)}\n"]
        if known is None:
            sections.append("\n".join([*shown, NOT_RUN + "\n"]))
            continue
        for file, caption in SHEETS[name]:
            copy(folder / "sheets" / file, pictures / file)
            shown.append(f"![{caption}](pictures/thesis/{file})\n")
        shown += [compare_ends(known)] if name == "scales" else []
        shown += [write_scores(name, known)] if name in SCORED else []
        sections.append("\n".join(shown))
    with atomic_file(page) as temporary:
        temporary.write_text("\n".join(sections), encoding="utf-8")


def write_times(parts: Mapping[str, Part]) -> str:
    """Write the table of times, as far as parts are done."""
    lines, total = ["| part | what | processor time, minutes |", "|---|---|---|"], 0.0
    for name, (what, _) in PARTS.items():
        known = parts.get(name)
        if known is None or known["results"] is None:
            lines.append(f"| {name} | {what} | not run yet |")
            continue
        total += known["processor"]
        lines.append(f"| {name} | {what} | {known['processor'] / 60:.1f} |")
    lines.append(f"| | all of these | {total / 60:.1f} |")
    return "\n".join(lines) + "\n"


def write_scores(name: str, found: Mapping[str, Any]) -> str:
    """Write the table of a part that has judged models."""
    rows = SCORED[name](found)
    lines = ["| model | sides of the scales, px | SWD | coherence | diversity |"]
    lines.append("|---|---|---|---|---|")
    for title, scores in rows:
        sides = " ".join(map(str, scores["sides"]))
        lines.append(
            f"| {title} | {sides} | {scores['swd']:.4f} | {scores['coherence']:.3f} "
            f"| {scores['diversity']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def compare_ends(found: Mapping[str, Mapping[str, Part]]) -> str:
    """Say in a sentence how few scales and many compare, without detail and with it."""
    swd = {kind: [scores["swd"] for scores in found[kind].values()] for kind in ("plain", "detail")}
    few, many = (list(found["plain"])[end] for end in (0, -1))
    text = (
        f"Without detail the SWD of {few} scales is {swd['plain'][0]:.4f} and that of {many} is "
        f"{swd['plain'][-1]:.4f}; with detail they are {swd['detail'][0]:.4f} and "
        f"{swd['detail'][-1]:.4f}."
    )
    return textwrap.fill(text, 100) + "\n"


def list_scales(found: Mapping[str, Any]) -> list[tuple[str, Part]]:
    """List the models of the part on scales: without detail first, as in the thesis."""
    return [
        (f"{count} scales, {kind}", scores)
        for kind in ("plain", "detail")
        for count, scores in found[kind].items()
    ]


def list_schedules(found: Mapping[str, Any]) -> list[tuple[str, Part]]:
    """List the models of the part on schedules."""
    return list(found.items())


SCORED = {"scales": list_scales, "schedules": list_schedules}
"""The parts that judge models, and how the models of each are listed."""


def copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all."""
    with atomic_file(target) as temporary:
        temporary.write_bytes(source.read_bytes())


HEADER = """# The thesis again

This program began with a thesis that applied SinGAN to one photo of 250x250 px. examples/thesis.py
repeats all of it: with detail levels, as this program draws by default, and plain, with generators
alone up to the photo's size, as the thesis did. The photo is the middle of
[aitzgorri](../examples/CREDITS.md).

<!-- not run: three quarters of an hour; tests/test_thesis.py does all of it in small -->

    python examples/thesis.py thesis
    python examples/thesis.py thesis --parts scales,schedules
    python examples/thesis.py thesis --page docs/thesis.md

The first command writes 300 samples, 40 pictures of other shapes, 24 GIFs, all models and a sheet
of each part into the folder `thesis`. Stopped, it goes on when it is repeated. The last one also
writes this page.

The model with detail is trained with the preset `standard`, all others with `draft`, so that eight
pyramids of generators alone fit into an hour. In the parts on scales and schedules, the model with
detail has the same coarse generators (up to about 64 px), and detail levels in place of the others.

## Time

Processor time on AMD EPYC, where one core does nearly all of the work. Other programs shared the
machine, so the time by the clock says little. The thesis took about an hour on an RTX 2070 Super.
"""
