"""Every format beside the fp32 graphs, in one run: size, load time, seconds of a picture, PSNR and patch distance.

One thread, zoom 1, whole canvases, noise included; the patch distance is that of samples to the photo.

Usage: python benchmarks/formats.py [--bundle DIR] [--run DIR] [--photo FILE] [--sizes 250x188,1920x1080]

Formats that the bundle lacks are added to a copy of it; torchscript and pt2 need the run. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from singan_core import images
from singan_core import manifest as manifests
from singan_core.resample import resize
from singan_export import bundle as bundles
from singan_export import comparison, formats
from singan_export.comparison import Opened
from singan_runtime import Sampler
from singan_runtime.quality import sliced_wasserstein

ROOT = Path(__file__).parent.parent
PICTURES = 4  # whose patch distance and PSNR are averaged


def completed(bundle: Path, run: Path | None, folder: Path) -> Path:
    """A copy of the bundle with every format that can be made."""
    copy = shutil.copytree(bundle, folder / "bundle")
    there = formats.present(manifests.read(copy, "bundle"))
    possible = [name for name in formats.NAMES if run or name not in formats.TRAINED]
    bundles.add(copy, [name for name in possible if name not in there], run)
    return copy


def rows(bundle: Path) -> Iterator[tuple[str, int, Callable[[], Opened]]]:
    """Name, bytes and how to open each format, the fp32 graphs first."""
    sampler = Sampler.load(bundle, device="cpu", threads=1)
    files = {path: (bundle / path).stat().st_size for path in sampler.manifest.files}

    def fp32() -> Opened:
        fresh = Sampler.load(bundle, device="cpu", threads=1)
        for scale in range(len(fresh.manifest.shapes)):
            fresh.graphs.session(scale)
        return Opened("onnx", fresh.graphs.generate, fresh.draw)

    yield (
        "onnx fp32",
        sum(files[path] for path in files if "/" not in path and path.endswith(".onnx")),
        fp32,
    )
    for name in formats.present(sampler.manifest):
        size = sum(
            files[path]
            for path in files
            if path.startswith(f"{name}/") and not path.endswith(formats.PARITY)
        )
        yield name, size, lambda name=name: formats.opened(bundle / name, name, sampler)


def fastest(call: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest call."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "tests" / "data" / "format_1_bundle")
    parser.add_argument("--run", type=Path, help="its run, for torchscript and pt2")
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "aitzgorri.jpg")
    parser.add_argument("--sizes", default="250x188,1920x1080")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [(int(h), int(w)) for w, h in (word.split("x") for word in arguments.sizes.split(","))]
    with tempfile.TemporaryDirectory() as folder:
        bundle = completed(arguments.bundle, arguments.run, Path(folder))
        sampler = Sampler.load(bundle, device="cpu", threads=1)
        trained = next(comparison.pictures(sampler))
        exact = [sampler.draw(trained, sampler.fresh(seed)) for seed in range(PICTURES)]
        photo = as_trained(arguments.photo, sampler)
        heads = [
            "format",
            "kB",
            "load s",
            *(f"{w}x{h} s" for h, w in sizes),
            "PSNR dB",
            "patch distance",
        ]
        print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
        for name, size, load in rows(bundle):
            load_seconds = fastest(load, 1)
            opened = load()
            seconds = [timed(opened, sampler, one, arguments.repeats) for one in sizes]
            drawn = [opened.draw(trained, sampler.fresh(seed)) for seed in range(PICTURES)]
            error = np.mean(
                [
                    np.square(a.astype(np.float64) - b).mean()
                    for a, b in zip(drawn, exact, strict=True)
                ]
            )
            psnr = "" if name == "onnx fp32" else f"{10 * np.log10(4 / error):.1f}"
            distance = np.mean(
                [sliced_wasserstein(photo, images.to_pixels(image)[0]) for image in drawn]
            )
            cells = [
                name,
                f"{size / 1e3:.0f}",
                f"{load_seconds:.2f}",
                *(f"{one:.2f}" for one in seconds),
            ]
            print("| " + " | ".join([*cells, psnr, f"{distance:.4f}"]) + " |", flush=True)


def as_trained(photo: Path, sampler: Sampler) -> np.ndarray:
    """The photo at the finest trained size, as pixels."""
    values = images.read(photo, str(sampler.manifest.channels))
    return images.to_pixels(resize(values, sampler.trained_size))[0]


def timed(opened: Opened, sampler: Sampler, size: tuple[int, int], repeats: int) -> float:
    """Seconds of the fastest picture of a size, noise included, after one that warms up."""
    picture = sampler.picture(size, 1.0)
    opened.draw(picture, sampler.fresh(0))
    return fastest(lambda: opened.draw(picture, sampler.fresh(1)), repeats)


if __name__ == "__main__":
    main()
