"""Trainings: photos that are sent here become models, one at a time, in child processes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_core import leftovers
from singan_core.atomic import make_folder
from singan_core.bundle_paths import is_bundle
from singan_core.errors import InstallError, RequestError, SinGANError, say_reason
from singan_runtime.serve.child import run_command
from singan_runtime.serve.new_models import (
    check_packages,
    check_photo,
    choose_name,
    place,
    write_photo,
)
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.settings import Settings, TrainingLimits

MOST_REMEMBERED = 20
"""Trainings whose end is told for as long as the service runs."""

_TRAINED = 0.95  # of the whole: the share of the training itself; exporting is the rest
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Training:
    """A photo that becomes a model, or has."""

    id: str
    name: str  # of the model
    state: str = "training"  # then exporting, and in the end done, failed or cancelled
    share: float = 0.0  # of the whole that is done, 0..1
    seconds_left: float | None = None
    detail: str = "PyTorch is starting"
    is_placed: bool = False  # among the models, so that it is too late to cancel
    task: asyncio.Task[tuple[str, str]] | None = None

    def describe(self, root: str) -> dict[str, Any]:
        """Return where it stands, as JSON's types. The model's URL begins with a root."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "share": round(self.share, 4),
            "seconds_left": self.seconds_left,
            "detail": self.detail,
            "model": f"{root}/v1/models/{self.name}" if self.state == "done" else None,
        }

    def read_line(self, line: str) -> None:
        """Learn from a line of the training command where it stands."""
        if not line.startswith("{"):
            return
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            self.share = _TRAINED * float(told["share"])
            self.seconds_left = float(told["seconds_left"])
            self.detail = (
                f"scale {told['scale'] + 1} of {told['scales']}, "
                f"iteration {told['iteration']} of {told['iterations']}"
            )

    def end(self, state: str, detail: str) -> None:
        """Note that nothing more happens, and why."""
        self.state, self.detail, self.seconds_left = state, detail, None
        self.share = 1.0 if state == "done" else self.share
        _log.info("training of %s: %s: %s", self.name, state, detail)


class Trainings:
    """The training that runs, and those that have ended. For one event loop.

    A training works in a hidden folder beside the models, which goes away with it in whatever way
    it ends. So its bundle is put among the models by a single rename.
    """

    def __init__(
        self, settings: Settings, limits: TrainingLimits, read_models: Callable[[], None]
    ) -> None:
        """Sweep the folder of models. Raises RequestError or OutputError if it takes no more."""
        self.folder, self.device, self.limits = settings.folder, settings.device, limits
        self.read_models = read_models
        self.current: Training | None = None
        self.added = 0  # models
        self.count_end: Callable[[str], None] = lambda state: None  # called after one has ended
        self._known: OrderedDict[str, Training] = OrderedDict()

        if is_bundle(self.folder):
            raise RequestError(
                f"{self.folder}: a bundle itself, to which no model can be added; "
                "name a folder of bundles, or leave out --train"
            )
        make_folder(self.folder)
        try:
            check_packages()
        except InstallError as error:
            _log.warning("%s", error)

    def check_free(self) -> None:
        """Raise Problem if a photo cannot be taken now, or InstallError without PyTorch."""
        check_packages()
        if self.current is not None:
            raise Problem(409, f"{self.current.name} is being trained; wait for it, or cancel it")
        if self.added >= self.limits.models:
            raise Problem(
                409, f"{self.added} models were added, and no more may be (--train-models)"
            )

    async def begin(self, photo: bytes, wish: str) -> Training:
        """Begin to train on a photo, a picture file's bytes, if nothing else is trained.

        wish is any text that the model's name is made of. Raises Problem, ImageError for a file
        that is no photo, and InstallError.
        """
        self.check_free()
        training = Training(secrets.token_hex(8), choose_name(self.folder, wish))
        self.current = training
        try:
            await asyncio.to_thread(check_photo, photo)
        except BaseException:
            self.current = None
            raise
        self._start(training, photo)
        return training

    def find_current(self) -> Training | None:
        """Return the training that runs, if its photo has been looked at."""
        return self.current if self.current is not None and self.current.task else None

    def find(self, id: str) -> Training:
        """Return the training of an id. Raises Problem if none has it."""
        training = self._known.get(id)
        if training is None:
            raise Problem(404, f"there is no training {id[:80]!r}, or it ended long ago")
        return training

    async def cancel(self, training: Training) -> None:
        """End a training that still runs, and return when nothing of it is left."""
        if training.task is None:
            return
        if not training.is_placed and not training.task.cancelling():
            training.task.cancel()  # once: a second time would not wait for the child's end
        await asyncio.wait([training.task])

    async def close(self) -> None:
        """End the training that runs."""
        if self.current is not None:
            await self.cancel(self.current)

    def _start(self, training: Training, photo: bytes) -> None:
        """Start a training that may be asked for by its id."""
        self._known[training.id] = training
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        training.task = task = asyncio.create_task(self._run(training, photo))

        def note_end(_: object) -> None:
            self.current = None
            training.end(*(("cancelled", "cancelled") if task.cancelled() else task.result()))
            self.count_end(training.state)

        task.add_done_callback(note_end)
        _log.info("training of %s begins", training.name)

    async def _run(self, training: Training, photo: bytes) -> tuple[str, str]:
        """Make the model of a photo, and return how that ended: a state, and a word about it."""
        mark = secrets.token_hex(6)
        work = leftovers.name_hidden(self.folder / "training", mark, leftovers.TEMPORARY)

        try:
            await self._make(training, photo, work)
        except TimeoutError:
            limit = f"the {self.limits.minutes:g} min that are allowed here"
            return "failed", f"not done within {limit}; send a smaller photo"
        except (SinGANError, OSError) as error:
            return "failed", self._say_without_folders(error, work)
        except Exception:
            _log.exception("training failed")
            return "failed", "failed inside the service; the log says how"
        finally:
            leftovers.remove(work)
        return "done", "the model is ready"

    async def _make(self, training: Training, photo: bytes, work: Path) -> None:
        """Train, export and put the bundle among the models.

        Raises TrainingError, OutputError, OSError or TimeoutError.
        """
        file, run, bundle = work / "photo" / training.name, work / "run", work / "bundle"
        work.mkdir()
        with leftovers.hold(work):
            write_photo(file, photo)
            async with asyncio.timeout(self.limits.minutes * 60):
                await run_command(self._write_words(file, run), training.read_line)
                training.state, training.share = "exporting", _TRAINED
                training.seconds_left, training.detail = None, "the model is exported and checked"
                await run_command(["export", str(run), "--out", str(bundle)], lambda line: None)

            training.name, training.is_placed = place(bundle, self.folder, training.name), True
            self.added += 1
            await asyncio.to_thread(self.read_models)

    def _write_words(self, file: Path, run: Path) -> list[str]:
        """Write the command that trains on a file."""
        words = ["train", str(file), "--out", str(run), "--preset", self.limits.preset]
        if self.limits.iterations is not None:
            words += ["--iterations", str(self.limits.iterations)]
        return [*words, "--device", self.device, "--no-preview", "--progress-json"]

    def _say_without_folders(self, error: Exception, work: Path) -> str:
        """Say on one line why a training failed, without naming folders of this machine."""
        said = say_reason(error)
        for folder in (work / "photo", work, self.folder):
            said = said.replace(f"{folder}{os.sep}", "")
        return said
