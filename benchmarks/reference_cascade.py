"""What the reference's own way between the scales changes in whole samples, on an imported checkpoint.

The reference cuts every picture off to 8 bits, enlarges it by the exact factor with mirrored borders and crops what
is too much; our cascade resizes floats to the next size. Both ways, and each half of the difference alone, are fed
with the same noise and the same networks.

Usage: python benchmarks/reference_cascade.py CHECKPOINT [--photo FILE] [--samples 8] [--out DIR]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from singan_core import HALO, images, noise, resample
from singan_core.pyramid import Pyramid
from singan_runtime import quality
from singan_train.reference_checkpoint import Checkpoint, read

Enlarge = Callable[[Tensor, tuple[int, int]], Tensor]


def factor_of(pyramid: Pyramid) -> float:
    """The reference's scale factor, which it derives from a whole number of px and rounds sizes up with."""
    steps, short = len(pyramid.shapes) - 1, min(pyramid.finest)
    for least in (min(pyramid.shapes[0]), min(pyramid.shapes[0]) - 1):
        factor = (least / short) ** (1 / steps)
        if all(
            math.ceil(side * factor ** (steps - scale)) == found
            for scale, shape in enumerate(pyramid.shapes)
            for side, found in zip(pyramid.finest, shape, strict=True)
        ):
            return factor
    return pyramid.scale_factor


def mirrored_taps(n_in: int, factor: float) -> resample.Taps:
    """Bicubic (a = -0.5) enlargement of an axis by exactly 1/factor, to a length rounded up; borders are mirrored."""
    centres = (np.arange(math.ceil(n_in / factor)) + 0.5) * factor - 0.5
    indices = np.floor(centres).astype(np.int64)[:, None] + np.arange(-1, 3)
    distance = np.abs(centres[:, None] - indices)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance <= 2, far, 0.0))
    indices = indices % (2 * n_in)
    indices = np.where(indices >= n_in, 2 * n_in - 1 - indices, indices)
    return resample.Taps(indices, weights / weights.sum(axis=1, keepdims=True))


def by_factor(factor: float) -> Enlarge:
    """The reference's enlargement: by the factor, and what goes beyond the size is cut off."""

    def enlarge(image: Tensor, size: tuple[int, int]) -> Tensor:
        rows, columns = (mirrored_taps(side, factor) for side in image.shape[-2:])
        return resample.apply(image.double(), rows, columns).float()[..., : size[0], : size[1]]

    return enlarge


def truncated(image: Tensor) -> Tensor:
    """Grey levels as the reference makes them: clamped and cut off, 0 to 255."""
    return (((image + 1) / 2).clamp(0, 1) * 255).floor()


def at_eight_bits(enlarge: Enlarge) -> Enlarge:
    """The enlargement of whole grey levels instead, its overshoot clamped."""

    def enlarge_levels(image: Tensor, size: tuple[int, int]) -> Tensor:
        return ((enlarge(truncated(image), size) / 255 - 0.5) * 2).clamp(-1, 1)

    return enlarge_levels


def run(
    checkpoint: Checkpoint, draw: Callable[[int], Tensor], enlarge: Enlarge
) -> tuple[Tensor, list[Tensor]]:
    """The finest picture (1, C, H, W) in [-1, 1] on the trained sizes, and the enlarged ones that led to it."""
    image, enlarged = None, []
    for scale, (generator, amplitude) in enumerate(
        zip(checkpoint.generators, checkpoint.amplitudes, strict=True)
    ):
        drawn = amplitude * draw(scale).expand(-1, checkpoint.reals[0].shape[1], -1, -1)
        prev = torch.zeros_like(drawn)
        if image is not None:
            enlarged.append(enlarge(image, checkpoint.pyramid.shapes[scale]))
            prev[..., HALO:-HALO, HALO:-HALO] = enlarged[-1]
        with torch.no_grad():
            image = generator(drawn, prev)
    assert image is not None
    return image, enlarged


def sample(checkpoint: Checkpoint, seed: int, enlarge: Enlarge) -> Tensor:
    """A picture from the noise field of a seed."""

    def draw(scale: int) -> Tensor:
        channels = checkpoint.reals[0].shape[1] if scale else 1
        size = checkpoint.pyramid.shapes[scale]
        return torch.from_numpy(noise.of_canvas(seed, scale, 0, channels, size, checkpoint.border))[
            None
        ]

    return run(checkpoint, draw, enlarge)[0]


def reconstruction(checkpoint: Checkpoint, enlarge: Enlarge) -> tuple[float, float]:
    """RMSE of the reconstruction, in [-1, 1] units, and by how much the noise amplitudes that it gives are off at most.

    The reference sets the amplitude of a scale to 0.1 x RMSE(real, enlarged reconstruction): what a checkpoint has
    stored tells whether its way is followed here.
    """

    def draw(scale: int) -> Tensor:
        z = torch.from_numpy(checkpoint.noise)[None]
        if scale == 0:
            return z
        height, width = checkpoint.pyramid.shapes[scale]
        return z.new_zeros(1, 1, height + 2 * HALO, width + 2 * HALO)

    image, enlarged = run(checkpoint, draw, enlarge)
    reals = [torch.from_numpy(real) for real in checkpoint.reals]
    errors = [
        abs(0.1 * rmse(prev, real) / amplitude - 1)
        for prev, real, amplitude in zip(
            enlarged, reals[1:], checkpoint.amplitudes[1:], strict=True
        )
    ]
    return rmse(image, reals[-1]), max(errors, default=0.0)


def rmse(a: Tensor, b: Tensor) -> float:
    """Root of the mean squared difference."""
    return float((a - b).square().mean().sqrt())


def pixels(image: Tensor) -> images.Pixels:
    """Rounded to uint8 (H, W, C), as we save pictures."""
    return images.to_pixels(np.ascontiguousarray(image.numpy()))[0]


def main() -> None:
    """Draw the same samples in four ways and compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument(
        "--photo", type=Path, help="compared with; the checkpoint's finest real unless given"
    )
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    arguments = parser.parse_args()
    checkpoint = read(arguments.checkpoint)
    factor, finest = factor_of(checkpoint.pyramid), checkpoint.pyramid.finest
    photo = pixels(torch.from_numpy(checkpoint.reals[-1]))
    if arguments.photo:
        photo = images.to_pixels(
            resample.resize(images.read(arguments.photo, str(photo.shape[2])), finest)
        )[0]
    mirrored = by_factor(factor)
    ways: dict[str, Enlarge] = {
        "ours": resample.resize,
        "8 bits only": at_eight_bits(resample.resize),
        "mirrored borders and exact factor only": mirrored,
        "the reference's": at_eight_bits(mirrored),
    }
    print(
        f"{checkpoint.name}: {len(checkpoint.reals)} scales, factor {factor:.6f}, {arguments.samples} samples"
    )
    ours = [sample(checkpoint, seed, resample.resize) for seed in range(arguments.samples)]
    for name, enlarge in ways.items():
        made = [sample(checkpoint, seed, enlarge) for seed in range(arguments.samples)]
        shown = [pixels(image) for image in made]
        if name.startswith("the reference"):  # its files are cut off as well
            shown = [truncated(image)[0].permute(1, 2, 0).byte().numpy() for image in made]
        apart = np.stack([a.astype(float) - pixels(b) for a, b in zip(shown, ours, strict=True)])
        swd = np.mean([quality.sliced_wasserstein(photo, picture) for picture in shown])
        error, off = reconstruction(checkpoint, enlarge)
        print(f"{name}: reconstruction RMSE {error:.3f}, noise amplitudes off by up to {off:.1%}")
        print(
            f"    samples: from ours RMSE {np.sqrt((apart**2).mean()):.1f} grey levels, mean {apart.mean():+.1f}, "
            f"{(np.abs(apart) <= 2).mean():.0%} of the values within 2; SWD {swd:.4f}, "
            f"diversity {quality.diversity(photo, shown):.3f}"
        )
        if arguments.out:
            for seed, picture in enumerate(shown):
                images.save(
                    arguments.out / f"{name.replace(' ', '_').replace(chr(39), '')}_{seed}.png",
                    picture,
                )


if __name__ == "__main__":
    main()
