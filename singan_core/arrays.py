"""Types of arrays, each defined once for all packages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Pictures as files hold them: (H, W, C), or (B, H, W, C), with values from 0 to 255."""

Floats = NDArray[np.float32]
"""Images as generators see them: (B, C, H, W), with values from -1 to 1."""

Reals = NDArray[np.floating[Any]]
"""Floating point values in single or double precision."""

Mask = NDArray[np.bool_]
"""One mask (H, W), or several (H, W, labels); true inside."""

Array = Any
"""A numpy array or a torch tensor. The core never imports torch, so it cannot name the latter."""
