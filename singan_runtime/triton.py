"""The Python model of a Triton model repository: a cascade whose generators are models of Triton.

singan_export.triton writes the repository, whose model.py derives its class from TritonModel. The
cascade and the detail levels are those of Sampler, so that pictures are the same as without Triton.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import cascade
from singan_core import manifest as manifests
from singan_core.arrays import Reals
from singan_core.detail import store
from singan_core.errors import BundleError, SinGANError
from singan_core.fitting import MAX_PIXELS
from singan_core.manifest import Manifest
from singan_runtime import tensors
from singan_runtime.graphs import BLOCK, read_reconstruction_noise
from singan_runtime.sampler import Sampler

BUNDLE = "bundle"
"""The folder of the bundle, beside model.py."""


def name_scale(name: str, scale: int) -> str:
    """Name Triton's model of a generator."""
    return f"{name}_scale_{scale:02d}"


def choose_dtype(manifest: Manifest) -> type[np.floating[Any]]:
    """Choose the precision of the generators: double below detail levels, as in Sampler."""
    return np.float64 if manifest.detail else np.float32


class TritonModel:
    """Answers Triton's requests with pictures. model.py gives it Triton's own module as `utils`."""

    utils: Any

    def initialize(self, args: dict[str, str]) -> None:
        """Open the bundle beside model.py. Raises BundleError, which Triton's log then shows."""
        folder = Path(args["model_repository"]) / args["model_version"] / BUNDLE
        found = manifests.read(folder, "bundle")
        generators = TritonGenerators(self.utils, args["model_name"], found)
        noise = read_reconstruction_noise(folder, found)
        detail = store.read_detail(folder, found)
        self.sampler = Sampler(found, generators, noise, MAX_PIXELS, *detail)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer requests, each with a picture or with one line that says why not."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        utils = self.utils
        try:
            drawn = tensors.draw(self.sampler, tensors.read_request(self._read_inputs(request)))
        except (SinGANError, MemoryError) as error:
            said = str(error) or "not enough memory for this size; ask for less"
            return utils.InferenceResponse(output_tensors=[], error=utils.TritonError(said))

        wanted = request.requested_output_names()
        outputs = [utils.Tensor(name, drawn[name]) for name in drawn if name in wanted]
        return utils.InferenceResponse(output_tensors=outputs)

    def _read_inputs(self, request: Any) -> dict[str, tensors.Array]:
        """Read the inputs that a request has, all of which are optional."""
        names = [tensor.name for tensor in tensors.INPUTS]
        given = {name: self.utils.get_input_tensor_by_name(request, name) for name in names}
        return {name: tensor.as_numpy() for name, tensor in given.items() if tensor is not None}


class TritonGenerators:
    """The generators of a bundle as models of Triton, which are called from its Python model."""

    threads = 1  # Triton runs as many copies of a model as its configuration says

    def __init__(self, utils: Any, name: str, manifest: Manifest) -> None:
        self.utils = utils
        self.name = name
        self.dtype = choose_dtype(manifest)

    @property
    def provider(self) -> str:
        """What computes."""
        return "triton"

    def generate(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        """Draw one generator's image (B, C, H, W) from noise and prev (B, C, H+10, W+10).

        Raises BundleError where Triton cannot run its model.
        """

        def draw(noise: Reals, prev: Reals) -> Reals:
            return self._run(scale, noise, prev)

        noise, prev = np.asarray(noise, self.dtype), np.asarray(prev, self.dtype)
        drawn: Reals = cascade.generate_in_blocks(draw, noise, prev, BLOCK, False)
        return drawn

    def _run(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        utils, name = self.utils, name_scale(self.name, scale)
        inputs = {"noise": noise, "prev": prev}
        request = utils.InferenceRequest(
            model_name=name,
            requested_output_names=["image"],
            inputs=[
                utils.Tensor(key, np.ascontiguousarray(value)) for key, value in inputs.items()
            ],
            preferred_memory=utils.PreferredMemory(utils.TRITONSERVER_MEMORY_CPU, 0),
        )

        response = request.exec()
        if response.has_error():
            raise BundleError(f"{name} cannot be run: {response.error().message()}")
        image: Reals = utils.get_output_tensor_by_name(response, "image").as_numpy()
        return image
