"""What is fixed before a run's first scale: config.json, and z* beside it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, bounded_json
from singan_core.arrays import Floats
from singan_core.atomic import atomic_file
from singan_core.credits import Credits
from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import MOST_CHANNELS, MOST_JSON, MOST_TEXT
from singan_core.file_names import CONFIG, RECONSTRUCTION_NOISE
from singan_core.listed_files import read_inside
from singan_core.manifest_check import are_scales
from singan_core.plain_names import make_plain
from singan_core.pyramid import Pyramid, Size
from singan_core.stored_arrays import read_array
from singan_train.config import TrainingConfig

_OF_OLDER_RUNS: dict[str, Any] = {"detail": False, "variety": 0.0, "open_sides": 0.0}
"""Fields that the config.json of an older run may lack, and what it was trained with."""


@dataclass(frozen=True)
class RunHeader:
    """What is fixed before the first scale: the contents of config.json."""

    config: TrainingConfig
    name: str
    photo_sha256: str  # of the decoded pixels and masks
    photo_size: Size
    channels: Annotated[int, msgspec.Meta(ge=1, le=MOST_CHANNELS)]
    """Of the generators: without detail labels included."""
    pyramid: Pyramid
    device: str
    torch_version: str
    labels: tuple[str, ...] = ()  # names of the masks; older runs lack the field
    stored_sha256: str = ""  # with detail levels: of the stored photo's pixels
    credits: Credits = field(default_factory=Credits)  # of the photo; older runs lack the field

    @property
    def picture_channels(self) -> int:
        """Channels without the labels, which generators draw only where there is no detail."""
        return self.channels if self.pyramid.levels else self.channels - len(self.labels)


def write_header(folder: Path, header: RunHeader, noise: NDArray[np.float32]) -> None:
    """Begin a run: write z* (1, H0+10, W0+10) and config.json. Raises OutputError."""
    with atomic_file(folder / RECONSTRUCTION_NOISE) as temporary, open(temporary, "wb") as file:
        np.save(file, noise)
    text = json.dumps(dataclasses.asdict(header), indent=2) + "\n"
    with atomic_file(folder / CONFIG) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_reconstruction_noise(folder: Path, header: RunHeader) -> Floats:
    """Read z* (1, H0+10, W0+10) of a run that may be unfinished. Raises BundleError."""
    height, width = header.pyramid.shapes[0]
    shape = (1, height + 2 * HALO, width + 2 * HALO)
    return read_array(folder, None, RECONSTRUCTION_NOISE, np.float32, shape)


def read_header(folder: Path) -> RunHeader:
    """Read the config.json of a run. Raises BundleError if it is missing or damaged."""
    path = folder / CONFIG
    if not path.exists():
        raise BundleError(
            f"{folder}: no {CONFIG}, so no run was begun here; train without --resume"
        )
    try:
        content = bounded_json.decode(read_inside(folder, CONFIG, MOST_JSON, "run"))
        data = msgspec.convert(content, dict[str, Any])
        config = _OF_OLDER_RUNS | msgspec.convert(data.get("config"), dict[str, Any])

        # Decoding leaves out fields that it does not know. A setting must not be lost in that way.
        known = {field.name for field in dataclasses.fields(TrainingConfig)}
        if unknown := config.keys() - known:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        header = msgspec.convert(data | {"config": config}, RunHeader)
        if not are_scales(header.pyramid.shapes):
            raise ValueError(f"scales of {header.pyramid.shapes!r:.{MOST_TEXT}} are not possible")
        return dataclasses.replace(header, name=make_plain(header.name))
    except (ValueError, msgspec.DecodeError) as error:
        reason = say_reason(error)
        raise BundleError(f"{path}: damaged ({reason}); train into a new folder") from error
