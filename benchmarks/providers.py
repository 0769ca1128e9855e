"""Every device that draws on this machine: seconds a picture, and the PSNR against the CPU.

The generators in float32, zoom 1, one thread, noise included, after a picture that warms up. ONNX
Runtime is installed in one flavour at a time, so that several flavours take several runs, each of
which begins with the CPU of that flavour. Prints a Markdown table.

Usage: python benchmarks/providers.py [--bundle DIR] [--devices cpu,openvino]
       [--sizes 250x188,1920x1080] [--repeats N]
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from arguments import PLAIN_BUNDLE, describe_size, make_parser, read_sizes
from clocks import find_fastest

from singan_core.arrays import Floats
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime import Sampler
from singan_runtime.providers import CPU, PROVIDERS, list_installed

SEEDS = range(4)
"""Of the pictures that are compared, which have the first size."""


class Drawing:
    """The generators of a bundle on a device."""

    def __init__(self, bundle: Path, device: str) -> None:
        """Open them. Raises RequestError where the device cannot be had."""
        sampler = Sampler.load(bundle, device=device, threads=1, precision="fp32")
        self.sampler = sampler.without_detail()
        self.provider = self.sampler.graphs.provider

    def draw(self, size: Size, seed: int) -> Floats:
        """Draw the picture of a seed, float (1, C, h, w)."""
        plan = self.sampler.plan(size, 1.0)
        return self.sampler.run_generators(plan, self.sampler.create_noise(seed))

    def time(self, size: Size, repeats: int) -> float:
        """Measure the seconds of the fastest picture of a size, after one that warms up."""
        self.draw(size, 0)
        return find_fastest(lambda: self.draw(size, 1), repeats)


def compute_psnr(ours: Sequence[Floats], theirs: Sequence[Floats]) -> str:
    """Compute the PSNR of images in dB; values span 2. Equal images have none."""
    pairs = zip(ours, theirs, strict=True)
    error = np.mean([np.square(a.astype(np.float64) - b).mean() for a, b in pairs])
    return f"{10 * np.log10(4 / error):.1f}" if error else "equal"


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument("--devices", default=",".join(PROVIDERS))
    parser.add_argument("--sizes", type=read_sizes, default="250x188,1920x1080")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()

    [flavour] = list_installed()
    heads = ["device", *(f"{describe_size(size)} s" for size in given.sizes), "PSNR dB"]
    print(f"{flavour} {metadata.version(flavour)}\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    exact = [Drawing(given.bundle, CPU.device).draw(given.sizes[0], seed) for seed in SEEDS]
    for device in given.devices.split(","):
        try:
            drawing = Drawing(given.bundle, device)
        except RequestError as error:
            print(f"| {device} | {error} |")
            continue
        seconds = [f"{drawing.time(size, given.repeats):.3f}" for size in given.sizes]
        drawn = [drawing.draw(given.sizes[0], seed) for seed in SEEDS]
        print(f"| {' | '.join([device, *seconds, compute_psnr(drawn, exact)])} |", flush=True)


if __name__ == "__main__":
    main()
