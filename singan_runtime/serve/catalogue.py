"""The models of the service: which there are, and those that are open."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from singan_core import manifest as manifests
from singan_core.bundle_paths import is_bundle, list_bundles, name_bundle
from singan_core.detail import store
from singan_core.errors import BundleError
from singan_core.identity import compute_identity
from singan_core.manifest import Manifest
from singan_runtime.sampler import Sampler
from singan_runtime.serve.address import ID_LENGTH, RESERVED, is_name, write_address
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A bundle that is served, under the name of its folder or file."""

    name: str
    folder: Path  # or a one-file model
    manifest: Manifest
    identity: str  # of all that decides pixels (singan_core.identity)

    @property
    def id(self) -> str:
        """The part of the identity that URLs carry."""
        return self.identity[:ID_LENGTH]

    @property
    def address(self) -> str:
        """The model's part of a URL."""
        return write_address(self.name, self.identity)


class Catalogue:
    """The models in a folder. The ones used last are open, at most so many."""

    def __init__(self, settings: Settings) -> None:
        """Read the folder. Raises BundleError if it holds no model, unless training may add one."""
        self.settings = settings
        self.models: dict[str, Model] = {}
        self.count_load: Callable[[str], None] = lambda name: None  # called after one was opened
        self.when_changed: Callable[[], None] = lambda: None  # called after models were read
        self._open: OrderedDict[str, Sampler] = OrderedDict()  # by identity, least used first
        self._lock = threading.Lock()
        self.read()
        if not self.models and settings.training is None:
            raise BundleError(
                f"{settings.folder}: holds no bundle that can be served; "
                "make one with 'singan export'"
            )

    def read(self) -> None:
        """Read the folder anew. A model that cannot be read is left out, and the log says why."""
        found = {}
        for path in list_models(self.settings.folder):
            try:
                model = read_model(path)
            except BundleError as error:
                _log.warning("model left out: %s", error)
            else:
                found[model.name] = model
        self.models = found
        self.when_changed()

    def find(self, name: str, id: str | None = None) -> Model:
        """Return the model of a name. Raises Problem if there is none, or it has another id now."""
        model = self.models.get(name)
        if model is None:
            known = ", ".join(self.models) or "none"
            raise Problem(404, f"there is no model {name[:80]!r}; the models are: {known}")
        if id is not None and id != model.id:
            raise Problem(410, f"{name} has changed: it is {model.address} now, not {name}@{id}")
        return model

    def open(self, model: Model) -> Sampler:
        """Return the sampler of a model, opened if need be. Called in threads that may wait.

        Raises Problem if the model is damaged, or was replaced since the folder was read.
        """
        with self._lock:
            sampler = self._open.get(model.identity)
            if sampler is None:
                sampler = self._load(model)
                self._open[model.identity] = sampler
                self.count_load(model.name)
                if len(self._open) > self.settings.max_models:
                    self._open.popitem(last=False)
            self._open.move_to_end(model.identity)
            return sampler

    def close(self, model: Model) -> None:
        """Forget the open sampler of a model, so that it is read again."""
        with self._lock:
            self._open.pop(model.identity, None)

    def _load(self, model: Model) -> Sampler:
        settings = self.settings
        try:
            sampler = Sampler.load(
                model.folder, settings.device, settings.threads, settings.max_pixels
            )
        except BundleError as error:
            _log.error("model cannot be opened: %s", error)
            raise Problem(
                503, f"{model.name} cannot be opened now; its files are damaged"
            ) from None

        if sampler.identity != model.identity:
            self.models = {**self.models, model.name: read_model(model.folder)}
            self.when_changed()
            self.find(model.name, model.id)
        return sampler


def list_models(folder: Path) -> list[Path]:
    """List the bundles that a folder of models holds, or the bundle itself if it is one.

    Raises BundleError if it cannot be read.
    """
    if is_bundle(folder):
        return [folder.absolute()]
    try:
        return list_bundles(folder)
    except OSError as error:
        raise BundleError(
            f"{folder}: cannot be read ({error.strerror}); name a folder of bundles"
        ) from error


def read_model(folder: Path) -> Model:
    """Read what a bundle is, without opening it for drawing. Raises BundleError."""
    name = name_bundle(folder)
    if not is_name(name):
        raise BundleError(
            f"{folder}: cannot be part of a URL; name it with a-z, 0-9, _ and -, "
            f"and not {' or '.join(RESERVED)}"
        )
    manifest = manifests.read(folder, "bundle", check_files=False)
    masks = store.read_detail(folder, manifest)[1] if manifest.labels else None
    return Model(name, folder, manifest, compute_identity(manifest, masks))
