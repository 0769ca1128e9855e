"""What training costs: the step from size to size, its parts, memory at a screen's size, and, if asked, whole runs.

Usage: python benchmarks/training.py [--photo FILE] [--threads N] [--runs SEEDS --photos FILE,...]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from singan_runtime import Sampler, evaluation
from singan_runtime.bench import peak_memory
from singan_train import calibration, device, replay, steps, trainer
from singan_train.config import TrainingConfig, preset
from singan_train.networks import Discriminator

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")


def seconds_of(function, repeats: int = 7) -> float:
    """The median of some calls."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def enlarged(photo: Path, size: int, folder: Path) -> Path:
    """The photo, or an enlargement of it, with a longer side of size."""
    with Image.open(photo) as image:
        factor = size / max(image.size)
        large = image.resize(
            (round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS
        )
    path = folder / f"{size}.png"
    large.save(path)
    return path


def cost_by_size(photo: Path, folder: Path) -> None:
    """A step of the finest scale at growing sizes: flat, since it looks through windows."""
    base = None
    for size in (256, 512, 1024, 1920):
        start, _ = trainer.begin(
            enlarged(photo, size, folder), preset("standard", detail=False, max_size=size), CPU
        )
        finest = len(start.pyramid.shapes) - 1
        seconds = calibration.iteration_seconds(
            start, finest, start.pyramid.finest, CPU, budget=3.0
        )
        base = base or seconds
        height, width = start.pyramid.finest
        print(
            f"step at {width}x{height}: {seconds * 1e3:.0f} ms, {seconds / base:.2f} of 256 px ({finest + 1} scales)"
        )


def gradient_penalties() -> None:
    """The penalty's gradient by transposed convolutions against torch.autograd.grad, forwards and backwards."""

    def by_autograd(discriminator: nn.Module, images: Tensor) -> Tensor:
        images = images.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
        return ((gradient.norm(2, dim=1) - 1) ** 2).mean()

    discriminator = Discriminator(3, 32, norm=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand((3, 3, 48, 48)).to(memory_format=torch.channels_last)
    ours = seconds_of(lambda: steps.gradient_penalty(discriminator, images).backward(), 15)
    theirs = seconds_of(lambda: by_autograd(discriminator, images).backward(), 15)
    print(
        f"gradient penalty: {ours * 1e3:.1f} ms by transposed convolutions, {theirs * 1e3:.1f} ms by autograd.grad"
    )


def graph_against_eager(photo: Path, folder: Path) -> None:
    """Iterations per second of the finest scale on a GPU, as one CUDA graph and kernel by kernel."""
    if not torch.cuda.is_available():
        print("CUDA graph against eager steps: not run, there is no NVIDIA GPU")
        return
    place, warm_up = device.resolve("cuda"), replay.WARM_UP
    for size in (250, 1920):
        start, _ = trainer.begin(
            enlarged(photo, size, folder), preset("standard", detail=False, max_size=size), place
        )
        finest = len(start.pyramid.shapes) - 1
        seconds = {}
        for name, wait in (("graph", warm_up), ("eager", 10**9)):
            replay.WARM_UP = wait
            seconds[name] = calibration.iteration_seconds(
                start, finest, start.pyramid.finest, place, budget=3.0
            )
        print(
            f"{size} px on {torch.cuda.get_device_name(place)}: "
            f"{1 / seconds['graph']:.0f} iterations a second, "
            f"{seconds['eager'] / seconds['graph']:.1f} times eager's"
        )
    replay.WARM_UP = warm_up


def train_at(photo: Path, folder: Path, config: TrainingConfig, threads: int) -> None:
    """Train, then print what it took (in a process of its own, so that the memory is its own)."""
    torch.set_num_threads(threads)
    began = time.perf_counter()
    trainer.train(photo, folder, config, CPU)
    print(
        f"{config.max_size} px, {config.iterations} iterations: {time.perf_counter() - began:.0f} s,",
        end=" ",
    )
    print(f"peak memory {peak_memory():.0f} MB", flush=True)


def in_own_process(*arguments: object) -> None:
    """Run train_at in a fresh process."""
    process = multiprocessing.get_context("spawn").Process(target=train_at, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def judged(photo: Path, seed: int, folder: Path, threads: int) -> dict[str, float]:
    """Train the standard preset, export, and judge 8 samples."""
    from singan_export import bundle

    run, out = folder / f"{photo.stem}_{seed}", folder / f"{photo.stem}_{seed}_bundle"
    torch.set_num_threads(threads)
    began = time.perf_counter()
    trainer.train(photo, run, preset("standard", seed=seed), CPU)
    seconds = time.perf_counter() - began
    bundle.export(run, out)
    sampler = Sampler.load(out, threads=threads)
    scores = evaluation.evaluate(sampler, evaluation.trained_photo(sampler, photo), 8).scores
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = dataclasses.asdict(scores)
    shown = {key: found[key] for key in ("swd", "diversity", "coherence", "completeness")}
    return {"seconds": seconds, "rmse": rows[-1]["rmse"], **shown}


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "aitzgorri.jpg")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=0, help="training seeds of whole standard runs")
    parser.add_argument("--photos", help="comma-separated, for --runs; default --photo")
    parser.add_argument("--keep", type=Path, help="folder for the runs and bundles")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if not arguments.runs:
            cost_by_size(arguments.photo, folder)
            gradient_penalties()
            graph_against_eager(arguments.photo, folder)
            screen = enlarged(arguments.photo, 1920, folder)
            in_own_process(
                screen,
                folder / "screen",
                preset("standard", detail=False, max_size=1920, iterations=3),
                arguments.threads,
            )
        keep = arguments.keep or folder
        for photo in [Path(word) for word in (arguments.photos or str(arguments.photo)).split(",")]:
            rows = []
            for seed in range(arguments.runs):
                rows.append(judged(photo, seed, keep, arguments.threads))
                print(
                    photo.stem,
                    "seed",
                    seed,
                    {key: round(value, 4) for key, value in rows[-1].items()},
                    flush=True,
                )
            if len(rows) > 1:
                means = {
                    key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]
                }
                print(photo.stem, "mean", means, flush=True)


if __name__ == "__main__":
    main()
