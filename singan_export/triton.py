"""Write a bundle as a model repository of Triton Inference Server.

NAME_scale_00, NAME_scale_01, ... are the generators, for the ONNX Runtime backend. NAME is a model
of the Python backend: it holds the bundle and draws whole pictures, for which it calls the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from singan_core import manifest as manifests
from singan_core.arrays import Pixels
from singan_core.errors import BundleError
from singan_core.file_names import DOUBLE, PARITY, graph_name
from singan_core.listed_files import read_listed
from singan_core.manifest import Manifest
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_export.comparison import Opened
from singan_export.triton_stand_in import Server
from singan_runtime import tensors
from singan_runtime.sampler import Sampler
from singan_runtime.tensors import Tensor
from singan_runtime.triton import BUNDLE, TritonModel, choose_dtype, name_scale
from singan_train.scale.trained_pyramid import TrainedPyramid

CONFIG, VERSION = "config.pbtxt", "1"

MODEL_PY = '''\
"""Draws whole pictures. Needs the Python package singan beside Triton's Python backend."""

import triton_python_backend_utils

from singan_runtime.triton import TritonModel


class TritonPythonModel(TritonModel):
    """What Triton looks for in this file."""

    utils = triton_python_backend_utils
'''


def write(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None = None
) -> None:
    """Write the model repository of a bundle into an empty folder."""
    for name, content in list_files(bundle, sampler.manifest):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    manifest = choose_manifest(sampler.manifest)
    manifests.write(folder / manifest.name / VERSION / BUNDLE, manifest)


def check(folder: Path, manifest: Manifest) -> None:
    """Check that the repository holds what its bundle says, and nothing else.

    Triton's Python would also load modules that lie beside model.py. Raises BundleError.
    """
    bundle, inner = folder.parent, f"{manifest.name}/{VERSION}/{BUNDLE}"
    known = {PARITY, f"{inner}/{manifests.NAME}"}
    for name, content in list_files(bundle, manifest):
        known.add(name)
        if read_listed(bundle, manifest.files, f"{folder.name}/{name}") != content:
            raise BundleError(f"{folder / name}: is not of this bundle; export again")

    if manifests.read(folder / inner, "bundle") != choose_manifest(manifest):
        raise BundleError(f"{folder}: holds another bundle; export again")
    for path in sorted(folder.rglob("*")):
        is_file = path.is_symlink() or not path.is_dir()
        if is_file and path.relative_to(folder).as_posix() not in known:
            raise BundleError(f"{path}: is not of this bundle; remove it")


def open_format(folder: Path, sampler: Sampler) -> Opened:
    """Open the repository as Triton would, with ONNX Runtime behind its models.

    Raises BundleError when a model cannot be loaded.
    """
    name = sampler.manifest.name
    server = Server(folder)

    class Model(TritonModel):
        utils = server.utils

    model = Model()
    place = {"model_repository": str(folder / name), "model_version": VERSION}
    model.initialize({**place, "model_name": name})

    def draw_pixels(size: Size, zoom: Zoom, seed: int) -> Pixels:
        number = 0.0 if zoom == "auto" else zoom
        drawn = server.ask(
            model,
            size=np.array(size, np.int64),
            seed=np.array([seed], np.uint64),
            zoom=np.array([number], np.float64),
        )
        return np.concatenate(list(drawn.values()), axis=2)

    return Opened(draw_pixels=draw_pixels)


def list_files(bundle: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """List the files of the repository, but for the inner manifest: paths and contents."""
    name, detail = manifest.name, manifest.detail
    scales = len(manifest.noise_amplitude) if detail is None else detail.hand_over + 1
    precision = "" if detail is None else f"{DOUBLE}/"
    for scale in range(scales):
        model, file = name_scale(name, scale), f"{precision}{graph_name(scale)}"
        yield f"{model}/{CONFIG}", write_generator_config(manifest, scale).encode()
        yield f"{model}/{VERSION}/model.onnx", read_listed(bundle, manifest.files, file)

    yield f"{name}/{CONFIG}", write_picture_config(manifest).encode()
    yield f"{name}/{VERSION}/model.py", MODEL_PY.encode()
    for file in choose_manifest(manifest).files:
        content = read_listed(bundle, manifest.files, file)
        yield f"{name}/{VERSION}/{BUNDLE}/{file}", content


def choose_manifest(manifest: Manifest) -> Manifest:
    """Return the manifest of the inner bundle: without further formats."""
    own = {
        file: digest
        for file, digest in manifest.files.items()
        if "/" not in file or file.startswith(f"{DOUBLE}/")
    }
    return dataclasses.replace(manifest, files=own)


def write_generator_config(manifest: Manifest, scale: int) -> str:
    """Write the configuration of a generator: batch, height and width are free."""
    datatype = "FP64" if choose_dtype(manifest) is np.float64 else "FP32"
    shape = (-1, manifest.channels, -1, -1)
    lines = [_describe("input", Tensor(name, datatype, shape)) for name in ("noise", "prev")]
    lines.append(_describe("output", Tensor("image", datatype, shape)))
    return _write_config(name_scale(manifest.name, scale), "onnxruntime", lines)


def write_picture_config(manifest: Manifest) -> str:
    """Write the configuration of the model that draws whole pictures."""
    lines = [_describe("input", tensor) for tensor in tensors.INPUTS]
    lines += [_describe("output", tensor) for tensor in tensors.list_outputs(manifest)]
    return _write_config(manifest.name, "python", lines)


def _write_config(name: str, backend: str, lines: Sequence[str]) -> str:
    """Write a model's configuration, a protocol buffer as text. Requests are not batched."""
    head = (f'name: "{name}"', f'backend: "{backend}"', "max_batch_size: 0")
    return "\n".join([*head, *lines, ""])


def _describe(kind: str, tensor: Tensor) -> str:
    shape = ", ".join(map(str, tensor.shape))
    said = f'name: "{tensor.name}" data_type: TYPE_{tensor.datatype} dims: [ {shape} ]'
    return f"{kind} {{ {said}{' optional: true' if tensor.is_optional else ''} }}"
