"""A stand-in for Triton: runs a repository's models with ONNX Runtime, so that they are compared.

It has as much of triton_python_backend_utils, the module that Triton gives to Python models, as
singan_runtime.triton uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from singan_core.errors import BundleError, SinGANError
from singan_runtime.graphs import open_session, read_graph_file
from singan_runtime.tensors import Array
from singan_runtime.triton import TritonModel


@dataclass(frozen=True)
class Tensor:
    """A named array."""

    label: str
    values: Array

    def name(self) -> str:
        """Return the tensor's name."""
        return self.label

    def as_numpy(self) -> Array:
        """Return the array."""
        return self.values


@dataclass(frozen=True)
class TritonError:
    """Why a request failed."""

    said: str

    def message(self) -> str:
        """Return the reason in words."""
        return self.said


@dataclass(frozen=True)
class InferenceResponse:
    """The answer to a request: tensors or an error."""

    output_tensors: Sequence[Tensor]
    error_: TritonError | None = None

    def has_error(self) -> bool:
        """Whether the request failed."""
        return self.error_ is not None

    def error(self) -> TritonError | None:
        """Return why it failed."""
        return self.error_


@dataclass(frozen=True)
class PictureRequest:
    """What a client asks the Python model for."""

    inputs: Sequence[Tensor]
    names: Sequence[str]

    def requested_output_names(self) -> Sequence[str]:
        """Return the names of the outputs that the client wants."""
        return self.names


class Server:
    """The models of a repository, each opened when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sessions: dict[str, Any] = {}
        self.utils = SimpleNamespace(
            Tensor=Tensor,
            TritonError=TritonError,
            InferenceResponse=_respond,
            InferenceRequest=self._make_request,
            PreferredMemory=lambda kind, number: None,
            TRITONSERVER_MEMORY_CPU=0,
            get_input_tensor_by_name=lambda request, name: _find(request.inputs, name),
            get_output_tensor_by_name=lambda response, name: _find(response.output_tensors, name),
        )

    def ask(
        self, model: TritonModel, names: Sequence[str] = ("pixels", "masks"), **inputs: Array
    ) -> dict[str, Array]:
        """Ask the Python model for a picture. Raises BundleError with what it answers otherwise."""
        request = PictureRequest([Tensor(*pair) for pair in inputs.items()], names)
        [response] = model.execute([request])
        if response.has_error():
            raise BundleError(f"{self.folder}: {response.error().message()}")
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors}

    def run(self, name: str, inputs: Sequence[Tensor], outputs: Sequence[str]) -> InferenceResponse:
        """Run a model of the ONNX Runtime backend."""
        try:
            if name not in self._sessions:
                path = self.folder / name / "1" / "model.onnx"
                self._sessions[name] = open_session(path, "cpu", read_graph_file(path, None, None))
            feed = {tensor.name(): tensor.as_numpy() for tensor in inputs}
            drawn = self._sessions[name].run(list(outputs), feed)
        except (SinGANError, OSError) as error:
            return InferenceResponse([], TritonError(str(error)))
        return InferenceResponse([Tensor(*pair) for pair in zip(outputs, drawn, strict=True)])

    def _make_request(
        self,
        model_name: str,
        requested_output_names: Sequence[str],
        inputs: Sequence[Tensor],
        preferred_memory: None,
    ) -> Any:
        def execute() -> InferenceResponse:
            return self.run(model_name, inputs, requested_output_names)

        return SimpleNamespace(exec=execute)


def _respond(
    output_tensors: Sequence[Tensor], error: TritonError | None = None
) -> InferenceResponse:
    return InferenceResponse(output_tensors, error)


def _find(tensors: Sequence[Tensor], name: str) -> Tensor | None:
    found = [tensor for tensor in tensors if tensor.name() == name]
    return found[0] if found else None
