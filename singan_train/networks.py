"""Generator and discriminator of one scale (SinGAN section 3.1): five 3x3 convolutions without padding each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from singan_core import HALO

SLOPE = 0.2  # of every LeakyReLU
LAYERS = 5


def _block(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3)]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return [*layers, nn.LeakyReLU(SLOPE)]


def _stack(inputs: int, width: int, outputs: int, norm: bool) -> nn.Sequential:
    layers = _block(inputs, width, norm)
    for _ in range(LAYERS - 2):
        layers += _block(width, width, norm)
    return nn.Sequential(*layers, nn.Conv2d(width, outputs, 3))


def _initialise(net: nn.Sequential, norm: bool) -> None:
    """Initial weights: N(0, 0.02) with normalisation, as the reference; without it He et al. 2015.

    Without normalisation the reference's weights would shrink the signal 200-fold over five layers.
    """
    for module in net:
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            nn.init.zeros_(module.bias)
            if norm:
                nn.init.normal_(module.weight, 0.0, 0.02)
            else:
                nn.init.kaiming_normal_(module.weight, SLOPE)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """image = tanh(net(noise + prev)) + centre crop of prev; noise, prev (B, C, H+10, W+10), image (B, C, H, W)."""

    def __init__(self, channels: int, width: int, norm: bool) -> None:
        super().__init__()
        self.net = _stack(channels, width, channels, norm)
        _initialise(self.net, norm)

    def forward(self, noise: Tensor, prev: Tensor) -> Tensor:
        """The image of this scale; noise is already multiplied by its amplitude."""
        return torch.tanh(self.net(noise + prev)) + prev[..., HALO:-HALO, HALO:-HALO]


class Discriminator(nn.Module):
    """A patch critic: (B, C, H, W) -> one score per 11x11 patch (B, 1, H-10, W-10)."""

    def __init__(self, channels: int, width: int, norm: bool) -> None:
        super().__init__()
        self.net = _stack(channels, width, 1, norm)
        _initialise(self.net, norm)

    def forward(self, image: Tensor) -> Tensor:
        """Higher means more like the photograph."""
        return self.net(image)

    def input_gradient(self, image: Tensor) -> Tensor:
        """The gradient of the sum of all scores by the image (B, C, H, W), itself differentiable by the weights.

        Without normalisation the critic is piecewise linear, so its gradient is a chain of transposed convolutions with
        the LeakyReLU slopes as fixed factors: first-order autograd is enough, and a third of the work is gone.
        """
        if any(isinstance(module, nn.BatchNorm2d) for module in self.net):
            image = image.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(self(image).sum(), image, create_graph=True)
            return gradient
        slopes = []
        value = image
        with torch.no_grad():
            for module in self.net:
                value = module(value)
                if isinstance(module, nn.LeakyReLU):
                    slopes.append(torch.where(value > 0, 1.0, SLOPE))
        gradient = torch.ones_like(value)
        convolutions = [module for module in self.net if isinstance(module, nn.Conv2d)]
        for convolution, slope in zip(
            reversed(convolutions), [*reversed(slopes), None], strict=True
        ):
            gradient = F.conv_transpose2d(gradient, convolution.weight)
            if slope is not None:
                gradient = gradient * slope
        return gradient
