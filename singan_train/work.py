"""How the time of a training step grows with its canvas and its networks.

Both time estimates rest on it: the one before training (calibration.py) and the one on the way
(progress.py).
"""

from __future__ import annotations

from singan_core.pyramid import Size
from singan_train.config import TrainingConfig


def measure_work(config: TrainingConfig, scale: int, size: Size, overhead: int = 0) -> int:
    """Return the number that the time of a scale's step is proportional to.

    It is pixels times width times (width + 16), as measured for widths of 32 to 128. The overhead
    (px) is what a step costs whatever its canvas.
    """
    width = config.width_at(scale)
    return (config.count_viewed_pixels(size) + overhead) * width * (width + 16)
