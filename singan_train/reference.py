"""The networks of the reference SinGAN, from its tensors' names to ours: five 3x3 convolutions without padding each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from singan_core.errors import CheckpointError
from singan_train import unpickle
from singan_train.networks import LAYERS, Discriminator, Generator
from singan_train.unpickle import Described

BLOCKS = ("head", *(f"body.block{n}" for n in range(1, LAYERS - 1)))
CONSINGAN = (
    "a ConSinGAN checkpoint: its scales hand on feature maps, enlarged with their corners aligned, instead of "
    "pictures, so they are no generators of a cascade and cannot be imported; train a run with 'singan train'"
)

State = dict[str, NDArray[Any]]
Network = TypeVar("Network", Generator, Discriminator)


def described(value: Any) -> str:
    """What was found where something else was expected."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return str(value.kind) if isinstance(value, Described) else type(value).__name__


def state_of(value: Any, path: Path) -> State:
    """A state dict, or the one of a described module."""
    found: State = {}

    def collect(module: Any, prefix: str) -> None:
        if not isinstance(module, Described) or not isinstance(module.state, dict):
            return
        for part in ("_parameters", "_buffers"):
            tensors = module.state.get(part, {}).items()
            found.update({prefix + key: tensor for key, tensor in tensors if tensor is not None})
        for key, child in module.state.get("_modules", {}).items():
            collect(child, f"{prefix}{key}.")

    if isinstance(value, Described):
        try:
            collect(value, "")
        except (AttributeError, TypeError, RecursionError):  # no module that PyTorch has written
            found = {}
    elif isinstance(value, dict):
        found = value
    if not found or not all(
        isinstance(k, str) and isinstance(tensor, np.ndarray) for k, tensor in found.items()
    ):
        raise CheckpointError(
            f"{path}: a network's tensors are expected, got {described(value)}; give its netG.pth"
        )
    return found


def generator(state: State, channels: int, where: str) -> Generator:
    """Ours from the reference's. Raises CheckpointError if it is another network."""
    if any(key.startswith("body.0.") for key in state):
        raise CheckpointError(f"{where}: {CONSINGAN}")
    hidden = _hidden(state, channels, channels, "tail.0", where)
    return _loaded(Generator(channels, hidden, norm=True), state, "tail.0")


def discriminator(path: Path, channels: int) -> Discriminator | None:
    """Ours from the reference's, if there is one."""
    if not path.exists():
        return None
    state = state_of(unpickle.load(path), path)
    hidden = _hidden(state, channels, 1, "tail", str(path))
    return _loaded(Discriminator(channels, hidden, norm=True), state, "tail")


def _hidden(state: State, inputs: int, outputs: int, tail: str, where: str) -> int:
    """Channels of the hidden layers. Raises CheckpointError if the tensors are not those of five layers of one width.

    The reference takes LeakyReLU's slope 0.2 and BatchNorm's eps 1e-5 as given, and no tensor tells them.
    """
    head = state.get("head.conv.weight")
    hidden = head.shape[0] if head is not None and head.ndim else 0
    expected: dict[str, tuple[int, ...]] = {
        f"{tail}.weight": (outputs, hidden, 3, 3),
        f"{tail}.bias": (outputs,),
    }
    for number, block in enumerate(BLOCKS):
        expected[f"{block}.conv.weight"] = (hidden, hidden if number else inputs, 3, 3)
        for key in (
            "conv.bias",
            "norm.weight",
            "norm.bias",
            "norm.running_mean",
            "norm.running_var",
        ):
            expected[f"{block}.{key}"] = (hidden,)
    found = {
        key: value.shape for key, value in state.items() if not key.endswith("num_batches_tracked")
    }
    for key in sorted(expected.keys() | found.keys()):
        if found.get(key) != expected.get(key):
            raise CheckpointError(
                f"{where}: {ascii(key)[1:-1]} is {found.get(key, 'missing')}, expected {expected.get(key, 'none')}; "
                "not a network of the reference SinGAN with five 3x3 layers of one width"
            )
    if not all(np.isfinite(value).all() for value in state.values()):
        raise CheckpointError(f"{where}: has weights that are no numbers; get the checkpoint again")
    return hidden


def _loaded(network: Network, state: State, tail: str) -> Network:
    """The network with the reference's tensors: every block is a convolution, its normalisation and an activation."""
    places = {f"{block}.conv": f"net.{3 * n}" for n, block in enumerate(BLOCKS)}
    places |= {f"{block}.norm": f"net.{3 * n + 1}" for n, block in enumerate(BLOCKS)}
    places[tail] = f"net.{3 * len(BLOCKS)}"
    tensors = network.state_dict()  # the number of batches seen is missing before PyTorch 0.4.1
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if layer in places:
            tensors[f"{places[layer]}.{kind}"] = torch.from_numpy(np.array(value))
    network.load_state_dict(tensors)
    return network.eval()  # type: ignore[return-value]


def width(generator: Generator) -> int:
    return int(generator.net[0].out_channels)  # type: ignore[arg-type]
