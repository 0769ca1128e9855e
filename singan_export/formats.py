"""Add further formats to a bundle: each one is a row of TABLE and a folder of the bundle.

A format is compared with what it stands for and appears whole or not at all. To add one, write a
module that has the functions of a row, and the row.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from singan_core import manifest as manifests
from singan_core.atomic import atomic_folder
from singan_core.errors import ExportError, OutputError, RequestError, SinGANError
from singan_core.file_names import PARITY
from singan_core.manifest import Manifest
from singan_export import (
    budgets,
    comparison,
    costs,
    fused,
    fused_picture,
    generator_graph,
    half,
    int8,
    torch_formats,
    triton,
)
from singan_export.budgets import EXACT, Budget, Comparison
from singan_export.comparison import Opened
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid


@dataclass(frozen=True)
class Format:
    """How a further format is written, checked and opened, and how far it may differ."""

    name: str  # of its folder
    write: Callable[[Path, Path, Sampler, TrainedPyramid | None], None]  # bundle, empty folder, ...
    check: Callable[[Path, Manifest], None]  # that the files are whole and of this bundle
    open: Callable[[Path, Sampler], Opened]
    budget: Budget
    precision: str = "fp32"
    needs_networks: bool = False  # is made from the trained networks, not from the graphs
    has_detail: bool = False  # holds the detail levels too, and is for models that have some


# fmt: off
TABLE = (
    Format("torchscript",
           torch_formats.write_torchscript, torch_formats.check, torch_formats.open_torchscript,
           Budget(), needs_networks=True),
    Format("pt2",
           torch_formats.write_pt2, torch_formats.check, torch_formats.open_pt2,
           Budget(), needs_networks=True),
    Format("fused",
           fused.write, fused.check, fused.open_format,
           Budget()),
    Format("fused",
           fused_picture.write, fused_picture.check, fused_picture.open_format,
           EXACT, has_detail=True),
    Format("triton",
           triton.write, triton.check, triton.open_format,
           EXACT),
    Format("triton",
           triton.write, triton.check, triton.open_format,
           EXACT, has_detail=True),
    Format("fp16",
           half.write, partial(generator_graph.check_scales, precision="fp16"),
           comparison.open_scales,
           Budget(psnr=50.0), precision="fp16"),
    Format("int8",
           int8.write, partial(generator_graph.check_scales, precision="int8"),
           comparison.open_scales,
           Budget(psnr=25.0), precision="int8"),
)
# fmt: on

ENGINES = "tensorrt"
"""The format that is no folder of a bundle (singan_export.engines)."""

FORMATS = (
    "onnx",
    *dict.fromkeys(row.name for row in TABLE if row.precision == "fp32"),
    ENGINES,
)
PRECISIONS = tuple(dict.fromkeys(row.precision for row in TABLE))
TRAINED = tuple(row.name for row in TABLE if row.needs_networks)
NAMES = tuple(dict.fromkeys(row.name for row in TABLE))
PROGRAMS = ("torchscript", "pt2", "fused")
"""Formats whose files can hold whole programs, so that no check can judge a stranger's."""


def find_row(name: str, manifest: Manifest) -> Format:
    """Find the row of a format for a model: one that holds its detail levels, if there is one."""
    rows = [row for row in TABLE if row.name == name]
    if manifest.detail is None:
        rows = [row for row in rows if not row.has_detail]
    return max(rows, key=lambda row: row.has_detail)


def has_detail(name: str, manifest: Manifest) -> bool:
    """Tell whether a format holds a model's detail levels, not only its generators."""
    return find_row(name, manifest).has_detail


def choose_folders(formats: Sequence[str], precision: str = "fp32") -> list[str]:
    """Choose the folders that formats at a precision add to a bundle.

    The bundle itself is onnx in fp32 and adds none, nor do engines, which are built from it. Raises
    RequestError for an unknown word and for a combination that does not exist.
    """
    for word in formats:
        if word not in FORMATS:
            raise RequestError(f"unknown format {word!r}: choose {', '.join(FORMATS)}")
    if precision not in PRECISIONS:
        raise RequestError(f"unknown precision {precision!r}: choose {', '.join(PRECISIONS)}")

    if precision == "fp32":
        return [name for name in dict.fromkeys(formats) if name not in ("onnx", ENGINES)]
    for name in formats:
        if name not in ("onnx", ENGINES):
            raise RequestError(
                f"{name} in {precision} is not possible: {name} is written in fp32; "
                f"{precision} is onnx"
            )
    return [precision] if "onnx" in formats else []


def list_formats(manifest: Manifest) -> list[str]:
    """List the folders of further formats that a bundle has."""
    folders = {name.partition("/")[0] for name in manifest.files if "/" in name}
    return [name for name in NAMES if name in folders]


def add(
    bundle: Path,
    folders: Sequence[str],
    networks: TrainedPyramid | None = None,
    force: bool = False,
) -> list[Comparison]:
    """Write formats into a finished bundle, one after the other, and return how each compares.

    Raises BundleError for a damaged bundle, RequestError when networks are needed and missing,
    OutputError for a format that is there already, ExportError when a writer fails and ParityError
    for a format over its budget, whose folder then does not appear.
    """
    sampler = Sampler.load(bundle, device="cpu")
    rows = [find_row(name, sampler.manifest) for name in folders]
    for row in rows:
        if row.needs_networks and networks is None:
            raise RequestError(
                f"{row.name} is made from the trained networks: name the run as well, --run RUN"
            )
        if (bundle / row.name).exists() and not force:
            raise OutputError(f"{bundle / row.name}: already exists; pass --force to make it again")

    checks = []
    for row in rows:
        checks += _add(bundle, row, sampler, networks)
    return checks


def _add(
    bundle: Path, row: Format, sampler: Sampler, networks: TrainedPyramid | None
) -> list[Comparison]:
    with atomic_folder(bundle / row.name) as folder:
        try:
            row.write(bundle, folder, sampler, networks)
        except (SinGANError, OSError):
            raise
        except Exception as error:  # what exporters raise has no common base
            reason = str(error).strip().partition("\n")[0]
            raise ExportError(
                f"{row.name}: the exporter failed ({type(error).__name__}: {reason}); "
                "nothing was written"
            ) from error

        reference, checks = compare(folder, row, sampler, networks)
        budgets.require(checks)
        record = {
            "passed": True,
            "reference": reference,
            "checks": [check.to_json() for check in checks],
        }
        (folder / PARITY).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

        # The manifest must be true at every moment: it loses the old files before they are replaced
        # and gains the new ones when the folder is in its place.
        digests = manifests.hash_files(folder)
        remove_from_manifest(bundle, row.name)

    manifest = manifests.read(bundle, "bundle", check_files=False)
    files = {f"{row.name}/{path}": digest for path, digest in digests.items()}
    manifests.write(bundle, dataclasses.replace(manifest, files=manifest.files | files))
    return checks


def remove_from_manifest(bundle: Path, name: str) -> None:
    """Remove a format's files from the manifest, so that its folder can be replaced."""
    manifest = manifests.read(bundle, "bundle", check_files=False)
    files = {
        path: digest for path, digest in manifest.files.items() if not path.startswith(f"{name}/")
    }
    if files != manifest.files:
        manifests.write(bundle, dataclasses.replace(manifest, files=files))


def compare(
    folder: Path, row: Format, sampler: Sampler, networks: TrainedPyramid | None = None
) -> tuple[str, list[Comparison]]:
    """Compare a format in its folder: what it is compared with, and all comparisons.

    Raises BundleError for a format that cannot be loaded.
    """
    drawing = _open(row, folder, sampler if row.has_detail else sampler.without_detail())
    return comparison.compare_format(drawing, sampler, networks, row.budget)


def verify_present(
    bundle: Path,
    names: Sequence[str],
    sampler: Sampler,
    networks: TrainedPyramid | None = None,
) -> list[Comparison]:
    """Check the files of some further formats of a bundle, and compare each.

    The reference is the trained networks, or the float32 graphs where networks are missing. Raises
    BundleError for files that are broken or belong to another bundle.
    """
    checks = []
    for name in names:
        row = find_row(name, sampler.manifest)
        row.check(bundle / name, sampler.manifest)
        checks += compare(bundle / name, row, sampler, networks)[1]
    return checks


def open_format(folder: Path, name: str, sampler: Sampler) -> Opened:
    """Open a format in its folder for drawing. Raises BundleError when it cannot be loaded."""
    return _open(find_row(name, sampler.manifest), folder, sampler)


def _open(row: Format, folder: Path, sampler: Sampler) -> Opened:
    return dataclasses.replace(row.open(folder, sampler), format=row.name)


def measure_cost(bundle: Path, name: str) -> costs.Cost | costs.PictureCost:
    """Measure what a format of a bundle costs on this machine. Raises BundleError."""
    sampler = Sampler.load(bundle, device="cpu", threads=1)
    files = {path: (bundle / path).stat().st_size for path in sampler.manifest.files}
    size = sum(
        size
        for path, size in files.items()
        if path.startswith(f"{name}/") and not path.endswith(PARITY)
    )
    row = find_row(name, sampler.manifest)
    used = sampler if row.has_detail else sampler.without_detail()
    drawing = _open(row, bundle / name, used)
    if drawing.draw_pixels is not None:
        return costs.measure_pictures(drawing, size, used)

    fp32_size = sum(
        size for path, size in files.items() if "/" not in path and path.endswith(".onnx")
    )
    return costs.measure_generators(drawing, (size, fp32_size), used)
