"""The further formats of a bundle: a folder each, compared with the fp32 graphs, added whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import onnx

from singan_core import manifest as manifests
from singan_core.atomic import atomic_folder
from singan_core.errors import ExportError, OutputError, RequestError, SinGANError
from singan_core.manifest import Manifest
from singan_export import comparison, fused
from singan_export.comparison import FormatCheck, Opened
from singan_runtime.graphs import graph_name
from singan_runtime.sampler import Sampler
from singan_train.frozen import FrozenPyramid

FORMATS = ("onnx", "torchscript", "pt2", "fused")
PRECISIONS = ("fp32", "fp16", "int8")
PARITY = "parity.json"
_TRAINED = ("torchscript", "pt2")  # made from the networks, not from the graphs


def chosen(formats: Sequence[str], precision: str = "fp32") -> list[str]:
    """The folders that the formats at a precision add to a bundle; onnx in fp32 is the bundle itself and adds none.

    Raises RequestError for a word that is unknown and for a combination that does not exist.
    """
    for word, known in [*((word, FORMATS) for word in formats), (precision, PRECISIONS)]:
        if word not in known:
            raise RequestError(f"unknown {_kind(known)} {word!r}: choose {', '.join(known)}")
    if precision == "fp32":
        return [name for name in dict.fromkeys(formats) if name != "onnx"]
    for name in formats:
        if name != "onnx":
            raise RequestError(f"{name} in {precision} is not possible: {name} is written in fp32; {precision} is onnx")
    return [precision]


def _kind(known: tuple[str, ...]) -> str:
    return "format" if known is FORMATS else "precision"


def present(manifest: Manifest) -> list[str]:
    """The folders of further formats that a bundle has."""
    folders = {name.partition("/")[0] for name in manifest.files if "/" in name}
    return [name for name in comparison.BUDGETS if name in folders]


def add(
    bundle: Path, folders: Sequence[str], networks: FrozenPyramid | None = None, force: bool = False
) -> list[FormatCheck]:
    """Write the folders into a finished bundle, one after the other, and return how each compares.

    Raises BundleError for a damaged bundle, RequestError when networks are needed and not given, OutputError for a
    format that is there already, ExportError when a writer fails and ParityError over budget; then the folder is not
    there.
    """
    sampler = Sampler.load(bundle, device="cpu")
    for name in folders:
        if name in _TRAINED and networks is None:
            raise RequestError(f"{name} is made from the trained networks: name the run as well, --run RUN")
        if (bundle / name).exists() and not force:
            raise OutputError(f"{bundle / name}: already exists; pass --force to make it again")
    return [check for name in folders for check in _add(bundle, name, sampler, networks)]


def _add(bundle: Path, name: str, sampler: Sampler, networks: FrozenPyramid | None) -> list[FormatCheck]:
    with atomic_folder(bundle / name) as folder:
        try:
            write(bundle, folder, name, sampler, networks)
        except (SinGANError, OSError):
            raise
        except Exception as error:  # what exporters raise has no common base
            reason = str(error).strip().partition("\n")[0]
            raise ExportError(
                f"{name}: the exporter failed ({type(error).__name__}: {reason}); nothing was written"
            ) from error
        checks = comparison.compare(opened(folder, name, sampler), sampler)
        comparison.require(checks)
        record = {"passed": True, "checks": [check.as_json() for check in checks]}
        (folder / PARITY).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        added = {f"{name}/{path}": digest for path, digest in manifests.hash_files(folder).items()}
        forget(bundle, name)  # the manifest is true at every moment
    manifest = manifests.read(bundle, "bundle", check_files=False)
    manifests.write(bundle, dataclasses.replace(manifest, files=manifest.files | added))
    return checks


def forget(bundle: Path, name: str) -> None:
    """Take a format out of the manifest, so that its folder can be replaced."""
    manifest = manifests.read(bundle, "bundle", check_files=False)
    files = {path: digest for path, digest in manifest.files.items() if not path.startswith(f"{name}/")}
    if files != manifest.files:
        manifests.write(bundle, dataclasses.replace(manifest, files=files))


def write(bundle: Path, folder: Path, name: str, sampler: Sampler, networks: FrozenPyramid | None) -> None:
    """The files of a format into an empty folder."""
    graphs = [onnx.load(bundle / graph_name(scale)) for scale in range(len(sampler.manifest.shapes))]
    if name == "fused":
        onnx.save(fused.build(graphs, sampler.manifest), folder / fused.NAME)


def check(bundle: Path, name: str, manifest: Manifest) -> None:
    """Raise BundleError unless the files of a format say that they belong to this bundle."""
    if name == "fused":
        fused.check(bundle / name / fused.NAME, manifest)


def opened(folder: Path, name: str, sampler: Sampler) -> Opened:
    """The format in its folder, ready to draw. Raises BundleError when it cannot be loaded."""
    return fused.opened(folder / fused.NAME, sampler)
