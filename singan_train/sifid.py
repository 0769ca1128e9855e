"""Single Image FID: the distance of two pictures' Inception features (SinGAN, section 3).

The features are those before Inception v3's second pooling layer: 192 channels, every position
being one observation. That needs the network's first five convolutions alone. The weights are the
user's: pytorch-fid's state dict.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.paths import require_file


class _Convolution(nn.Module):
    """Convolution, BatchNorm on stored statistics, ReLU: Inception's building block."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, value: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(value)))


class Inception(nn.Module):
    """Inception v3 up to its second pooling layer (Szegedy et al. 2015).

    The names are those of torchvision's state dict.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, 3)

    @classmethod
    def load(cls, path: Path) -> Inception:
        """Make the network with the weights of a state-dict file, of which nothing is executed.

        Raises RequestError if the file is missing or no such state dict.
        """
        network = cls()
        try:
            found = torch.load(require_file(path), map_location="cpu", weights_only=True)
            network.load_state_dict({name: found[name] for name in network.state_dict()})
        except FileNotFoundError as error:
            raise RequestError(
                f"{path}: no such file; pass pytorch-fid's Inception weights"
            ) from error
        except Exception as error:  # what unpickling can raise has no common base
            cause = error.strerror if isinstance(error, OSError) else None
            cause = cause or (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RequestError(
                f"{path}: no Inception v3 state dict ({cause}); pass pytorch-fid's weights"
            ) from error
        return network.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Compute features (B, 192, h, w) of RGB images (B, 3, H, W) in [-1, 1]."""
        value = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(image)))
        return self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(value, 3, 2)))

    def features(self, pixels: Pixels) -> NDArray[np.float64]:
        """Compute the features of a picture (h, w, 1 or 3): one row of 192 per position."""
        rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels.copy()
        image = torch.from_numpy(rgb).permute(2, 0, 1)[None]
        with torch.no_grad():
            found = self(image.float() / 127.5 - 1)
        return found[0].flatten(1).T.double().numpy()

    def distance(self, photo: Pixels, sample: Pixels) -> float:
        """Compute the SIFID of two pictures of the same size."""
        return frechet_distance(self.features(photo), self.features(sample))


def frechet_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Compute the squared Frechet distance of the normal distributions fitted to two sets of rows.

    Source: Heusel et al. 2017, eq. 6.
    """
    mean = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)

    # sqrt(A B) has the trace of sqrt(sqrt(A) B sqrt(A)), which is symmetric.
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(mean + np.trace(first) + np.trace(second) - 2 * trace)
