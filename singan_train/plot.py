"""A run as one picture: loss curves of every scale, and the pyramid of reconstructions."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from PIL import Image

from singan_core.atomic import atomic_file
from singan_core.errors import BundleError, InstallError
from singan_train import run

CURVES = {  # panel -> keys of metrics.jsonl
    "critic's scores (real, fake)": ("real", "fake"),
    "gradient penalty": ("gradient_penalty",),
    "adversarial loss of the generator": ("adversarial",),
    "reconstruction RMSE, in [-1, 1] units": ("rmse",),
}

Rows = dict[int, list[dict[str, float]]]


def read_metrics(folder: Path) -> Rows:
    """The reports of metrics.jsonl by scale. Raises BundleError if there are none."""
    rows: Rows = defaultdict(list)
    try:
        for line in (folder / run.METRICS).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "iteration" in row:
                rows[row["scale"]].append(row)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: no {run.METRICS} there; give the folder of a run") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{folder / run.METRICS}: damaged ({error}); nothing can be drawn from it"
        ) from error
    if not rows:
        raise BundleError(f"{folder}: nothing is trained yet; try again after the first iterations")
    return rows


def plot(folder: Path, out: Path) -> None:
    """Draw a run, finished or not, into a PNG file. Raises BundleError, InstallError or OutputError."""
    figures = _matplotlib()
    rows, start = read_metrics(folder), run.read_start(folder)
    figure = figures.Figure(figsize=(14, 10), layout="constrained", dpi=110)
    curves, pictures = figure.subfigures(2, 1, height_ratios=(3, 2))
    for panel, (title, keys) in zip(curves.subplots(2, 2).flat, CURVES.items(), strict=True):
        offset = 0.0
        for scale, reports in sorted(rows.items()):
            at = [offset + row["iteration"] for row in reports]
            for key, style in zip(keys, ("-", ":"), strict=False):
                panel.plot(
                    at, [row[key] for row in reports], style, color=f"C{scale % 10}", linewidth=0.8
                )
            panel.axvline(offset, color="0.85", linewidth=0.8)
            offset = max(at)
        panel.set_title(title)
        panel.set_xlabel("iterations, scale after scale")
    done = run.finished_scales(folder, len(start.pyramid.sizes))
    for scale, panel in enumerate(pictures.subplots(2, max(done, 1), squeeze=False).T):
        for axes, name in zip(panel, ("real", "reconstruction"), strict=True):
            axes.axis("off")
            if done:
                with Image.open(run.scale_folder(folder, scale) / f"{name}.png") as image:
                    axes.imshow(image.convert("RGB"), interpolation="nearest")
        if done:
            height, width = start.pyramid.sizes[scale]
            panel[0].set_title(f"scale {scale}: {width}x{height}", fontsize=8)
    figure.suptitle(f"{start.name}, preset {start.config.preset}, seed {start.config.seed}")
    with atomic_file(out) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": "singan"})


def _matplotlib() -> Any:
    try:
        from matplotlib import figure
    except ImportError as error:
        raise InstallError("plots need matplotlib; run: pip install 'singan[plot]'") from error
    return figure
