"""Sampler: pictures of any exact size from a bundle."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import manifest
from singan_core.arguments import read_object, read_path, read_word
from singan_core.arrays import Floats, Pixels
from singan_core.detail import store
from singan_core.detail.photo import Photo
from singan_core.errors import RequestError
from singan_core.file_names import DOUBLE
from singan_core.fitting import MAX_PIXELS, MAX_SIDE, Fit
from singan_core.limits import MOST_PICTURES, read_whole
from singan_core.manifest import Manifest
from singan_core.pyramid import Pass, Size
from singan_core.windows import Region, Wrap
from singan_core.zooms import Zoom
from singan_runtime import devices, planning, providers
from singan_runtime.drawing import Renderer
from singan_runtime.graphs import (
    Generators,
    Graphs,
    find_graphs,
    list_digests,
    read_reconstruction_noise,
)
from singan_runtime.keep import Keep, find_opaque, read_objects
from singan_runtime.parsing import Place, Window
from singan_runtime.plan import Plan
from singan_runtime.recent import Recent
from singan_runtime.request import Request, check_seed, find_region, read_keep, read_size

KEPT_PLANS = 4  # plans that are kept, for the windows and tiles of their pictures


class Sampler(Renderer):
    """Draws new pictures of the scene that a bundle was trained on.

    The same request gives the same picture. Keywords of its methods make a Request; draw takes one.
    """

    def __init__(
        self,
        manifest: Manifest,
        graphs: Generators,
        reconstruction_noise: Floats,
        max_pixels: int,
        photo: Photo | None = None,
        masks: NDArray[np.bool_] | None = None,
    ) -> None:
        super().__init__(manifest, graphs, reconstruction_noise, photo, masks)
        self.max_pixels = max_pixels  # of a whole picture
        self._plans: Recent[Request, Plan] = Recent(KEPT_PLANS)

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "auto",
        threads: int | None = None,
        max_pixels: int = MAX_PIXELS,
        precision: str = "auto",
    ) -> Sampler:
        """Open a bundle, which is a folder or a one-file model, for drawing.

        The device is a word of singan_core.device_names. Precision auto is fp64 where the photo
        supplies the detail and the device has it, else fp32; any other must be in the bundle.
        Raises BundleError, RequestError or InstallError.
        """
        folder = read_path(path, "bundle")
        max_pixels = read_whole(max_pixels, "max pixels", 1, MAX_SIDE**2)
        precision = read_word(precision, "precision")
        found = manifest.read(folder, "bundle")
        if precision == "auto":
            has_doubles = devices.choose_provider(device).has_doubles
            precision = DOUBLE if found.detail and has_doubles else "fp32"

        digests = list_digests(found, precision)
        where = find_graphs(folder, found, precision)
        graphs = Graphs(where, device, threads, found.channels, digests)
        graphs.session(0)  # so that a missing runtime or provider is reported at once
        if precision == "fp16" and graphs.provider == providers.CPU.name:
            warnings.warn(
                "fp16 is slower than fp32 on a CPU: leave it to GPUs and the web", stacklevel=2
            )

        noise = read_reconstruction_noise(folder, found)
        sampler = cls(found, graphs, noise, max_pixels, *store.read_detail(folder, found))
        sampler.precision = precision
        return sampler

    def without_detail(self) -> Sampler:
        """Return a sampler that draws with the generators alone.

        It uses the bundle's fp32 graphs, unless this one uses graphs of a lower precision.
        """
        if self.photo is None:
            return self
        graphs = self.graphs
        if isinstance(graphs, Graphs) and graphs.folder.name == DOUBLE:
            plain = None if graphs.digests is None else list_digests(self.manifest, "fp32")
            where = graphs.folder.parent
            graphs = Graphs(where, graphs.device, graphs.threads, graphs.channels, plain)
        return Sampler(self.manifest.generators, graphs, self.reconstruction_noise, self.max_pixels)

    @functools.cached_property
    def _generators_alone(self) -> Sampler:
        return self.without_detail()

    def choose_sampler(self, request: Request) -> tuple[Sampler, Request]:
        """Return the sampler that draws a request, with or without detail, and its request."""
        request = read_object(request, Request, "request")
        sampler = self if request.detail or self.photo is None else self._generators_alone
        size = request.size or sampler.trained_size
        return sampler, replace(request, size=size, detail=True)

    def draw(self, request: Request) -> Pixels:
        """Draw the picture of a request, uint8 (h, w, C), or its window alone.

        Only what a window needs is drawn, at every scale. Raises RequestError.
        """
        sampler, request = self.choose_sampler(request)
        plan = sampler.plan_request(request)
        if request.window is None:
            self.check_pixels(plan.size)
            return sampler.draw_pixels(plan, request.seed)
        self.check_pixels(request.window[2:])
        return sampler.draw_pixels(plan, request.seed, find_region(plan.size, request.window))

    def sample(
        self,
        size: Size | None = None,
        seed: int = 0,
        count: int = 1,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Pixels:
        """Draw new pictures of exactly size (height, width), uint8 (count, h, w, C).

        Picture i has seed + i; size None is the trained size. The other keywords are the fields of
        a Request. Raises RequestError.
        """
        count = read_whole(count, "count", 1, MOST_PICTURES)
        fields = zoom, start_scale, tileable, variation, keep
        return np.stack(list(self.pictures(size, seed, count, *fields)))

    def pictures(
        self,
        size: Size | None = None,
        seed: int = 0,
        count: int = 1,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Iterator[Pixels]:
        """Draw the pictures of sample one by one, uint8 (h, w, C) each.

        Memory does not grow with their count. Raises RequestError when the first is asked for.
        """
        count = read_whole(count, "count", 1, MOST_PICTURES)
        request = Request(size, seed, zoom, start_scale, tileable, variation, keep)
        plan = self.plan_request(request)
        self.check_pixels(plan.size)
        check_seed(request.seed, count)
        yield from self.draw_series(plan, range(request.seed, request.seed + count))

    def render(
        self,
        size: Size,
        window: Window,
        seed: int = 0,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Pixels:
        """Draw exactly the pixels (h, w, C) that a picture has in the window (y, x, h, w).

        Only what the window needs is drawn, at every scale. Raises RequestError.
        """
        fields = zoom, start_scale, tileable, variation, keep
        return self.draw(Request(size, seed, *fields, window))

    def labelled(
        self,
        size: Size | None = None,
        seed: int = 0,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        keep: tuple[Keep, ...] = (),
    ) -> tuple[Pixels, Pixels]:
        """Draw a picture, uint8 (h, w, 3), and its masks, uint8 (h, w, labels) of 0 or 255.

        Masks are in the order of manifest.labels. Raises RequestError, also for a model without
        labels.
        """
        return self.draw_labelled(Request(size, seed, zoom, start_scale, keep=keep))

    def draw_labelled(self, request: Request) -> tuple[Pixels, Pixels]:
        """Draw the whole picture of a request and its masks, as labelled does.

        Raises RequestError.
        """
        self.check_labels()
        plan = self.plan_request(request)
        self.check_pixels(plan.size)
        both = self.draw_with_masks(plan, request.seed)
        return np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3:])

    @property
    def trained_size(self) -> Size:
        """(height, width) of the finest scale: with detail the photo's own."""
        return self.manifest.pyramid.finest

    def limit_size(self, most: int) -> Size:
        """Reduce the trained size, with detail, to even sides of at most so many px."""
        most = read_whole(most, "longer side", 1, MAX_SIDE)
        height, width = self.trained_size
        factor = min(1.0, most / max(height, width)) if self.photo is not None else 1.0
        if factor == 1.0:
            return self.trained_size
        return max(2, 2 * round(height * factor / 2)), max(2, 2 * round(width * factor / 2))

    def fit(
        self,
        size: Size | None = None,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        wrap: Wrap = (False, False),
    ) -> Fit:
        """Find the canvases that draw a picture of a size, by default the trained one.

        Raises RequestError.
        """
        size = self.trained_size if size is None else read_size(size)
        return planning.fit_canvases(self.manifest, size, zoom, start_scale, wrap)

    def find_passes(
        self, size: Size | None = None, zoom: Zoom = "auto", start_scale: int = 0
    ) -> tuple[Pass, ...]:
        """Find the generators' passes that draw a picture of a size. Raises RequestError."""
        return self.fit(size, zoom, start_scale).passes

    def plan(
        self,
        size: Size | None = None,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Plan:
        """Plan a picture of exactly size (height, width): all of it but its noise.

        Raises RequestError.
        """
        return self.plan_request(Request(size, 0, zoom, start_scale, tileable, variation, keep))

    def plan_request(self, request: Request) -> Plan:
        """Plan the picture of a request: all of it but its noise.

        The last few plans are kept. Raises RequestError.
        """
        request = read_object(request, Request, "request")
        if not request.detail and self.photo is not None:
            raise RequestError("this model has detail: plan with without_detail(), or call draw")
        size = request.size or self.trained_size
        if request.window is not None:
            find_region(size, request.window)
        request = replace(request, size=size, seed=0, window=None, detail=True)
        return self._plans.find(request, lambda: planning.make_plan(self, request))

    def choose_amplitudes(self, start_scale: int = 0, variation: float = 1.0) -> tuple[float, ...]:
        """Choose the amplitude of every generator's noise. Raises RequestError."""
        return planning.choose_amplitudes(self.manifest, start_scale, variation)

    def read_keep(self, names: Sequence[str], places: Sequence[Place] = ()) -> tuple[Keep, ...]:
        """Read objects to keep: labels of the model, 'alpha' or mask files.

        Each may have its place (x, y). Raises RequestError or ImageError.
        """
        return read_objects(self.manifest, names, places, self.masks, find_opaque(self.photo))

    def keep_objects(self, picture: Plan, keep: Sequence[Keep]) -> Plan:
        """Return a plan with objects of the photo that stand as they are. Raises RequestError."""
        return planning.keep_objects(self, picture, read_keep(keep))

    def find_region(self, size: Size, window: Window) -> Region:
        """Find the region of a window in a picture of a size. Raises RequestError."""
        return find_region(size, window)

    def check_pixels(self, size: Size) -> None:
        """Raise RequestError if so many pixels may not be held at once."""
        size = read_size(size)
        if size[0] * size[1] > self.max_pixels:
            raise RequestError(
                f"{size[1]}x{size[0]} is {size[0] * size[1]} pixels, over the limit of "
                f"{self.max_pixels}; ask for less or raise the limit (--max-pixels)"
            )

    def check_labels(self) -> None:
        """Raise RequestError if the model has no labels."""
        if not self.manifest.labels:
            raise RequestError(
                f"{self.manifest.name}: this model has no labels; "
                "train one with 'singan train PHOTO --mask MASK'"
            )
