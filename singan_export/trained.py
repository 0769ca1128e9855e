"""Draw with the trained networks as with the graphs of a bundle, to compare or to replace them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from singan_core.arrays import Reals
from singan_train.scale.networks import Generator
from singan_train.scale.trained_pyramid import generate_image


class TrainedGenerators:
    """Draw with a run's networks as a bundle's graphs do, in float32 or in double precision."""

    provider = "torch"

    def __init__(self, generators: Sequence[Generator], double: bool, threads: int = 1) -> None:
        self.generators = [copy.deepcopy(one).double() if double else one for one in generators]
        self.threads = threads
        self.dtype: type[np.floating[Any]] = np.float64 if double else np.float32

    def generate(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        """Draw one generator's image (B, C, H, W) from noise and prev, (B, C, H+10, W+10) each."""
        noise, prev = (np.ascontiguousarray(values, self.dtype) for values in (noise, prev))
        image = generate_image(
            self.generators[scale], torch.from_numpy(noise), torch.from_numpy(prev)
        )
        drawn: Reals = image.numpy()
        return drawn
