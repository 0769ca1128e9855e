"""The models that the repository ships: what models/models.toml says of each."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models"
LIST = MODELS / "models.toml"
TIMES = MODELS / "training.json"
"""What each training took, by model."""


@dataclass(frozen=True)
class Model:
    """One model: its photo, how it is trained, and which seeds its card shows."""

    name: str
    photo: str  # path in the repository
    kind: str  # what kind of photograph it is
    draws: str  # one sentence
    creator: str
    licence: str
    source: str
    layout: str
    seed: int  # of the training
    samples: tuple[int, ...]
    wide: int
    tall: int
    loop: int
    faults: str
    credited: bool = True  # whether the training is told creator and licence, not only the photo

    @property
    def bundle(self) -> Path:
        """The folder of the bundle."""
        return MODELS / self.name

    def list_words(self, run: str) -> list[str]:
        """List the words of the command that trains it into a run."""
        words = ["singan", "train", self.photo, "--out", run]
        words += ["--layout", self.layout, "--seed", str(self.seed)]
        if self.credited:
            words += ["--creator", self.creator, "--licence", self.licence]
        return words

    def describe_training(self) -> str:
        """Write the command that trains it, for a shell."""
        return shlex.join(self.list_words("run"))


def read_models() -> list[Model]:
    """Read the list, in its order."""
    with LIST.open("rb") as file:
        found = tomllib.load(file)
    return [
        Model(name, **fields | {"samples": tuple(fields["samples"])})
        for name, fields in found.items()
    ]
