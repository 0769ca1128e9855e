"""Sampler: pictures of any exact size from a bundle."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, images, manifest, noise, pyramid
from singan_core.errors import RequestError
from singan_core.manifest import Manifest
from singan_core.pyramid import MAX_PIXELS, Pass, Size
from singan_runtime.graphs import Graphs

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Zoom = float | Literal["auto"]

RECONSTRUCTION_NOISE = "reconstruction_noise.npy"


class Sampler:
    """Draws new pictures of the scene that a bundle was trained on; the same seed gives the same picture."""

    def __init__(self, manifest: Manifest, graphs: Graphs, reconstruction_noise: Floats, max_pixels: int) -> None:
        self.manifest = manifest
        self.graphs = graphs
        self.reconstruction_noise = reconstruction_noise  # z*, (1, H0+10, W0+10)
        self.max_pixels = max_pixels

    @classmethod
    def load(
        cls, path: str | Path, device: str = "auto", threads: int | None = None, max_pixels: int = MAX_PIXELS
    ) -> Sampler:
        """Open a bundle folder; device auto, cpu, cuda or cuda:N. Raises BundleError, RequestError or InstallError."""
        folder = Path(path)
        found = manifest.read(folder, "bundle")
        graphs = Graphs(folder, device, threads)
        graphs.session(0)  # a missing runtime or provider is said at once
        return cls(found, graphs, np.load(folder / RECONSTRUCTION_NOISE, allow_pickle=False), max_pixels)

    @property
    def trained_size(self) -> Size:
        """(height, width) of the finest trained scale."""
        return self.manifest.pyramid.finest

    def passes(self, size: Size | None = None, zoom: Zoom = "auto", start_scale: int = 0) -> tuple[Pass, ...]:
        """The cascade that draws a picture of the size; None is the trained size. Raises RequestError."""
        size = self.trained_size if size is None else (operator.index(size[0]), operator.index(size[1]))
        passes = pyramid.fit(self.manifest.pyramid, size, None if zoom == "auto" else zoom)
        last = passes[-1].generator
        if not 0 <= start_scale <= last:
            raise RequestError(f"start scale {start_scale} is not possible: this size and zoom use scales 0 to {last}")
        if size[0] * size[1] > self.max_pixels:
            raise RequestError(
                f"{size[1]}x{size[0]} is {size[0] * size[1]} pixels, over the limit of {self.max_pixels}; "
                "ask for less or raise the limit (--max-pixels)"
            )
        return passes

    def sample(
        self, size: Size | None = None, seed: int = 0, count: int = 1, zoom: Zoom = "auto", start_scale: int = 0
    ) -> Pixels:
        """New pictures, uint8 (count, h, w, C), of exactly size (height, width); picture i has seed + i.

        Zoom says how large content is drawn (auto keeps the composition); from start_scale on noise is fresh, below
        it the photo's own structure is kept. Raises RequestError.
        """
        if count < 1:
            raise RequestError(f"count {count} is not possible: ask for 1 picture or more")
        return np.concatenate(list(self.each(size, seed, count, zoom, start_scale)))

    def each(
        self, size: Size | None = None, seed: int = 0, count: int = 1, zoom: Zoom = "auto", start_scale: int = 0
    ) -> Iterator[Pixels]:
        """The pictures of sample one by one, (1, h, w, C) each, so that memory does not grow with count."""
        passes = self.passes(size, zoom, start_scale)
        check_seed(seed, count)
        base = self.base(passes, start_scale)
        for picture in range(count):
            yield images.to_pixels(self.draw(passes, start_scale, base, self.fresh(seed + picture)))

    def render(
        self,
        size: Size,
        window: tuple[int, int, int, int],
        seed: int = 0,
        zoom: Zoom = "auto",
        start_scale: int = 0,
    ) -> Pixels:
        """Exactly the pixels (h, w, C) that the picture of the size has in the window (y, x, h, w).

        The whole picture is drawn and sliced. Raises RequestError if the window is not inside.
        """
        y, x, height, width = window
        if min(y, x) < 0 or min(height, width) < 1 or y + height > size[0] or x + width > size[1]:
            raise RequestError(
                f"window {width}x{height} at x {x}, y {y} is not inside the picture of {size[1]}x{size[0]}"
            )
        return self.sample(size, seed, 1, zoom, start_scale)[0, y : y + height, x : x + width]

    def reconstruct(self) -> Pixels:
        """The training photo as the model knows it, uint8 (H_N, W_N, C)."""
        return images.to_pixels(self.reconstruction(len(self.manifest.shapes)))[0]

    def reconstruction(self, scales: int) -> Floats:
        """The reconstruction of the first scales at their trained sizes, float (1, C, H, W)."""
        passes = [Pass(n, shape) for n, shape in enumerate(self.manifest.shapes[:scales])]

        def no_noise_but_z(index: int, step: Pass) -> Floats:
            return self.z(step) if index == 0 else np.zeros(self._haloed(step), np.float32)

        return cascade.run(enumerate(passes), self.graphs.generate, no_noise_but_z)

    def base(self, passes: tuple[Pass, ...], start_scale: int) -> Floats | None:
        """What the start scale enlarges: the photo's reconstruction up to the scale below it."""
        if start_scale == 0:
            return None
        return self.reconstruction(start_scale)

    def draw(self, passes: tuple[Pass, ...], start_scale: int, base: Floats | None, unit_noise: cascade.Draw) -> Floats:
        """The picture, float (1, C, h, w), from unit noise per pass."""

        def scaled(index: int, step: Pass) -> Floats:
            return unit_noise(index, step) * np.float32(self.manifest.noise_amplitude[step.generator])

        return cascade.run(list(enumerate(passes))[start_scale:], self.graphs.generate, scaled, base)

    def fresh(self, seed: int, frame: int = 0) -> cascade.Draw:
        """Unit noise of the field for every pass, (1, C, H+10, W+10), its rim following the border mode."""

        def unit_noise(index: int, step: Pass) -> Floats:
            channels, border = self.noise_channels(index), self.manifest.border
            return self.fill(noise.of_canvas(seed, index, frame, channels, step.canvas, border))

        return unit_noise

    def noise_channels(self, index: int) -> int:
        """Channels of the noise of a pass; passes beyond the finest scale count as the finest."""
        return self.manifest.noise_channels[min(index, len(self.manifest.noise_channels) - 1)]

    def z(self, step: Pass) -> Floats:
        """z* as input of scale 0."""
        return self.fill(self.reconstruction_noise) * np.float32(self.manifest.noise_amplitude[0])

    def fill(self, values: Floats) -> Floats:
        """Noise (1 or C, H, W) as (1, C, H, W)."""
        return np.broadcast_to(values[None], (1, self.manifest.channels, *values.shape[1:]))

    def _haloed(self, step: Pass) -> tuple[int, int, int, int]:
        return 1, self.manifest.channels, step.canvas[0] + 2 * HALO, step.canvas[1] + 2 * HALO


def check_seed(seed: int, count: int = 1) -> None:
    """Raise RequestError unless seed .. seed + count - 1 are 64-bit numbers."""
    if not 0 <= seed <= noise.SEED_LIMIT - count:
        raise RequestError(f"seed {seed} is not possible: it must be 0 to {noise.SEED_LIMIT - count}")
