"""Every format beside the fp32 graphs: size, load time, seconds a picture, PSNR, patch distance.

One thread, zoom 1, whole canvases, noise included; the patch distance is that of samples to the
photo. Formats that the bundle lacks are added to a copy of it; torchscript and pt2 need the run.
Prints a Markdown table.

Usage: python benchmarks/formats.py [--bundle DIR] [--run DIR] [--photo FILE]
       [--sizes 250x188,1920x1080] [--repeats N]
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from arguments import PHOTO, PLAIN_BUNDLE, describe_size, make_parser, read_sizes
from clocks import find_fastest, time_call

from singan_core import images
from singan_core import manifest as manifests
from singan_core.arrays import Floats, Pixels
from singan_core.file_names import PARITY
from singan_core.pyramid import Size
from singan_core.resample import resize
from singan_export import bundle as bundles
from singan_export import formats, inputs
from singan_export.comparison import Opened
from singan_runtime import Sampler
from singan_runtime.graphs import Graphs
from singan_runtime.measures.quality import sliced_wasserstein

PICTURES = 4  # whose patch distance and PSNR are averaged
FP32 = "onnx fp32"


Draw = Callable[..., Floats]
"""(plan, unit noise) -> the image."""


@dataclass(frozen=True)
class Format:
    """A format of a bundle, not yet opened."""

    name: str
    bytes: int
    open: Callable[[], Opened]


class Comparison:
    """The pictures that every format is compared with."""

    def __init__(self, sampler: Sampler, photo: Path) -> None:
        self.sampler = sampler
        self.picture = next(inputs.list_pictures(sampler))
        self.exact = self.draw(sampler.run_generators)
        full = images.read(photo, str(sampler.manifest.channels))
        self.photo: Pixels = images.to_pixels(resize(full, sampler.trained_size))[0]

    def draw(self, draw: Draw) -> list[Floats]:
        """Draw the pictures of the first seeds."""
        return [draw(self.picture, self.sampler.create_noise(seed)) for seed in range(PICTURES)]

    def compute_psnr(self, drawn: list[Floats]) -> float:
        """Compute the PSNR in dB against the fp32 graphs; values span 2."""
        pairs = zip(drawn, self.exact, strict=True)
        errors = [np.square(a.astype(np.float64) - b).mean() for a, b in pairs]
        return float(10 * np.log10(4 / np.mean(errors)))

    def compute_distance(self, drawn: list[Floats]) -> float:
        """Compute the mean patch distance of the pictures to the photo."""
        pictures = [images.to_pixels(image)[0] for image in drawn]
        return float(np.mean([sliced_wasserstein(self.photo, one) for one in pictures]))

    def write_row(self, format: Format, sizes: list[Size], repeats: int) -> str:
        """Measure a format and write its row of the table."""
        opened, load = time_call(format.open)
        if opened.draw is None:
            return f"| {format.name} | draws whole pictures from seeds: benchmarks/fused.py |"

        draw = opened.draw
        seconds = [time_picture(draw, self.sampler, size, repeats) for size in sizes]
        drawn = self.draw(draw)
        cells = [
            format.name,
            f"{format.bytes / 1e3:.0f}",
            f"{load:.2f}",
            *(f"{one:.2f}" for one in seconds),
            "" if format.name == FP32 else f"{self.compute_psnr(drawn):.1f}",
            f"{self.compute_distance(drawn):.4f}",
        ]
        return f"| {' | '.join(cells)} |"


def complete(bundle: Path, run: Path | None, folder: Path) -> Path:
    """Copy the bundle and add every format that can be made."""
    copy = shutil.copytree(bundle, folder / "bundle")
    there = formats.list_formats(manifests.read(copy, "bundle"))
    possible = [name for name in formats.NAMES if run or name not in formats.TRAINED]
    bundles.add(copy, [name for name in possible if name not in there], run)
    return copy


def list_formats(bundle: Path) -> Iterator[Format]:
    """List the formats of a bundle, the fp32 graphs first."""
    sampler = Sampler.load(bundle, device="cpu", threads=1)
    sizes = {path: (bundle / path).stat().st_size for path in sampler.manifest.files}

    graphs = [path for path in sizes if "/" not in path and path.endswith(".onnx")]
    yield Format(FP32, sum(sizes[path] for path in graphs), functools.partial(open_fp32, bundle))
    for name in formats.list_formats(sampler.manifest):
        paths = [path for path in sizes if path.startswith(f"{name}/")]
        size = sum(sizes[path] for path in paths if not path.endswith(PARITY))
        yield Format(
            name, size, functools.partial(formats.open_format, bundle / name, name, sampler)
        )


def open_fp32(bundle: Path) -> Opened:
    """Open the fp32 graphs of a bundle, all of them at once."""
    sampler = Sampler.load(bundle, device="cpu", threads=1)
    graphs = sampler.graphs
    assert isinstance(graphs, Graphs)
    for scale in range(len(sampler.manifest.shapes)):
        graphs.session(scale)
    return Opened("onnx", graphs.generate, sampler.run_generators)


def time_picture(draw: Draw, sampler: Sampler, size: Size, repeats: int) -> float:
    """Measure the fastest picture of a size, noise included, after one that warms up."""
    picture = sampler.plan(size, 1.0)
    draw(picture, sampler.create_noise(0))
    return find_fastest(lambda: draw(picture, sampler.create_noise(1)), repeats)


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument("--run", type=Path, help="its run, for torchscript and pt2")
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--sizes", type=read_sizes, default="250x188,1920x1080")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)

    times = [f"{describe_size(size)} s" for size in given.sizes]
    heads = ["format", "kB", "load s", *times, "PSNR dB", "patch distance"]
    with tempfile.TemporaryDirectory() as folder:
        bundle = complete(given.bundle, given.run, Path(folder))
        compared = Comparison(Sampler.load(bundle, device="cpu", threads=1), given.photo)
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        for format in list_formats(bundle):
            print(compared.write_row(format, given.sizes, given.repeats), flush=True)


if __name__ == "__main__":
    main()
