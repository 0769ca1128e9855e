"""A run as one picture: the loss curves of every scale, and the pyramid of reconstructions."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from PIL import Image

from singan_core import bounded_json
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError, InstallError, say_reason
from singan_core.file_limits import MOST_FOLDER_BYTES
from singan_core.listed_files import read_inside
from singan_core.paths import check_output_file
from singan_train.run.folder import METRICS, count_finished_scales, find_scale
from singan_train.run.header import RunHeader, read_header

CURVES = {  # panel -> keys of metrics.jsonl
    "discriminator's scores (real, fake)": ("real", "fake"),
    "gradient penalty": ("gradient_penalty",),
    "adversarial loss of the generator": ("adversarial",),
    "reconstruction RMSE, in [-1, 1] units": ("rmse",),
}

Metrics = dict[int, list[dict[str, float]]]
"""The lines of metrics.jsonl that have an iteration, by scale."""


def read_metrics(folder: Path) -> Metrics:
    """Read the metrics of a run by scale.

    Raises BundleError if there are none or they are damaged.
    """
    if not (folder / METRICS).exists():
        raise BundleError(f"{folder}: no {METRICS} there; give the folder of a run")
    content = read_inside(folder, METRICS, MOST_FOLDER_BYTES, "run")

    metrics: Metrics = defaultdict(list)
    keys = ("iteration", *itertools.chain.from_iterable(CURVES.values()))
    try:
        for line in content.decode("utf-8").splitlines():
            row = bounded_json.decode(line)
            if "iteration" in row:
                metrics[int(row["scale"])].append(
                    {key: float(value) for key, value in row.items() if key in keys}
                )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{folder / METRICS}: damaged ({say_reason(error)}); nothing can be drawn from it"
        ) from error

    if not metrics:
        raise BundleError(f"{folder}: nothing is trained yet; try again after the first iterations")
    return metrics


def plot_run(folder: Path, out: Path) -> None:
    """Draw a run, finished or not, into a PNG file.

    Raises BundleError, InstallError or OutputError.
    """
    check_output_file(out)
    figures = _import_matplotlib()
    metrics, header = read_metrics(folder), read_header(folder)

    figure = figures.Figure(figsize=(14, 10), layout="constrained", dpi=110)
    curves, pictures = figure.subfigures(2, 1, height_ratios=(3, 2))
    for panel, (title, keys) in zip(curves.subplots(2, 2).flat, CURVES.items(), strict=True):
        _draw_curves(panel, metrics, keys)
        panel.set_title(title)
        panel.set_xlabel("iterations, scale after scale")
    _draw_pyramid(pictures, folder, header)
    name = header.name.replace("$", r"\$")  # else it would begin a formula
    figure.suptitle(f"{name}, preset {header.config.preset}, seed {header.config.seed}")

    with atomic_file(out) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": "singan"})


def _draw_curves(panel: Any, metrics: Metrics, keys: tuple[str, ...]) -> None:
    """Draw one curve per key and scale, the scales one after the other."""
    offset = 0.0
    for scale, rows in sorted(metrics.items()):
        x = [offset + row["iteration"] for row in rows]
        for key, style in zip(keys, ("-", ":"), strict=False):
            y = [row.get(key, math.nan) for row in rows]
            panel.plot(x, y, style, color=f"C{scale % 10}", linewidth=0.8)
        panel.axvline(offset, color="0.85", linewidth=0.8)
        offset = max(x)


def _draw_pyramid(figure: Any, folder: Path, header: RunHeader) -> None:
    """Draw the photo at every finished scale, and below each its reconstruction."""
    done = count_finished_scales(folder, len(header.pyramid.sizes))
    for scale, column in enumerate(figure.subplots(2, max(done, 1), squeeze=False).T):
        for axes in column:
            axes.axis("off")
        if not done:
            continue

        for axes, name in zip(column, ("real", "reconstruction"), strict=True):
            path = find_scale(folder, scale) / f"{name}.png"
            with Image.open(path, formats=("PNG",)) as image:
                axes.imshow(image.convert("RGB"), interpolation="nearest")
        height, width = header.pyramid.sizes[scale]
        column[0].set_title(f"scale {scale}: {width}x{height}", fontsize=8)


def _import_matplotlib() -> Any:
    try:
        from matplotlib import figure
    except ImportError as error:
        raise InstallError("plots need matplotlib; run: pip install 'singan[plot]'") from error
    return figure
