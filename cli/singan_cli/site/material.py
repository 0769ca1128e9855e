"""What a site is drawn from: the bundle of a photo, which is trained and exported if need be."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singan_core import manifest as manifests
from singan_core.file_names import CONFIG
from singan_core.model_file import is_model_file
from singan_core.picture_files import check_path
from singan_core.processors import count_processors

if TYPE_CHECKING:
    from singan_train.report.progress import Progress

MODEL, RUN, BUNDLE = "model", "run", "bundle"
"""Folder of a site that keeps what its pictures are drawn from, and the folders in it."""


@dataclass(frozen=True)
class Training:
    """How a photo is to be trained, where it has not been."""

    asked: dict[str, Any] = field(default_factory=dict)  # fields of TrainingConfig
    device: str = "auto"
    threads: int | None = None
    creator: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Watch:
    """What is told about training, and asked whether to stop it."""

    begin: Callable[[float], None] = lambda seconds: None  # with what it will take
    show: Callable[[Progress], None] = lambda _: None
    export: Callable[[], None] = lambda: None  # before the export
    stop: Callable[[], AbstractContextManager[Callable[[], bool]]] = lambda: nullcontext(bool)
    """Entered while a run is trained: what it gives says whether to stop."""


def find_kind(source: Path) -> str:
    """Tell whether a path is a photo, a run or a bundle. Raises ImageError for a path of nothing.

    A folder that is neither is taken for a bundle, of which the error will speak.
    """
    if is_model_file(source):
        return BUNDLE
    if not source.is_dir():
        check_path(source)
        return "photo"
    return RUN if (source / CONFIG).exists() else BUNDLE


def make_bundle(source: Path, folder: Path, training: Training, watch: Watch) -> Path:
    """Return the bundle of a photo, a run or a bundle, and make it in a folder if need be.

    What the folder has of it is kept: a stopped call goes on. Raises a SinGANError, and
    KeyboardInterrupt once the watch says to stop.
    """
    kind = find_kind(source)
    if kind == BUNDLE:
        return source

    require_export()
    run, bundle = folder / RUN, folder / BUNDLE
    if kind == RUN:
        run = source
    else:
        train(source, run, training, watch)

    export(run, bundle, watch)
    return bundle


def train(photo: Path, run: Path, training: Training, watch: Watch) -> None:
    """Train a run, or go on with the one that was begun. Raises a SinGANError."""
    from singan_train.device import choose_device
    from singan_train.job import TrainingJob
    from singan_train.run.folder import is_finished
    from singan_train.threads import choose_threads, estimate_duration

    device, resume = choose_device(training.device), (run / CONFIG).exists()
    credits = training.creator, training.licence
    job = TrainingJob(photo, run, training.asked, device, (), resume, *credits)
    header = job.prepare()

    if not is_finished(run):
        threads = training.threads
        if threads is None and device.type == "cpu":
            threads = choose_threads(header.config.detail, count_processors())
        watch.begin(estimate_duration(header, device, threads))
    with watch.stop() as stop:
        job.train(watch.show, stop)  # a finished run is only compared with the photo


def require_export() -> None:
    """Raise an error, before the minutes of training, if a package is missing for the export."""
    from singan_runtime import providers

    importlib.import_module("singan_export.bundle")
    providers.import_onnxruntime()


def export(run: Path, bundle: Path, watch: Watch) -> None:
    """Export a run, or check that the bundle that is there comes from it. Raises a SinGANError."""
    from singan_export import bundle as bundles

    if (bundle / manifests.NAME).exists():
        bundles.find_run(manifests.read(bundle, "bundle"), run)
    else:
        watch.export()
        bundles.export(run, bundle)
