"""What training costs: a step by size, its parts, memory at 1920 px, and whole runs if asked.

Without --runs: a step of the finest scale at growing sizes, the gradient penalty in two ways, a
CUDA graph against eager steps, and memory and time at 1920 px. With --runs: whole trainings of the
standard preset, exported and judged on 8 samples.

Usage: python benchmarks/training.py [--photo FILE] [--threads N]
       [--runs SEEDS [--photos FILE,...] [--keep DIR]]
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from arguments import PHOTO, describe_size, make_parser
from clocks import time_call
from PIL import Image
from torch import Tensor, nn

from singan_runtime import Sampler
from singan_runtime.measures import evaluation
from singan_runtime.measures.bench import measure_peak_memory
from singan_train import calibration, device, trainer
from singan_train.config import TrainingConfig, make_config
from singan_train.scale import replay, steps
from singan_train.scale.networks import Discriminator

CPU = torch.device("cpu")
STEP_BUDGET = 3.0  # seconds that steps of one kind are timed for
SCORES = ("swd", "diversity", "coherence", "completeness")


def find_median(work: Callable[[], object], repeats: int) -> float:
    """Do the work several times and return the median of its seconds, without the first."""
    seconds = [time_call(work)[1] for _ in range(repeats)]
    return statistics.median(seconds[1:])


def enlarge(photo: Path, size: int, folder: Path) -> Path:
    """Write the photo so enlarged or reduced that its longer side is the size in px."""
    path = folder / f"{size}.png"
    with Image.open(photo) as image:
        factor = size / max(image.size)
        sides = (round(image.width * factor), round(image.height * factor))
        image.resize(sides, Image.Resampling.LANCZOS).save(path)
    return path


def time_step(photo: Path, size: int, folder: Path, place: torch.device) -> tuple[str, int, float]:
    """Time an iteration of the finest scale.

    Returns its canvas as WxH, the number of scales and the seconds.
    """
    config = make_config("standard", detail=False, max_size=size)
    start, _ = trainer.prepare_run(enlarge(photo, size, folder), config, place)
    scales, finest = len(start.pyramid.shapes), start.pyramid.finest
    seconds = calibration.time_iteration(start, scales - 1, finest, place, budget=STEP_BUDGET)
    return describe_size(finest), scales, seconds


def compare_sizes(photo: Path, folder: Path) -> None:
    """Print a step at growing sizes: about equal, since it sees crops of a fixed size."""
    smallest = None
    for size in (256, 512, 1024, 1920):
        canvas, scales, seconds = time_step(photo, size, folder, CPU)
        smallest = smallest or seconds
        print(
            f"step at {canvas}: {seconds * 1e3:.0f} ms, {seconds / smallest:.2f} of 256 px "
            f"({scales} scales)"
        )


def differentiate_by_autograd(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Compute the gradient penalty with torch.autograd.grad."""
    images = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    penalty: Tensor = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    return penalty


def compare_gradient_penalties() -> None:
    """Print the penalty by transposed convolutions against autograd's, forwards and backwards."""
    discriminator = Discriminator(3, 32, norm=False)
    discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand((3, 3, 48, 48)).to(memory_format=torch.channels_last)

    def run(penalty: Callable[[Discriminator, Tensor], Tensor]) -> None:
        torch.autograd.backward(penalty(discriminator, images))

    ours = find_median(lambda: run(steps.gradient_penalty), 15)
    theirs = find_median(lambda: run(differentiate_by_autograd), 15)
    print(
        f"gradient penalty: {ours * 1e3:.1f} ms by transposed convolutions, "
        f"{theirs * 1e3:.1f} ms by autograd.grad"
    )


def compare_graph(photo: Path, folder: Path) -> None:
    """Print iterations per second on a GPU, as one CUDA graph and kernel by kernel."""
    if not torch.cuda.is_available():
        print("CUDA graph against eager steps: not run, there is no NVIDIA GPU")
        return

    place, warm_up = device.choose_device("cuda"), replay.WARM_UP
    for size in (250, 1920):
        replay.WARM_UP = warm_up
        _, _, graph = time_step(photo, size, folder, place)
        replay.WARM_UP = 10**9  # a graph is never captured
        _, _, eager = time_step(photo, size, folder, place)
        print(
            f"{size} px on {torch.cuda.get_device_name(place)}: {1 / graph:.0f} iterations "
            f"a second, {eager / graph:.1f} times eager's"
        )
    replay.WARM_UP = warm_up


def train_and_print(photo: Path, folder: Path, config: TrainingConfig, threads: int) -> None:
    """Train, then print the seconds and the memory of this process."""
    torch.set_num_threads(threads)
    _, seconds = time_call(lambda: trainer.train(photo, folder, config, CPU))
    print(
        f"{config.max_size} px, {config.iterations} iterations: {seconds:.0f} s, "
        f"peak memory {measure_peak_memory():.0f} MB",
        flush=True,
    )


def train_in_process(photo: Path, folder: Path, config: TrainingConfig, threads: int) -> None:
    """Run train_and_print in a process of its own, so that the memory is its own."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=train_and_print, args=(photo, folder, config, threads))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def judge(photo: Path, seed: int, folder: Path, threads: int) -> dict[str, float]:
    """Train the standard preset, export it and judge 8 samples."""
    from singan_export import bundle

    run, out = folder / f"{photo.stem}_{seed}", folder / f"{photo.stem}_{seed}_bundle"
    torch.set_num_threads(threads)
    config = make_config("standard", seed=seed)
    _, seconds = time_call(lambda: trainer.train(photo, run, config, CPU))
    bundle.export(run, out)

    sampler = Sampler.load(out, threads=threads)
    truth = evaluation.read_trained_photo(sampler, photo)
    scores = dataclasses.asdict(evaluation.evaluate(sampler, truth, 8).scores)
    last = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    found = {"seconds": seconds, "rmse": json.loads(last)["rmse"]}
    return found | {key: scores[key] for key in SCORES}


def judge_seeds(photo: Path, seeds: int, folder: Path, threads: int) -> None:
    """Print the scores of every seed and their means."""
    rows = []
    for seed in range(seeds):
        rows.append(judge(photo, seed, folder, threads))
        shown = {key: round(value, 4) for key, value in rows[-1].items()}
        print(photo.stem, "seed", seed, shown, flush=True)
    if len(rows) > 1:
        means = {key: round(statistics.fmean(row[key] for row in rows), 4) for key in rows[0]}
        print(photo.stem, "mean", means, flush=True)


def main() -> None:
    """Print the cost of a step and its parts, or with --runs that of whole runs."""
    parser = make_parser(__doc__)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=0, help="training seeds of whole standard runs")
    parser.add_argument("--photos", help="comma-separated, for --runs; default --photo")
    parser.add_argument("--keep", type=Path, help="folder for the runs and bundles")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if given.runs:
            for word in (given.photos or str(given.photo)).split(","):
                judge_seeds(Path(word), given.runs, given.keep or folder, given.threads)
            return
        compare_sizes(given.photo, folder)
        compare_gradient_penalties()
        compare_graph(given.photo, folder)
        config = make_config("standard", detail=False, max_size=1920, iterations=3)
        screen = enlarge(given.photo, 1920, folder)
        train_in_process(screen, folder / "screen", config, given.threads)


if __name__ == "__main__":
    main()
