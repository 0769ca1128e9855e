"""singan serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singan_cli import parse
from singan_cli import serve_options as options
from singan_cli.options import Device, HasMetadata, MaxPixels, Threads
from singan_core.fitting import MAX_PIXELS
from singan_train.config import make_config

if TYPE_CHECKING:
    from singan_runtime.serve.settings import TrainingLimits


def command(
    models: options.Models,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    max_clip_pixels: options.MaxClipPixels = 10**8,
    max_body: options.MaxBody = 32.0,
    max_models: options.MaxModels = 4,
    workers: options.Workers = 2,
    queue: options.Queue = 32,
    timeout: options.Timeout = 60.0,
    cache_dir: options.CacheFolder = None,
    cache_size: options.CacheSize = 10.0,
    key_file: options.KeyFile = None,
    sizes: options.Sizes = None,
    rate: options.Rate = None,
    cors: options.Origins = None,
    root_path: options.RootPath = "",
    proxies: options.Proxies = "127.0.0.1",
    warm: options.Warm = False,
    metadata: HasMetadata = True,
    train: options.Train = False,
    train_preset: options.TrainPreset = "standard",
    train_iterations: options.TrainIterations = None,
    train_minutes: options.TrainMinutes = 120.0,
    train_models: options.TrainModels = 20,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Serve pictures for every screen from URLs.

    A URL that has a model's id and a seed stands for the same picture for ever.
    """
    from singan_runtime.serve import server, settings, signing

    limits = read_training_limits(train_preset, train_iterations, train_minutes, train_models)
    chosen = settings.Settings(
        folder=models,
        device=device,
        threads=threads,
        max_pixels=max_pixels,
        max_clip_pixels=max_clip_pixels,
        max_body=round(max_body * 1e6),
        max_models=max_models,
        workers=workers,
        queue=queue,
        timeout=timeout,
        cache_folder=cache_dir,
        cache_size=round(cache_size * 1e9),
        keys=signing.read_keys(key_file) if key_file is not None else (),
        sizes=parse.read_allowed_sizes(sizes or "1"),
        rate=rate,
        origins=tuple(cors or ()),
        root_path=parse.read_root_path(root_path),
        proxies=proxies,
        has_metadata=metadata,
        warm=warm,
        training=limits if train else None,
    )
    server.run(chosen, host, port)


def read_training_limits(
    preset: str, iterations: int | None, minutes: float, models: int
) -> TrainingLimits:
    """Read the options of training. Raises RequestError for what no training could begin with."""
    from singan_runtime.serve.settings import TrainingLimits

    make_config(preset, iterations=iterations)
    return TrainingLimits(preset, iterations, minutes, models)
