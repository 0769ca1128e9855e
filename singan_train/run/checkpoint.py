"""A scale in training, written every minute, so that a stopped run loses little.

A damaged checkpoint counts as none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from singan_core.atomic import atomic_file
from singan_core.paths import require_file
from singan_train.scale.steps import TrainingState

FILE_NAME = "checkpoint.safetensors"
HEADER_KEY = "facts"
SECONDS = 60.0
"""Between two checkpoints."""


@dataclass(frozen=True)
class _Header:
    """What a checkpoint says of itself."""

    scale: int
    attempt: int
    iteration: int
    sha256: str  # of the tensors' names and values


def write(folder: Path, scale: int, attempt: int, state: TrainingState) -> None:
    """Write the state of a scale in place of the last checkpoint, whole or not at all.

    Raises OutputError.
    """
    tensors = {}
    for name, tensor in _collect_tensors(state).items():
        tensors[name] = tensor.detach().cpu().contiguous()

    header = _Header(scale, attempt, state.iteration, _hash_tensors(tensors))
    with atomic_file(folder / FILE_NAME) as temporary:
        notes = {HEADER_KEY: json.dumps(dataclasses.asdict(header))}
        temporary.write_bytes(save(tensors, notes))


def read_position(folder: Path, scale: int) -> tuple[int, int]:
    """Return (attempt, iteration) from which a scale would go on, (0, 0) without a checkpoint."""
    found = _read(folder, scale)
    return (found[0].attempt, found[0].iteration) if found else (0, 0)


def restore(folder: Path, scale: int, state: TrainingState) -> None:
    """Put a scale's checkpoint, if there is a usable one, into a state of the same networks."""
    found = _read(folder, scale)
    if found is None:
        return
    header, tensors = found
    state.iteration = header.iteration

    # Adam makes its moments at its first step. Make them now, so that there is where to copy to.
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                optimizer.state[parameter] = _make_moments(parameter)

    with torch.no_grad():
        for name, tensor in _collect_tensors(state).items():
            tensor.copy_(tensors[name])


def remove(folder: Path) -> None:
    """Remove the checkpoint, because its scale is finished or begins again."""
    (folder / FILE_NAME).unlink(missing_ok=True)


def _make_moments(parameter: Tensor) -> dict[str, Tensor]:
    """Make Adam's state of a parameter before its first step, in the memory format of Adam."""
    return {
        "step": torch.zeros((), device=parameter.device),
        "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
        "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
    }


def _collect_tensors(state: TrainingState) -> dict[str, Tensor]:
    """Collect by name all that the next iteration depends on: the tensors themselves, no copies."""
    found = {f"average.{n}": value for n, value in enumerate(state.average)}
    for name, network, optimizer in (
        ("generator", state.generator, state.generator_optimizer),
        ("discriminator", state.discriminator, state.discriminator_optimizer),
    ):
        for key, value in network.state_dict().items():
            found[f"{name}.{key}"] = value
        for key, parameter in network.named_parameters():
            for moment, value in optimizer.state[parameter].items():
                found[f"{name}.{key}.{moment}"] = value
    return found


def _hash_tensors(tensors: dict[str, Tensor]) -> str:
    """Hash names and values: safetensors itself would not notice a flipped bit."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _read(folder: Path, scale: int) -> tuple[_Header, dict[str, Tensor]] | None:
    try:
        with safe_open(require_file(folder / FILE_NAME), "pt") as file:
            notes = (file.metadata() or {})[HEADER_KEY]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        header = msgspec.json.decode(notes, type=_Header)
    except (OSError, SafetensorError, KeyError, ValueError, msgspec.DecodeError):
        return None
    usable = header.scale == scale and header.sha256 == _hash_tensors(tensors)
    return (header, tensors) if usable else None
