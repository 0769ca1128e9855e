"""The networks of the reference SinGAN, translated from its tensors' names to ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from singan_core.errors import CheckpointError
from singan_core.file_limits import MOST_WIDTH
from singan_train.reference.pickle_machine import Allowance, PickledObject
from singan_train.reference.pickled_names import write_plainly
from singan_train.reference.unpickle import read_file
from singan_train.scale.networks import LAYERS, Discriminator, Generator

BLOCKS = ("head", *(f"body.block{n}" for n in range(1, LAYERS - 1)))
CONSINGAN = (
    "a ConSinGAN checkpoint: its scales hand on feature maps, enlarged with their corners aligned, "
    "instead of pictures, so they are no generators of a cascade and cannot be imported; train a "
    "run with 'singan train'"
)

StateDict = dict[str, NDArray[Any]]
Network = TypeVar("Network", Generator, Discriminator)


def describe(value: Any) -> str:
    """Describe what was found where something else was expected."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, PickledObject):
        return write_plainly(str(value.kind))
    return type(value).__name__


def extract_state(value: Any, path: Path) -> StateDict:
    """Return a state dict itself, or collect that of a whole module.

    Raises CheckpointError if the value is neither.
    """
    found: Any = value
    if isinstance(value, PickledObject):
        found = {}
        try:
            _collect_tensors(value, "", found)
        except (AttributeError, TypeError, RecursionError):  # no module that PyTorch has written
            found = {}

    if not _is_state_dict(found):
        raise CheckpointError(
            f"{path}: a network's tensors are expected, got {describe(value)}; give its netG.pth"
        )
    return found


def _is_state_dict(value: Any) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(k, str) and isinstance(v, np.ndarray) for k, v in value.items())


def _collect_tensors(module: Any, prefix: str, found: StateDict) -> None:
    """Collect the tensors of a module and its children by their names in a state dict."""
    if not isinstance(module, PickledObject) or not isinstance(module.state, dict):
        return
    for part in ("_parameters", "_buffers"):
        for key, tensor in module.state.get(part, {}).items():
            if tensor is not None:
                found[prefix + key] = tensor
    for key, child in module.state.get("_modules", {}).items():
        _collect_tensors(child, f"{prefix}{key}.", found)


def make_generator(state: StateDict, channels: int, where: str) -> Generator:
    """Make our generator of the reference's tensors. Raises CheckpointError for another network."""
    if any(key.startswith("body.0.") for key in state):
        raise CheckpointError(f"{where}: {CONSINGAN}")
    width = _check_layers(state, channels, channels, "tail.0", where)
    return _load_state(Generator(channels, width, norm=True), state, "tail.0")


def read_discriminator(path: Path, channels: int, allowance: Allowance) -> Discriminator | None:
    """Read a discriminator of the reference, if the file exists. Raises CheckpointError."""
    if not path.exists():
        return None
    state = extract_state(read_file(path, allowance), path)
    width = _check_layers(state, channels, 1, "tail", str(path))
    return _load_state(Discriminator(channels, width, norm=True), state, "tail")


def _check_layers(state: StateDict, inputs: int, outputs: int, tail: str, where: str) -> int:
    """Return the channels of the hidden layers.

    Raises CheckpointError unless the tensors are those of five layers of one width. LeakyReLU's
    slope (0.2) and BatchNorm's eps (1e-5) are taken as the reference has them; no tensor tells.
    """
    head = state.get("head.conv.weight")
    width = head.shape[0] if head is not None and head.ndim else 0
    expected = _list_shapes(inputs, width, outputs, tail)
    counters = "num_batches_tracked"
    found = {key: value.shape for key, value in state.items() if not key.endswith(counters)}

    for key in sorted(expected.keys() | found.keys()):
        if found.get(key) != expected.get(key):
            raise CheckpointError(
                f"{where}: {write_plainly(key)} is {found.get(key, 'missing')}, "
                f"expected {expected.get(key, 'none')}; "
                "not a network of the reference SinGAN with five 3x3 layers of one width"
            )
    if width > MOST_WIDTH:
        raise CheckpointError(f"{where}: layers of {width} channels; {MOST_WIDTH} are the most")
    if not all(np.isfinite(value).all() for value in state.values()):
        raise CheckpointError(f"{where}: has weights that are no numbers; get the checkpoint again")
    return width


def _list_shapes(inputs: int, width: int, outputs: int, tail: str) -> dict[str, tuple[int, ...]]:
    """List the tensors of five layers of one width with their shapes."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{tail}.weight": (outputs, width, 3, 3),
        f"{tail}.bias": (outputs,),
    }
    norms = ("weight", "bias", "running_mean", "running_var")
    for number, block in enumerate(BLOCKS):
        shapes[f"{block}.conv.weight"] = (width, width if number else inputs, 3, 3)
        shapes[f"{block}.conv.bias"] = (width,)
        for key in norms:
            shapes[f"{block}.norm.{key}"] = (width,)
    return shapes


def _load_state(network: Network, state: StateDict, tail: str) -> Network:
    """Load the reference's tensors into a network.

    Every block of ours is a convolution, its normalisation and an activation.
    """
    places = {tail: f"net.{3 * len(BLOCKS)}"}
    for number, block in enumerate(BLOCKS):
        places[f"{block}.conv"] = f"net.{3 * number}"
        places[f"{block}.norm"] = f"net.{3 * number + 1}"

    # our own tensors first, since the number of batches seen is missing before PyTorch 0.4.1
    tensors = network.state_dict()
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if layer in places:
            tensors[f"{places[layer]}.{kind}"] = torch.from_numpy(np.array(value))
    network.load_state_dict(tensors)
    return network.eval()


def measure_width(generator: Generator) -> int:
    """Return the channels of a generator's hidden layers."""
    return int(generator.net[0].out_channels)  # type: ignore[arg-type]
