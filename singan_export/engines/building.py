"""Build engines of a bundle's generators into the user's cache, and check those there.

There is an engine for each scale, and one for all scales together (the fused graph). TensorRT has
no double precision and lacks operations of the detail levels, so that engines hold generators
alone. They are not compared with the graphs: that would take the GPU that they are for.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from singan_core.atomic import atomic_folder
from singan_core.errors import BundleError, ExportError, OutputError, RequestError
from singan_export import fused, generator_graph
from singan_export.engines.profiles import Profile, find_scale_shapes, find_whole_shapes
from singan_export.engines.record import (
    Engine,
    Origin,
    Record,
    Shapes,
    read_engine,
    read_record,
)
from singan_runtime.doctor.hardware import name_gpu
from singan_runtime.graphs import find_graphs
from singan_runtime.sampler import Sampler

WHOLE = "pyramid.engine"
"""The engine of all scales together."""

PRECISIONS = ("fp32", "fp16", "int8")
"""Precisions of graphs that TensorRT reads."""


def open_adapter() -> ModuleType:
    """Import what builds engines. Raises InstallError where TensorRT is missing or broken."""
    from singan_export.engines import adapter

    return adapter


def find_origin(adapter: ModuleType, sampler: Sampler, precision: str) -> Origin:
    """Find what engines of a model on this machine are for, and what they are built with."""
    gpu = name_gpu() if adapter.NEEDS_GPU else ""
    return Origin(sampler.identity, precision, adapter.LIBRARY, adapter.VERSION, gpu)


def build(
    bundle: Path, precision: str, profile: Profile, whole: bool = False, force: bool = False
) -> tuple[Path, Record]:
    """Build the engines of a bundle's graphs of a precision, and return their folder and record.

    whole adds the one of all scales, which a model without detail always has. Raises InstallError,
    OutputError if engines are there already, RequestError where the GPU for them is missing,
    BundleError or ExportError.
    """
    adapter = open_adapter()
    sampler = Sampler.load(bundle, device="cpu")
    origin = find_origin(adapter, sampler, precision)
    if adapter.NEEDS_GPU and not origin.gpu:
        raise RequestError(
            "TensorRT builds engines on the GPU that runs them, and nvidia-smi finds none here; "
            f"TensorRT for RTX needs none: pip uninstall -y tensorrt && {adapter.INSTALL_RTX}"
        )
    folder = origin.find_folder()
    if folder.exists() and not force:
        raise OutputError(f"{folder}: already exists; pass --force to build the engines again")

    whole = whole or sampler.manifest.detail is None
    graphs = list_graphs(bundle, sampler, precision, profile, whole)
    with atomic_folder(folder) as temporary:
        engines = {}
        for name, (graph, inputs) in graphs.items():
            try:
                plan = adapter.build(graph, inputs)
            except ExportError as error:
                raise ExportError(f"{name}: {error}; nothing was written") from error
            (temporary / name).write_bytes(plan)
            engines[name] = Engine.of(plan, inputs)
        record = Record(origin, engines)
        record.write(temporary)
    return folder, record


def list_graphs(
    bundle: Path, sampler: Sampler, precision: str, profile: Profile, whole: bool
) -> dict[str, tuple[bytes, dict[str, Shapes]]]:
    """List the engines to build: by file name the ONNX graph and the shapes of its inputs.

    Raises BundleError, or RequestError for sizes that all scales together cannot draw.
    """
    manifest = sampler.manifest
    where = find_graphs(bundle, manifest, precision)
    scales = range(len(manifest.pyramid.sizes))
    models = [generator_graph.load(where, manifest, scale, precision) for scale in scales]

    graphs = {}
    for scale, model in enumerate(models):
        shapes = find_scale_shapes(sampler, profile, scale)
        inputs = {"noise": shapes, "prev": shapes}
        graphs[f"scale_{scale:02d}.engine"] = model.SerializeToString(), inputs
    if whole:
        graph = fused.build(models[: len(manifest.shapes)], manifest.generators)
        graphs[WHOLE] = graph.SerializeToString(), find_whole_shapes(sampler, profile)
    return graphs


def check_cache(sampler: Sampler) -> dict[Path, Record]:
    """Check the engines of a model in this user's cache, in every precision: records by folder.

    Raises InstallError, or BundleError if there are none and for those that cannot be used.
    """
    adapter = open_adapter()
    origins = [find_origin(adapter, sampler, precision) for precision in PRECISIONS]
    present = [one for one in origins if one.find_folder().is_dir()]
    return {one.find_folder(): check(one) for one in present or origins[:1]}


def check(origin: Origin) -> Record:
    """Check the engines of an origin, which is this machine's, and return their record.

    Engines of another model, GPU, precision or version of TensorRT, and altered ones, are refused
    with the reason. Where the GPU is, TensorRT opens each. Raises BundleError.
    """
    folder = origin.find_folder()
    record = read_record(folder, origin)
    has_gpu = bool(name_gpu())
    for name, engine in record.engines.items():
        plan = read_engine(folder, record, name)
        if not has_gpu:
            continue
        try:
            found = open_adapter().read_inputs(plan)
        except BundleError as error:
            raise BundleError(f"{folder / name}: {error}") from error
        if found != engine.inputs:
            raise BundleError(f"{folder / name}: has other inputs or shapes than its record says")
    return record
