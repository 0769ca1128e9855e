"""A scale in training, written now and then, so that a stopped run loses seconds; a damaged file counts as none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from singan_core.atomic import atomic_file
from singan_train.steps import State

NAME = "checkpoint.safetensors"
SECONDS = 60.0
"""Between two checkpoints."""


def write(folder: Path, scale: int, attempt: int, state: State) -> None:
    """Write the state of a scale, whole or not at all, in place of the last one. Raises OutputError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(state).items()}
    facts = {
        "scale": scale,
        "attempt": attempt,
        "iteration": state.iteration,
        "sha256": _digest(tensors),
    }
    with atomic_file(folder / NAME) as temporary:
        temporary.write_bytes(save(tensors, {"facts": json.dumps(facts)}))


def peek(folder: Path, scale: int) -> tuple[int, int]:
    """(attempt, iteration) that the checkpoint of a scale would go on from; (0, 0) without a usable one."""
    found = _read(folder, scale)
    return (0, 0) if found is None else found[:2]


def restore(folder: Path, scale: int, state: State) -> None:
    """Put the checkpoint of the scale, if there is a usable one, into a state of the same networks."""
    found = _read(folder, scale)
    if found is None:
        return
    _, state.iteration, tensors = found
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        for group in optimizer.param_groups:
            optimizer.state.update(
                {parameter: _moments(parameter) for parameter in group["params"]}
            )
    with torch.no_grad():
        for name, tensor in _tensors(state).items():
            tensor.copy_(tensors[name])


def forget(folder: Path) -> None:
    """Remove the checkpoint: its scale is finished."""
    (folder / NAME).unlink(missing_ok=True)


def _moments(parameter: Tensor) -> dict[str, Tensor]:
    """Adam's state of a parameter before its first step, in the memory format that Adam would choose."""
    return {
        "step": torch.zeros((), device=parameter.device),
        "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
        "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
    }


def _tensors(state: State) -> dict[str, Tensor]:
    """Everything that the next iteration depends on, by name; the tensors themselves, not copies."""
    found = {f"average.{n}": value for n, value in enumerate(state.average)}
    for name, network, optimizer in (
        ("generator", state.generator, state.generator_optimizer),
        ("discriminator", state.discriminator, state.discriminator_optimizer),
    ):
        found |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for key, parameter in network.named_parameters():
            found |= {
                f"{name}.{key}.{moment}": value
                for moment, value in optimizer.state[parameter].items()
            }
    return found


def _digest(tensors: dict[str, Tensor]) -> str:
    """Of names and values: safetensors itself would not notice a flipped bit."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _read(folder: Path, scale: int) -> tuple[int, int, dict[str, Tensor]] | None:
    try:
        with safe_open(folder / NAME, "pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if facts["scale"] == scale and facts["sha256"] == _digest(tensors):
            return int(facts["attempt"]), int(facts["iteration"]), tensors
    except (OSError, SafetensorError, KeyError, ValueError):
        pass
    return None
