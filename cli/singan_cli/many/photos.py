"""What 'singan train-many' does: the run of each photo, and its bundle, which a worker makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_cli.many.outcome import Outcome, attempt
from singan_cli.many.shared_folder import check_mark
from singan_cli.many.work import Teller
from singan_cli.site.material import Training, Watch, export, require_export, train
from singan_core import manifest as manifests


@dataclass(frozen=True)
class PhotoItem:
    """A photo to be trained on."""

    photo: Path
    run: Path
    bundle: Path | None  # None where only the run is wanted
    training: Training
    marks: tuple[Path, ...]  # in the folders of the runs and of the bundles

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.photo)


def train_item(item: PhotoItem, board: Any) -> Outcome:
    """Make the run of a photo and its bundle, as far as they are missing. A worker does this."""
    teller = Teller(board, item.name)
    return attempt(item.name, lambda: make(item, teller))


def make(item: PhotoItem, teller: Teller) -> bool:
    """Make the run of a photo and its bundle, and return whether something was missing.

    A run that was begun goes on from its last checkpoint. Raises a SinGANError, and
    KeyboardInterrupt once the teller has heard that the work is to stop.
    """
    from contextlib import nullcontext

    for mark in item.marks:
        check_mark(mark)
    if item.bundle is not None:
        require_export()
    folders = [item.run] if item.bundle is None else [item.run, item.bundle]
    is_new = not all((folder / manifests.NAME).exists() for folder in folders)

    watch = Watch(
        show=lambda progress: teller.tell(progress.share),
        stop=lambda: nullcontext(teller.hear),
    )
    train(item.photo, item.run, item.training, watch)
    if item.bundle is not None:
        export(item.run, item.bundle, watch)
    return is_new
