"""Build and read engines, with TensorRT 10, TensorRT 11 and TensorRT for RTX alike.

Importing this module imports whichever is installed. What it calls is in all three, and
tests/test_tensorrt.py checks that against their signatures. A network is strongly typed
everywhere: TensorRT 11 knows nothing else, so the graph alone decides the precision.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from singan_core.errors import BundleError, ExportError, InstallError, say_reason
from singan_export.engines.record import Shape, Shapes

INSTALL = "pip install tensorrt --extra-index-url https://pypi.nvidia.com"
INSTALL_RTX = "pip install tensorrt-rtx-cu13"


def import_bindings() -> Any:
    """Import TensorRT's bindings: TensorRT itself before TensorRT for RTX. Raises InstallError."""
    for name in ("tensorrt", "tensorrt_rtx"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise _explain_broken(name, error) from error
        except (ImportError, OSError, AttributeError, RuntimeError) as error:
            raise _explain_broken(name, error) from error
    raise InstallError(
        f"engines need TensorRT, which is not installed; run: {INSTALL} (singan's extra tensorrt), "
        f"or for an RTX card: {INSTALL_RTX}"
    )


def _explain_broken(name: str, error: Exception) -> InstallError:
    return InstallError(
        f"{name} cannot be imported ({say_reason(error)}); run: "
        f"{INSTALL if name == 'tensorrt' else INSTALL_RTX} --force-reinstall"
    )


if TYPE_CHECKING:
    import tensorrt as trt
else:
    trt = import_bindings()

NEEDS_GPU = trt.__name__ == "tensorrt"
"""Whether engines are built on the GPU that runs them. TensorRT for RTX needs none."""

LIBRARY = "TensorRT" if NEEDS_GPU else "TensorRT for RTX"
VERSION: str = trt.__version__


class _Log(trt.ILogger):  # type: ignore[misc]  # unknown where TensorRT is not installed
    """Collects what TensorRT would print."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, message: str) -> None:
        """Keep a message, if it is an error."""
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors.append(" ".join(message.split()))

    @property
    def reason(self) -> str:
        """The first error, or words that say that there was none."""
        return self.errors[0] if self.errors else f"{LIBRARY} gives no reason"


def build(graph: bytes, inputs: Mapping[str, Shapes]) -> bytes:
    """Build a serialized engine of an ONNX graph whose inputs may have these shapes.

    Raises ExportError with TensorRT's reason.
    """
    log = _Log()
    builder = trt.Builder(log)
    is_strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(is_strongly_typed)

    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph):
        reason = parser.get_error(0).desc() if parser.num_errors else log.reason
        raise ExportError(f"{LIBRARY} cannot read the graph ({reason})")
    named = {network.get_input(n).name for n in range(network.num_inputs)}
    if named != set(inputs):
        raise ExportError(f"{LIBRARY} finds the inputs {', '.join(sorted(named))} in the graph")

    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    for name, shapes in inputs.items():
        profile.set_shape(name, *(trt.Dims([*shape]) for shape in shapes))
    if config.add_optimization_profile(profile) < 0:
        raise ExportError(f"{LIBRARY} refuses the shapes of the inputs ({log.reason})")

    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ExportError(f"{LIBRARY} cannot build the engine ({log.reason})")
    return bytes(cast(bytes, plan))  # it has the buffer protocol, which its signature leaves out


def read_inputs(plan: bytes) -> dict[str, Shapes]:
    """Read an engine on this machine's GPU: its inputs, with the shapes that they may have.

    Raises BundleError for one that TensorRT does not take.
    """
    log = _Log()
    engine = trt.Runtime(log).deserialize_cuda_engine(plan)
    if engine is None:
        raise BundleError(f"{LIBRARY} does not take it ({log.reason})")

    names = [engine.get_tensor_name(n) for n in range(engine.num_io_tensors)]
    found: dict[str, Shapes] = {}
    for name in names:
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            least, usual, most = map(_list_sides, engine.get_tensor_profile_shape(name, 0))
            found[name] = least, usual, most
    return found


def _list_sides(dims: trt.Dims) -> Shape:
    return tuple(dims[axis] for axis in range(len(dims)))
