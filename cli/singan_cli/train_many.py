"""singan train-many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from singan_cli import many_options as options
from singan_cli import train_options

if TYPE_CHECKING:
    from singan_cli.many.cluster import Cluster
    from singan_cli.many.outcome import Outcome
    from singan_cli.site.material import Training


def command(
    photos: options.Photos,
    out: options.Runs,
    bundles: options.Bundles = None,
    preset: train_options.Preset = None,
    layout: train_options.Layout = None,
    max_size: train_options.MaxSize = None,
    seed: train_options.Seed = None,
    creator: train_options.Creator = None,
    licence: train_options.Licence = None,
    address: options.Address = "",
    workers: options.Workers = None,
    threads: options.WorkerThreads = 1,
    gpus: options.Gpus = 0.0,
) -> None:
    """Train a model of each of many photos.

    All processors work, or the machines of a Ray cluster. What is there is kept. A stopped command
    goes on when it is repeated.
    """
    from singan_cli.many.cluster import Cluster
    from singan_cli.many.outcome import tell_result
    from singan_cli.site.material import Training
    from singan_train.config import expand_layout

    cluster = Cluster(address, workers, threads, gpus)
    asked = {"preset": preset, "max_size": max_size, "seed": seed, **expand_layout(layout, None)}
    training = Training(asked, cluster.device, threads, creator, licence)

    folder = None if bundles is None else bundles.absolute()
    outcomes = train_photos(photos, out.absolute(), folder, training, cluster)
    tell_result(outcomes, "photos", "trained", out)


def train_photos(
    photos: Sequence[Path], out: Path, bundles: Path | None, training: Training, cluster: Cluster
) -> list[Outcome]:
    """Train the photos on one display of progress. Raises StoppedBySignal."""
    from singan_cli.many.display import watch_items
    from singan_cli.many.photo_names import name_photos
    from singan_cli.many.photos import PhotoItem, train_item
    from singan_cli.many.shared_folder import hold_folder

    folders = [out] if bundles is None else [out, bundles]
    with ExitStack() as held:
        marks = tuple(held.enter_context(hold_folder(folder)) for folder in folders)
        names, failed = name_photos(photos, out)
        items = [
            PhotoItem(photo, out / name, bundles and bundles / name, training, marks)
            for name, photo in names.items()
        ]
        return watch_items(cluster, train_item, items, failed, "photos")
