"""Pictures with their masks as a sequence: an item is drawn when it is asked for."""

from __future__ import annotations

import operator
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from PIL import Image, ImageFilter

from singan_core.arguments import read_object
from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.limits import show
from singan_runtime.files.dataset_spec import PNG, DatasetSpec, choose_request, settle
from singan_runtime.sampler import Sampler


def draw_labelled_picture(sampler: Sampler, spec: DatasetSpec, seed: int) -> tuple[Pixels, Pixels]:
    """Draw the picture of a seed, uint8 (h, w, 3), and its masks (h, w, labels), 0 or 255.

    The spec is one that is settled for the sampler. Raises RequestError.
    """
    pixels, masks = sampler.draw_labelled(choose_request(sampler, spec, seed))
    if spec.despeckle:
        layers = [_remove_specks(layer, spec.despeckle) for layer in np.moveaxis(masks, 2, 0)]
        masks = np.stack(layers, axis=2)
    return pixels, masks


def _remove_specks(mask: Pixels, side: int) -> Pixels:
    """Give each pixel of a mask, uint8 (h, w), the value of most of the square around it."""
    return np.asarray(Image.fromarray(mask).filter(ImageFilter.MedianFilter(side)))


class LabelledPictures:
    """A sequence of pictures with their masks, such as torch's DataLoader takes.

    Item i is what a dataset of the spec holds for its i-th seed: a dictionary of image, uint8
    (h, w, 3), masks, uint8 (h, w, labels) of 0 or 255, and seed. Nothing is written.
    """

    def __init__(
        self,
        path: str | Path,
        spec: DatasetSpec,
        device: str = "auto",
        threads: int | None = 1,
    ) -> None:
        """Open a bundle. Raises BundleError, RequestError or InstallError.

        One thread is right for a loader with several workers, which share the processor.
        """
        self._arguments = path, device, threads
        self._open()
        spec = replace(read_object(spec, DatasetSpec, "spec"), formats=(PNG,))
        self.spec = settle(self._sampler, spec)
        self.labels = self._sampler.manifest.labels

    def _open(self) -> None:
        path, device, threads = self._arguments
        self._sampler = Sampler.load(path, device, threads)
        self._process = os.getpid()

    def __len__(self) -> int:
        return self.spec.count

    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]:
        """Draw an item. Raises IndexError beyond the last one, RequestError for no number."""
        try:
            seed = self.spec.seeds[operator.index(index)]
        except TypeError:
            raise RequestError(
                f"picture {show(index)} is not possible: give a number, 0 to {len(self) - 1}"
            ) from None

        if self._process != os.getpid():  # a forked worker: sessions belong to their process
            self._open()
        pixels, masks = draw_labelled_picture(self._sampler, self.spec, seed)
        return {"image": pixels, "masks": masks, "seed": seed}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open model out, which a spawned worker opens for itself."""
        return {name: value for name, value in vars(self).items() if name != "_sampler"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _process=None)
