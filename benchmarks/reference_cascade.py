"""What the reference's own way between the scales changes in whole samples of a checkpoint.

The reference cuts every picture off to 8 bits, enlarges it by the exact factor with mirrored
borders and crops what is too much. Our cascade resizes floats to the next size. Both ways, and each
half of the difference alone, are fed with the same noise and the same networks.

Usage: python benchmarks/reference_cascade.py CHECKPOINT [--photo FILE] [--samples 8] [--out DIR]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from arguments import make_parser
from torch import Tensor

from singan_core import HALO, encoding, images, noise, resample
from singan_core.arrays import Pixels
from singan_core.pyramid import Pyramid
from singan_runtime.measures import quality
from singan_train.reference.checkpoint import ReferenceCheckpoint, read_checkpoint

Enlarge = Callable[[Tensor, tuple[int, int]], Tensor]


def find_factor(pyramid: Pyramid) -> float:
    """Find the reference's scale factor.

    The reference derives it from a whole number of px, and rounds sizes up.
    """
    steps, short = len(pyramid.shapes) - 1, min(pyramid.finest)
    for least in (min(pyramid.shapes[0]), min(pyramid.shapes[0]) - 1):
        factor: float = (least / short) ** (1 / steps)
        shapes = []
        for scale in range(steps + 1):
            height, width = (math.ceil(side * factor ** (steps - scale)) for side in pyramid.finest)
            shapes.append((height, width))
        if tuple(shapes) == pyramid.shapes:
            return factor
    return pyramid.scale_factor


def compute_mirrored_taps(n_in: int, factor: float) -> resample.Taps:
    """Compute the bicubic (a = -0.5) enlargement of an axis by exactly 1/factor.

    The length is rounded up, and borders are mirrored.
    """
    centres = (np.arange(math.ceil(n_in / factor)) + 0.5) * factor - 0.5
    indices = np.floor(centres).astype(np.int64)[:, None] + np.arange(-1, 3)
    distance = np.abs(centres[:, None] - indices)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance <= 2, far, 0.0))

    indices = indices % (2 * n_in)
    indices = np.where(indices >= n_in, 2 * n_in - 1 - indices, indices)
    return resample.Taps(indices, weights / weights.sum(axis=1, keepdims=True))


def make_mirrored(factor: float) -> Enlarge:
    """Make the reference's enlargement: by the factor, and what goes beyond the size is cut off."""

    def enlarge(image: Tensor, size: tuple[int, int]) -> Tensor:
        rows, columns = (compute_mirrored_taps(side, factor) for side in image.shape[-2:])
        large: Tensor = resample.apply(image.double(), rows, columns)
        return large.float()[..., : size[0], : size[1]]

    return enlarge


def truncate(image: Tensor) -> Tensor:
    """Turn an image into grey levels 0 to 255 as the reference does: clamped and cut off."""
    return (((image + 1) / 2).clamp(0, 1) * 255).floor()


def make_eight_bit(enlarge: Enlarge) -> Enlarge:
    """Make an enlargement of whole grey levels, its overshoot clamped."""

    def enlarge_levels(image: Tensor, size: tuple[int, int]) -> Tensor:
        return ((enlarge(truncate(image), size) / 255 - 0.5) * 2).clamp(-1, 1)

    return enlarge_levels


def run(
    checkpoint: ReferenceCheckpoint, draw: Callable[[int], Tensor], enlarge: Enlarge
) -> tuple[Tensor, list[Tensor]]:
    """Draw a picture on the trained sizes; return it and the enlarged pictures that led to it.

    All are (1, C, H, W) in [-1, 1].
    """
    image, enlarged = None, []
    channels = checkpoint.reals[0].shape[1]
    pairs = zip(checkpoint.generators, checkpoint.amplitudes, strict=True)
    for scale, (generator, amplitude) in enumerate(pairs):
        drawn = amplitude * draw(scale).expand(-1, channels, -1, -1)
        prev = torch.zeros_like(drawn)
        if image is not None:
            enlarged.append(enlarge(image, checkpoint.pyramid.shapes[scale]))
            prev[..., HALO:-HALO, HALO:-HALO] = enlarged[-1]
        with torch.no_grad():
            image = generator(drawn, prev)
    assert image is not None
    return image, enlarged


def sample(checkpoint: ReferenceCheckpoint, seed: int, enlarge: Enlarge) -> Tensor:
    """Draw a picture from the noise field of a seed."""

    def draw(scale: int) -> Tensor:
        channels = checkpoint.reals[0].shape[1] if scale else 1
        size = checkpoint.pyramid.shapes[scale]
        field = noise.draw_for_canvas(seed, scale, 0, channels, size, checkpoint.border)
        return torch.from_numpy(field)[None]

    return run(checkpoint, draw, enlarge)[0]


def measure_reconstruction(
    checkpoint: ReferenceCheckpoint, enlarge: Enlarge
) -> tuple[float, float]:
    """Return the RMSE of the reconstruction, and the largest error of the noise amplitudes.

    The RMSE is in units of [-1, 1], the error a share. The reference sets the amplitude of a scale
    to 0.1 x RMSE(real, enlarged reconstruction), so that those stored in a checkpoint tell whether
    its way is followed here.
    """

    def draw(scale: int) -> Tensor:
        z = torch.from_numpy(checkpoint.noise)[None]
        if scale == 0:
            return z
        height, width = checkpoint.pyramid.shapes[scale]
        return z.new_zeros(1, 1, height + 2 * HALO, width + 2 * HALO)

    image, enlarged = run(checkpoint, draw, enlarge)
    reals = [torch.from_numpy(real) for real in checkpoint.reals]
    stored = zip(enlarged, reals[1:], checkpoint.amplitudes[1:], strict=True)
    errors = [abs(0.1 * rmse(prev, real) / amplitude - 1) for prev, real, amplitude in stored]
    return rmse(image, reals[-1]), max(errors, default=0.0)


def rmse(a: Tensor, b: Tensor) -> float:
    """Compute the root of the mean squared difference."""
    return float((a - b).square().mean().sqrt())


def to_pixels(image: Tensor) -> Pixels:
    """Round an image to uint8 (H, W, C), as we save pictures."""
    rounded: Pixels = images.to_pixels(np.ascontiguousarray(image.numpy()))[0]
    return rounded


def to_truncated_pixels(image: Tensor) -> Pixels:
    """Cut an image off to uint8 (H, W, C), as the reference saves pictures."""
    cut: Pixels = truncate(image)[0].permute(1, 2, 0).byte().numpy()
    return cut


def describe_samples(photo: Pixels, made: list[Pixels], ours: list[Pixels]) -> str:
    """Compare the samples of a way with ours and with the photo."""
    pairs = zip(made, ours, strict=True)
    apart = np.stack([a.astype(float) - b for a, b in pairs])
    swd = np.mean([quality.sliced_wasserstein(photo, picture) for picture in made])
    return (
        f"    samples: from ours RMSE {np.sqrt((apart**2).mean()):.1f} grey levels, "
        f"mean {apart.mean():+.1f}, {(np.abs(apart) <= 2).mean():.0%} of the values within 2; "
        f"SWD {swd:.4f}, diversity {quality.diversity(photo, made):.3f}"
    )


def main() -> None:
    """Draw the same samples in four ways and compare them."""
    parser = make_parser(__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument(
        "--photo", type=Path, help="compared with; the checkpoint's finest real unless given"
    )
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    given = parser.parse_args()

    checkpoint = read_checkpoint(given.checkpoint)
    photo = to_pixels(torch.from_numpy(checkpoint.reals[-1]))
    if given.photo:
        full = images.read(given.photo, str(photo.shape[2]))
        photo = images.to_pixels(resample.resize(full, checkpoint.pyramid.finest))[0]

    factor = find_factor(checkpoint.pyramid)
    mirrored = make_mirrored(factor)
    ways: dict[str, tuple[Enlarge, Callable[[Tensor], Pixels]]] = {
        "ours": (resample.resize, to_pixels),
        "8 bits only": (make_eight_bit(resample.resize), to_pixels),
        "mirrored borders and exact factor only": (mirrored, to_pixels),
        "the reference's": (make_eight_bit(mirrored), to_truncated_pixels),
    }
    print(
        f"{checkpoint.name}: {len(checkpoint.reals)} scales, factor {factor:.6f}, "
        f"{given.samples} samples"
    )

    ours: list[Pixels] = []
    for name, (enlarge, convert) in ways.items():
        samples = [sample(checkpoint, seed, enlarge) for seed in range(given.samples)]
        made = [convert(image) for image in samples]
        ours = ours or made
        error, off = measure_reconstruction(checkpoint, enlarge)
        print(f"{name}: reconstruction RMSE {error:.3f}, noise amplitudes off by up to {off:.1%}")
        print(describe_samples(photo, made, ours))
        if given.out:
            word = name.replace(" ", "_").replace("'", "")
            for seed, picture in enumerate(made):
                encoding.save(given.out / f"{word}_{seed}.png", picture)


if __name__ == "__main__":
    main()
