"""Generator and discriminator of one scale: five 3x3 convolutions each, without padding.

Source: SinGAN, section 3.1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from singan_core import HALO
from singan_train.config import TrainingConfig

SLOPE = 0.2  # of every LeakyReLU
LAYERS = 5


def _make_block(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3)]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return [*layers, nn.LeakyReLU(SLOPE)]


def _make_layers(inputs: int, width: int, outputs: int, norm: bool) -> nn.Sequential:
    layers = _make_block(inputs, width, norm)
    for _ in range(LAYERS - 2):
        layers += _make_block(width, width, norm)
    return nn.Sequential(*layers, nn.Conv2d(width, outputs, 3))


def _initialise(net: nn.Sequential, norm: bool) -> None:
    """Draw initial weights: with normalisation N(0, 0.02), as the reference, else He et al. 2015.

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
    """A scale's generator: image = tanh(net(noise + prev)) + centre crop of prev.

    noise and prev are (B, C, H+10, W+10), the image is (B, C, H, W).
    """

    def __init__(self, channels: int, width: int, norm: bool) -> None:
        super().__init__()
        self.net = _make_layers(channels, width, channels, norm)
        _initialise(self.net, norm)

    def forward(self, noise: Tensor, prev: Tensor) -> Tensor:
        """Compute the image of this scale from noise that is multiplied by its amplitude."""
        return torch.tanh(self.net(noise + prev)) + prev[..., HALO:-HALO, HALO:-HALO]


class Discriminator(nn.Module):
    """A scale's discriminator: (B, C, H, W) -> one score per 11x11 patch (B, 1, H-10, W-10)."""

    def __init__(self, channels: int, width: int, norm: bool) -> None:
        super().__init__()
        self.net = _make_layers(channels, width, 1, norm)
        _initialise(self.net, norm)

    def forward(self, image: Tensor) -> Tensor:
        """Score every patch. Higher means more like the photograph."""
        return self.net(image)

    def input_gradient(self, image: Tensor) -> Tensor:
        """Compute the gradient of the sum of all scores by the image (B, C, H, W).

        It can itself be differentiated by the weights. Without normalisation the network is
        piecewise linear, so that its gradient is a chain of transposed convolutions with the
        LeakyReLU slopes as fixed factors: first-order autograd is enough, which saves a third of
        the work.
        """
        if any(isinstance(module, nn.BatchNorm2d) for module in self.net):
            image = image.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(self(image).sum(), image, create_graph=True)
            return gradient

        # forwards: the slope of every LeakyReLU
        slopes = []
        value = image
        with torch.no_grad():
            for module in self.net:
                value = module(value)
                if isinstance(module, nn.LeakyReLU):
                    slopes.append(torch.where(value > 0, 1.0, SLOPE))

        # and backwards
        gradient = torch.ones_like(value)
        convolutions = [module for module in self.net if isinstance(module, nn.Conv2d)]
        for convolution in reversed(convolutions):
            gradient = F.conv_transpose2d(gradient, convolution.weight)
            if slopes:
                gradient = gradient * slopes.pop()
        return gradient


def make_networks(
    config: TrainingConfig, scale: int, channels: int, device: torch.device
) -> tuple[Generator, Discriminator]:
    """Make the networks of a scale on a device, initialised by PyTorch's random generator."""
    width = config.width_at(scale)
    generator = Generator(channels, width, config.generator_norm)
    discriminator = Discriminator(channels, width, config.discriminator_norm)
    place_network(generator, device)
    place_network(discriminator, device)
    return generator, discriminator


def place_network(network: Generator | Discriminator, device: torch.device) -> None:
    """Move a network to a device, channels last.

    The memory format decides the order of sums, so a resumed run must use the same.
    """
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
