"""The generators of a bundle as ONNX Runtime sessions, fed block by block."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from singan_core import HALO, cascade
from singan_core.arguments import read_word
from singan_core.arrays import Floats, Reals
from singan_core.errors import BundleError, RequestError
from singan_core.file_names import DOUBLE, RECONSTRUCTION_NOISE, graph_name
from singan_core.limits import show
from singan_core.listed_files import read_listed
from singan_core.manifest import Manifest
from singan_core.processors import check_threads, count_processors
from singan_core.stored_arrays import read_array
from singan_runtime import devices, providers
from singan_runtime.devices import say_first_line
from singan_runtime.graph_check import check_graph
from singan_runtime.graph_file import MOST_BYTES
from singan_runtime.wire_format import GraphError

BLOCK = 256
"""Side in px of a block, whose activations stay in cache. Memory does not grow with the picture."""
PRECISIONS = (DOUBLE, "fp32", "fp16", "int8")
DTYPES: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
}


def find_graphs(bundle: Path, manifest: Manifest, precision: str) -> Path:
    """Find the folder of a bundle's graphs of a precision.

    Raises RequestError for an unknown precision, BundleError for one that the bundle has not.
    """
    if read_word(precision, "precision") not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise RequestError(f"unknown precision {show(precision)}: choose auto, {known}")
    if precision == "fp32":
        return bundle
    if f"{precision}/{graph_name(0)}" in manifest.files:
        return bundle / precision

    if precision == DOUBLE:
        raise BundleError(
            f"{bundle}: has no {DOUBLE} graphs, as a model without detail needs none; leave it out"
        )
    raise BundleError(
        f"{bundle}: has no {precision} graphs; "
        f"add them with 'singan export {bundle} --precision {precision}'"
    )


def list_digests(manifest: Manifest, precision: str) -> dict[str, str]:
    """List the sha256 of a precision's graphs, as the manifest has them, by file name."""
    folder = "" if precision == "fp32" else f"{precision}/"
    names = [graph_name(scale) for scale in range(len(manifest.noise_amplitude))]
    return {
        name: manifest.files[folder + name] for name in names if folder + name in manifest.files
    }


def read_graph_file(path: Path, files: Mapping[str, str] | None, channels: int | None) -> bytes:
    """Read a generator's graph once, and check these very bytes.

    files are those of the graph's folder, name -> sha256. Raises BundleError for bytes that they
    do not vouch for, and for a graph that our exporters could not have written.
    """
    data = read_listed(path.parent, files, path.name, MOST_BYTES)
    try:
        check_graph(data, channels)
    except GraphError as error:
        raise BundleError(f"{path}: not a generator's graph: {error}; export again") from error
    return data


def open_session(path: Path, device: str = "auto", data: bytes | None = None) -> Any:
    """Open one graph as an ONNX Runtime session that uses a single thread of the CPU.

    With data, the file's bytes, nothing is read from disk, weights in other files included. Tiles
    of a picture are drawn in threads of their own, which keeps noise and resampling busy too.
    Raises BundleError, RequestError or InstallError.
    """
    options = providers.import_onnxruntime().SessionOptions()
    options.log_severity_level = 4  # errors are raised; printed, they would name what a file says
    options.intra_op_num_threads = 1
    # A memory pattern would be kept for every size that was ever drawn, and the arena would keep
    # what the largest sizes needed, and more in pieces.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False

    provider = devices.choose_provider(device)
    precision = path.parent.name if path.parent.name in PRECISIONS else "fp32"
    try:
        return devices.open_session(data or path, provider, options, precision)
    except Exception as error:  # the library's own exceptions share no public base
        if devices.is_left_to_cpu(error):
            raise RequestError(
                f"device {device}: its {provider.name} cannot run all of {path.name}; "
                "try --precision fp32, or use --device cpu"
            ) from error
        raise BundleError(
            f"{path}: not a graph that ONNX Runtime can load ({say_first_line(error)}); "
            "export again"
        ) from error


def _read_dtype(session: Any) -> type[np.floating[Any]]:
    """Read the precision of a judged graph from its first input."""
    return DTYPES[session.get_inputs()[0].type]


class Generators(Protocol):
    """Generators that a sampler draws with: a bundle's graphs, or anything that acts like them."""

    threads: int

    @property
    def provider(self) -> str:
        """The execution provider that computes."""

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """The precision of noise and images, float32 or float64."""

    def generate(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        """Draw one generator's image (B, C, H, W) from noise and prev (B, C, H+10, W+10)."""


class Graphs:
    """The generators of a bundle, in float32 or float64, each opened when it is first used."""

    def __init__(
        self,
        folder: Path,
        device: str,
        threads: int | None,
        channels: int | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """Take the graphs in a folder, of so many channels if that is known.

        With digests, the sha256 of each file by name, only files that they vouch for are opened.
        Raises RequestError, BundleError or InstallError.
        """
        if threads is not None:
            threads = check_threads(threads)
        self.folder = folder
        self.device = device
        self.channels = channels
        self.digests = digests
        self._sessions: dict[int, Any] = {}
        self._dtypes: dict[int, type[np.floating[Any]]] = {}
        self._opening = threading.Lock()

        chosen = devices.choose_provider(device)
        self.threads = threads or (count_processors() if chosen.is_on_cpu else 1)
        # A GPU's libraries choose an algorithm for every shape that they see for the first time.
        self.fixed_blocks = not chosen.is_on_cpu

    @property
    def provider(self) -> str:
        """The execution provider that is used."""
        return str(self.session(0).get_providers()[0])

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """The precision in which the coarsest generator draws. Raises BundleError."""
        return self.find_dtype(0)

    def find_dtype(self, scale: int) -> type[np.floating[Any]]:
        """Find the precision in which a generator draws. Raises BundleError."""
        self.session(scale)
        return self._dtypes[scale]

    def find_path(self, scale: int) -> Path:
        """Find the file of a scale's graph."""
        return self.folder / graph_name(scale)

    def session(self, scale: int) -> Any:
        """Return the session of a scale, opened if need be."""
        with self._opening:
            if scale not in self._sessions:
                path = self.find_path(scale)
                data = read_graph_file(path, self.digests, self.channels)
                session = open_session(path, self.device, data)
                self._dtypes[scale] = _read_dtype(session)
                self._sessions[scale] = session
            return self._sessions[scale]

    def generate(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        """Draw one generator's image (B, C, H, W) from noise and prev (B, C, H+10, W+10).

        It is drawn in blocks. Noise and prev may be float32 or float64, the image has the precision
        of the generator's graph.
        """
        dtype = self.find_dtype(scale)

        def draw(noise: Reals, prev: Reals) -> Reals:
            inputs = {"noise": np.ascontiguousarray(noise), "prev": np.ascontiguousarray(prev)}
            return self._run(scale, inputs)

        # Before the blocks, because an image that is put together from them takes the type of prev.
        noise, prev = np.asarray(noise, dtype), np.asarray(prev, dtype)
        drawn: Reals = cascade.generate_in_blocks(draw, noise, prev, BLOCK, self.fixed_blocks)
        return drawn

    def _run(self, scale: int, inputs: dict[str, Reals]) -> Reals:
        """Run a scale's graph.

        Raises BundleError for one that fails or makes values that are not numbers, and MemoryError.
        """
        try:
            image: Reals = self.session(scale).run(["image"], inputs)[0]
        except Exception as error:  # the library's own exceptions share no public base
            raise explain_failure(self.find_path(scale), error) from error
        check_numbers(self.find_path(scale), image)
        return image


def explain_failure(path: Path, error: Exception) -> Exception:
    """Return what to raise where a graph could not be run: BundleError or MemoryError."""
    if "alloc" in str(error):
        return MemoryError()
    return BundleError(f"{path}: cannot be run ({say_first_line(error)}); export again")


def check_numbers(path: Path, image: Reals) -> None:
    """Raise BundleError for an image that holds values that are not numbers."""
    if not np.isfinite(image).all():
        raise BundleError(f"{path}: draws values that are not numbers; export again")


def read_reconstruction_noise(folder: Path, manifest: Manifest) -> Floats:
    """Read z*, (1, H_0 + 10, W_0 + 10), of a bundle.

    Raises BundleError unless it is float32, finite and of that shape.
    """
    height, width = manifest.shapes[0]
    shape = (1, height + 2 * HALO, width + 2 * HALO)
    return read_array(folder, manifest.files, RECONSTRUCTION_NOISE, np.float32, shape)
