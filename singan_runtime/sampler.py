"""Sampler: pictures of any exact size from a bundle."""

from __future__ import annotations

import itertools
import math
import operator
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, images, manifest, noise, pyramid, windows
from singan_core.errors import BundleError, RequestError
from singan_core.manifest import Manifest
from singan_core.pyramid import MAX_PIXELS, Pass, Size
from singan_core.windows import Region, Span, Step, Wrap
from singan_runtime import heap
from singan_runtime.graphs import Graphs, graph_name

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Zoom = float | Literal["auto"]

RECONSTRUCTION_NOISE = "reconstruction_noise.npy"
TILE = 960  # px: a larger picture is drawn in parts, so that memory stays bounded
SMALLEST_TILE = 96  # px: smaller parts would be mostly halo
PRECISIONS = ("fp32", "fp16", "int8")
TILEABLE = ("", "x", "y", "xy")


@dataclass(frozen=True)
class Picture:
    """A picture but for its noise: the passes that draw it, what they start from, and which edges meet."""

    passes: tuple[Pass, ...]
    base: Floats | None  # the image below the start scale, (1, C, H, W): the photo's reconstruction or another
    wrap: Wrap
    adjust: cascade.Adjust | None = None  # what is put into the passes' images

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.passes[-1].canvas


class Sampler:
    """Draws new pictures of the scene that a bundle was trained on; the same seed gives the same picture."""

    def __init__(self, manifest: Manifest, graphs: Graphs, reconstruction_noise: Floats, max_pixels: int) -> None:
        self.manifest = manifest
        self.graphs = graphs
        self.reconstruction_noise = reconstruction_noise  # z*, (1, H0+10, W0+10)
        self.max_pixels = max_pixels

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "auto",
        threads: int | None = None,
        max_pixels: int = MAX_PIXELS,
        precision: str = "fp32",
    ) -> Sampler:
        """Open a bundle folder; device auto, cpu, cuda or cuda:N; precision fp32, or fp16 or int8 if the bundle has it.

        Raises BundleError, RequestError or InstallError.
        """
        heap.share()
        folder = Path(path)
        found = manifest.read(folder, "bundle")
        graphs = Graphs(graphs_folder(folder, found, precision), device, threads)
        graphs.session(0)  # a missing runtime or provider is said at once
        if precision == "fp16" and graphs.provider == "CPUExecutionProvider":
            warnings.warn("fp16 is slower than fp32 on a CPU: leave it to GPUs and the web", stacklevel=2)
        return cls(found, graphs, np.load(folder / RECONSTRUCTION_NOISE, allow_pickle=False), max_pixels)

    @property
    def trained_size(self) -> Size:
        """(height, width) of the finest trained scale."""
        return self.manifest.pyramid.finest

    def passes(self, size: Size | None = None, zoom: Zoom = "auto", start_scale: int = 0) -> tuple[Pass, ...]:
        """The cascade that draws a picture of the size; None is the trained size. Raises RequestError."""
        size = self.trained_size if size is None else (operator.index(size[0]), operator.index(size[1]))
        passes = pyramid.fit(self.manifest.pyramid, size, None if zoom == "auto" else zoom)
        last = max(step.generator for step in passes if not step.beyond)
        if not 0 <= start_scale <= last:
            raise RequestError(f"start scale {start_scale} is not possible: this size and zoom use scales 0 to {last}")
        return passes

    def picture(
        self, size: Size | None = None, zoom: Zoom = "auto", start_scale: int = 0, tileable: str = ""
    ) -> Picture:
        """A picture of exactly size (height, width), yet without its noise. Raises RequestError."""
        passes = self.passes(size, zoom, start_scale)
        if tileable not in TILEABLE:
            raise RequestError(f"tileable {tileable!r} is not possible: choose x, y or xy")
        if tileable and start_scale:
            raise RequestError(f"a tileable picture needs start scale 0, not {start_scale}: the photo is not seamless")
        base = self.reconstruction(start_scale) if start_scale else None
        return Picture(passes[start_scale:], base, ("y" in tileable, "x" in tileable))

    def sample(
        self,
        size: Size | None = None,
        seed: int = 0,
        count: int = 1,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
    ) -> Pixels:
        """New pictures, uint8 (count, h, w, C), of exactly size (height, width); picture i has seed + i.

        Zoom says how large content is drawn (auto keeps the composition); from start_scale on noise is fresh, below
        it the photo's own structure is kept; tileable x, y or xy repeats without a seam. Raises RequestError.
        """
        if count < 1:
            raise RequestError(f"count {count} is not possible: ask for 1 picture or more")
        return np.concatenate(list(self.each(size, seed, count, zoom, start_scale, tileable)))

    def each(
        self,
        size: Size | None = None,
        seed: int = 0,
        count: int = 1,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
    ) -> Iterator[Pixels]:
        """The pictures of sample one by one, (1, h, w, C) each, so that memory does not grow with count."""
        picture = self.picture(size, zoom, start_scale, tileable)
        self.check_pixels(picture.size)
        check_seed(seed, count)
        for pixels in self.series(picture, range(seed, seed + count)):
            yield pixels[None]

    def render(
        self,
        size: Size,
        window: tuple[int, int, int, int],
        seed: int = 0,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
    ) -> Pixels:
        """Exactly the pixels (h, w, C) that the picture of the size has in the window (y, x, h, w).

        Only what the window needs is drawn, at every scale. Raises RequestError if the window is not inside.
        """
        region = self.region(size, window)
        self.check_pixels((window[2], window[3]))
        picture = self.picture(size, zoom, start_scale, tileable)
        check_seed(seed)
        return self.pixels(picture, seed, region)

    def region(self, size: Size, window: tuple[int, int, int, int]) -> Region:
        """The window (y, x, h, w) of a picture of the size as a region. Raises RequestError if it is not inside."""
        y, x, height, width = window
        if min(y, x) < 0 or min(height, width) < 1 or y + height > size[0] or x + width > size[1]:
            raise RequestError(
                f"window {width}x{height} at x {x}, y {y} is not inside the picture of {size[1]}x{size[0]}: "
                f"it must begin at 0 or later, end by x {size[1]} and y {size[0]}, and hold a pixel or more"
            )
        return Span(y, y + height), Span(x, x + width)

    def series(self, picture: Picture, seeds: range, region: Region | None = None) -> Iterator[Pixels]:
        """The pixels for seed after seed; of small pictures every thread draws one, and those next are drawn ahead."""
        rows, columns = region or windows.whole(picture.size)
        threads = self.graphs.threads
        if min(threads, len(seeds)) == 1 or max(rows.length, columns.length) > TILE:
            for seed in seeds:
                yield self.pixels(picture, seed, region)
        else:
            yield from in_order(lambda n: self.pixels(picture, seeds[n], region, threads=1), len(seeds), threads)

    def pixels(self, picture: Picture, seed: int, region: Region | None = None, threads: int | None = None) -> Pixels:
        """A region of the picture (all of it, unless given), uint8 (h, w, C)."""
        pixels = self.painted(picture, self.fresh(seed, wrap=picture.wrap), region, threads)
        heap.trim()
        return pixels

    def painted(
        self, picture: Picture, unit_noise: cascade.Draw, region: Region | None = None, threads: int | None = None
    ) -> Pixels:
        """The same from any unit noise: drawn in parts, which bounds memory, and by as many threads as allowed."""
        labelled = self._painted(picture, unit_noise, region, threads)
        return np.ascontiguousarray(labelled[..., : self.manifest.picture_channels])

    def labelled(
        self, size: Size | None = None, seed: int = 0, zoom: Zoom = "auto", start_scale: int = 0
    ) -> tuple[Pixels, Pixels]:
        """The picture of a seed as sample draws it, uint8 (h, w, 3), and its masks, uint8 (h, w, labels) of 0 or 255.

        Masks are in the order of manifest.labels. Raises RequestError, also for a model without labels.
        """
        self.check_labels()
        picture = self.picture(size, zoom, start_scale)
        self.check_pixels(picture.size)
        check_seed(seed)
        both = self._painted(picture, self.fresh(seed), None, None)
        return np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3:])

    def check_labels(self) -> None:
        """Raise RequestError if the model has no labels."""
        if not self.manifest.labels:
            raise RequestError(
                f"{self.manifest.name}: this model has no labels; train one with 'singan train PHOTO --mask MASK'"
            )

    def _painted(
        self, picture: Picture, unit_noise: cascade.Draw, region: Region | None, threads: int | None
    ) -> Pixels:
        """Pixels with the masks as further channels."""
        region = region or windows.whole(picture.size)
        (top, bottom), (left, right) = region
        pixels = np.empty((bottom - top, right - left, self.manifest.channels), np.uint8)
        colours = self.manifest.picture_channels

        def paint(tile: Region) -> None:
            rows, columns = tile
            image = self.draw(picture, unit_noise, tile)
            part = pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            part[..., :colours] = self.shown(image)[0]
            part[..., colours:] = images.to_masks(image[:, colours:])[0]

        threads = threads or self.graphs.threads
        tiles = list(windows.tiles(region, *parts((bottom - top, right - left), threads)))
        if threads == 1 or len(tiles) == 1:
            for tile in tiles:
                paint(tile)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(paint, tiles))
        return pixels

    def check_pixels(self, size: Size) -> None:
        """Raise RequestError if so many pixels may not be held at once."""
        if size[0] * size[1] > self.max_pixels:
            raise RequestError(
                f"{size[1]}x{size[0]} is {size[0] * size[1]} pixels, over the limit of {self.max_pixels}; "
                "ask for less or raise the limit (--max-pixels)"
            )

    def reconstruct(self) -> Pixels:
        """The training photo as the model knows it, uint8 (H_N, W_N, C)."""
        return self.shown(self.reconstruction(len(self.manifest.shapes)))[0]

    def shown(self, image: Floats) -> Pixels:
        """Pixels, uint8 (B, H, W, 1, 3 or 4), of what the generators draw, (B, C, H, W), without its labels."""
        return images.to_pixels(image[:, : self.manifest.picture_channels])

    def reconstruction(self, scales: int) -> Floats:
        """The reconstruction of the first scales at their trained sizes, float (1, C, H, W)."""

        def no_noise_but_z(step: Step) -> Floats:
            height, width = step.canvas
            if step.index == 0:
                return self.fill(self.reconstruction_noise) * np.float32(self.manifest.noise_amplitude[0])
            return np.zeros((1, self.manifest.channels, height + 2 * HALO, width + 2 * HALO), np.float32)

        return cascade.run(self.manifest.pyramid.passes[:scales], self.graphs.generate, no_noise_but_z)

    def draw(self, picture: Picture, unit_noise: cascade.Draw, region: Region | None = None) -> Floats:
        """A region of the picture (all of it, unless given), float (1, C, h, w), from unit noise per step."""
        return self.draw_with(self.graphs.generate, picture, unit_noise, region)

    def draw_with(
        self, generate: cascade.Generate, picture: Picture, unit_noise: cascade.Draw, region: Region | None = None
    ) -> Floats:
        """The same with other generators of this pyramid."""

        def scaled(step: Step) -> Floats:
            return unit_noise(step) * np.float32(self.manifest.noise_amplitude[step.generator])

        return cascade.run(picture.passes, generate, scaled, picture.base, region, picture.wrap, picture.adjust)

    def fresh(self, seed: int, frame: int = 0, wrap: Wrap = (False, False)) -> cascade.Draw:
        """Unit noise of the field for every step, (1, C, h+10, w+10), its rim following the border mode."""
        border = self.manifest.border

        def unit_noise(step: Step) -> Floats:
            channels = self.manifest.noise_channels[step.generator]
            return self.fill(noise.of_region(seed, step.index, frame, channels, step.canvas, step.drawn, border, wrap))

        return unit_noise

    def fill(self, values: Floats) -> Floats:
        """Noise (1 or C, H, W) as (1, C, H, W)."""
        return np.broadcast_to(values[None], (1, self.manifest.channels, *values.shape[1:]))


def in_order(draw: Callable[[int], Pixels], count: int, threads: int) -> Iterator[Pixels]:
    """draw(0), draw(1), ...: drawn side by side, one more than there are threads at most waiting to be taken.

    A thread with a picture of its own has no halo to share with its neighbour, as parts of one picture would have.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Pixels]] = deque()
        try:
            for number in range(count):
                waiting.append(pool.submit(draw, number))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def parts(size: Size, threads: int) -> tuple[int, int]:
    """How many parts (down, across) a picture is drawn in: one a thread unless they would be mostly halo or too large.

    Of the ways to cut it, the one with the shortest cuts: what lies along them is drawn on both sides.
    """
    height, width = size
    most_down, most_across = (max(1, min(threads, side // SMALLEST_TILE)) for side in size)
    grids = itertools.product(range(1, most_down + 1), range(1, most_across + 1))
    fair = [(down, across) for down, across in grids if down * across <= threads]
    down, across = max(fair, key=lambda grid: (grid[0] * grid[1], -(grid[0] * width + grid[1] * height)))
    return max(down, math.ceil(height / TILE)), max(across, math.ceil(width / TILE))


def graphs_folder(bundle: Path, found: Manifest, precision: str) -> Path:
    """Where the graphs of a precision are. Raises RequestError for an unknown one, BundleError for one not there."""
    if precision not in PRECISIONS:
        raise RequestError(f"unknown precision {precision!r}: choose {', '.join(PRECISIONS)}")
    if precision == "fp32":
        return bundle
    if f"{precision}/{graph_name(0)}" not in found.files:
        raise BundleError(
            f"{bundle}: has no {precision} graphs; add them with 'singan export {bundle} --precision {precision}'"
        )
    return bundle / precision


def check_seed(seed: int, count: int = 1) -> None:
    """Raise RequestError unless seed .. seed + count - 1 are 64-bit numbers."""
    if not 0 <= seed <= noise.SEED_LIMIT - count:
        raise RequestError(f"seed {seed} is not possible: it must be 0 to {noise.SEED_LIMIT - count}")
