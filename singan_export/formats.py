"""The further formats of a bundle: a folder each, compared with what they stand for, added whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnx

from singan_core import cascade
from singan_core import manifest as manifests
from singan_core.atomic import atomic_folder
from singan_core.errors import ExportError, OutputError, RequestError, SinGANError
from singan_core.images import Floats, Pixels
from singan_core.manifest import Manifest
from singan_export import comparison, fused, fused_picture, graph, half, int8, torch_formats
from singan_export.comparison import FormatCheck, Opened
from singan_runtime.graphs import Graphs, graph_name
from singan_runtime.picture import Picture
from singan_runtime.quality import sliced_wasserstein
from singan_runtime.sampler import Sampler
from singan_train.frozen import FrozenPyramid

FORMATS = ("onnx", "torchscript", "pt2", "fused")
PRECISIONS = ("fp32", "fp16", "int8")  # fp64 is in a bundle with detail from the beginning
PARITY = "parity.json"
SAMPLES = 4  # pictures that facts draws
TRAINED = ("torchscript", "pt2")  # made from the networks, not from the graphs


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
            raise RequestError(
                f"{name} in {precision} is not possible: {name} is written in fp32; {precision} is onnx"
            )
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
        if name in TRAINED and networks is None:
            raise RequestError(
                f"{name} is made from the trained networks: name the run as well, --run RUN"
            )
        if (bundle / name).exists() and not force:
            raise OutputError(f"{bundle / name}: already exists; pass --force to make it again")
    return [check for name in folders for check in _add(bundle, name, sampler, networks)]


def _add(
    bundle: Path, name: str, sampler: Sampler, networks: FrozenPyramid | None
) -> list[FormatCheck]:
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
        reference, checks = compare(folder, name, sampler, networks)
        comparison.require(checks)
        record = {
            "passed": True,
            "reference": reference,
            "checks": [check.as_json() for check in checks],
        }
        (folder / PARITY).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        added = {f"{name}/{path}": digest for path, digest in manifests.hash_files(folder).items()}
        forget(bundle, name)  # the manifest is true at every moment
    manifest = manifests.read(bundle, "bundle", check_files=False)
    manifests.write(bundle, dataclasses.replace(manifest, files=manifest.files | added))
    return checks


def holds_all(name: str, manifest: Manifest) -> bool:
    """Whether a format holds the detail levels too; the others of such a model hold its generators alone."""
    return name == "fused" and manifest.detail is not None


def compare(
    folder: Path, name: str, sampler: Sampler, networks: FrozenPyramid | None = None
) -> tuple[str, list[FormatCheck]]:
    """What a format in its folder is compared with, and how. Raises BundleError for one that cannot be loaded."""
    if holds_all(name, sampler.manifest):
        return "sampler", fused_picture.compare(folder / fused_picture.NAME, sampler)
    plain = sampler.without_detail()
    reference = torch_formats.trained(networks, plain) if networks else comparison.graphs(plain)
    return reference.format, comparison.compare(opened(folder, name, plain), plain, reference)


def forget(bundle: Path, name: str) -> None:
    """Take a format out of the manifest, so that its folder can be replaced."""
    manifest = manifests.read(bundle, "bundle", check_files=False)
    files = {
        path: digest for path, digest in manifest.files.items() if not path.startswith(f"{name}/")
    }
    if files != manifest.files:
        manifests.write(bundle, dataclasses.replace(manifest, files=files))


def write(
    bundle: Path, folder: Path, name: str, sampler: Sampler, networks: FrozenPyramid | None
) -> None:
    """The files of a format into an empty folder."""
    if name in TRAINED:
        assert networks is not None
        torch_formats.write(folder, name, networks, sampler.manifest.channels)
        return
    if holds_all(name, sampler.manifest):
        fused_picture.write(bundle, folder, sampler)
        return
    sampler = sampler.without_detail()
    graphs = [
        onnx.load(bundle / graph_name(scale))
        for scale in range(len(sampler.manifest.pyramid.sizes))
    ]
    if name == "fused":
        onnx.save(
            fused.build(graphs[: len(sampler.manifest.shapes)], sampler.manifest),
            folder / fused.NAME,
        )
    elif name == "fp16":
        for scale, model in enumerate(graphs):
            onnx.save(half.halved(model), folder / graph_name(scale))
    else:
        int8.write(folder, graphs, sampler)


@dataclass(frozen=True)
class Facts:
    """What a format costs and gains beside the fp32 graphs, on this machine's CPU, at the trained size and zoom 1."""

    format: str
    bytes: int
    fp32_bytes: int
    seconds: float  # a picture, the best of a few
    fp32_seconds: float
    patch_distance: (
        float  # to the reconstruction, the mean of a few pictures: a bundle holds no photo
    )
    fp32_patch_distance: float

    def __str__(self) -> str:
        return (
            f"{self.format}: {self.bytes / 1e3:.0f} kB (fp32 {self.fp32_bytes / 1e3:.0f}), "
            f"{self.seconds:.3f} s a picture on this CPU (fp32 {self.fp32_seconds:.3f}), "
            f"patch distance {self.patch_distance:.4f} (fp32 {self.fp32_patch_distance:.4f})"
        )


def facts(bundle: Path, name: str) -> Facts | fused_picture.Facts:
    """Size, speed and patch distance of a format of a bundle. Raises BundleError."""
    whole = Sampler.load(bundle, device="cpu", threads=1)
    if holds_all(name, whole.manifest):
        return fused_picture.find_facts(bundle / name / fused_picture.NAME, whole)
    sampler = whole.without_detail()
    picture = next(comparison.pictures(sampler))
    photo = sampler.reconstruct()
    seconds, distance = _drawn(opened(bundle / name, name, sampler).draw, sampler, picture, photo)
    fp32_seconds, fp32_distance = _drawn(sampler.run_generators, sampler, picture, photo)
    files = {path: (bundle / path).stat().st_size for path in sampler.manifest.files}
    size = sum(
        size
        for path, size in files.items()
        if path.startswith(f"{name}/") and not path.endswith(PARITY)
    )
    fp32_size = sum(
        size for path, size in files.items() if "/" not in path and path.endswith(".onnx")
    )
    return Facts(name, size, fp32_size, seconds, fp32_seconds, distance, fp32_distance)


def _drawn(
    draw: Callable[[Picture, cascade.Draw], Floats],
    sampler: Sampler,
    picture: Picture,
    photo: Pixels,
) -> tuple[float, float]:
    """Seconds of the fastest picture and the mean patch distance of all."""
    seconds, distances = [], []
    for seed in range(SAMPLES):
        began = time.perf_counter()
        image = draw(picture, sampler.fresh(seed))
        seconds.append(time.perf_counter() - began)
        distances.append(sliced_wasserstein(photo, sampler.shown(image)[0]))
    return min(seconds), sum(distances) / SAMPLES


def check(bundle: Path, name: str, manifest: Manifest) -> None:
    """Raise BundleError unless the graphs of a format are whole and say that they belong to this bundle."""
    if holds_all(name, manifest):
        fused_picture.check(bundle / name / fused_picture.NAME, manifest)
    elif name == "fused":
        fused.check(bundle / name / fused.NAME, manifest)
    elif name not in TRAINED:
        for scale in range(len(manifest.pyramid.sizes)):
            graph.check(bundle / name / graph_name(scale), manifest, scale)


def opened(folder: Path, name: str, sampler: Sampler) -> Opened:
    """The format in its folder, ready to draw. Raises BundleError when it cannot be loaded."""
    if name in TRAINED:
        return torch_formats.opened(folder, name, sampler)
    if name == "fused":
        return fused.opened(folder / fused.NAME, sampler)
    graphs = Graphs(folder, "cpu", sampler.graphs.threads)
    for scale in range(len(sampler.manifest.pyramid.sizes)):
        graphs.session(scale)  # a graph that cannot be loaded is said at once
    return Opened(name, graphs.generate, partial(sampler.run_generators, generate=graphs.generate))
