"""Sampler: pictures of any exact size from a bundle."""

from __future__ import annotations

import operator
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, images, manifest, noise, pyramid, windows
from singan_core.detail import store
from singan_core.detail.drawing import Drawing, Still
from singan_core.detail.labels import Labels
from singan_core.detail.photo import Photo
from singan_core.detail.search import Weights
from singan_core.errors import BundleError, RequestError
from singan_core.file_names import DOUBLE as DOUBLE
from singan_core.file_names import RECONSTRUCTION_NOISE as RECONSTRUCTION_NOISE
from singan_core.manifest import Manifest
from singan_core.pyramid import MAX_PIXELS, Fit, Pass, Size, Zoom
from singan_core.windows import Region, Span, Step, Wrap
from singan_runtime import heap, objects
from singan_runtime.graphs import Generators, Graphs, graph_name
from singan_runtime.objects import Keep
from singan_runtime.picture import TILE, Picture, in_order, parts

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
PRECISIONS = (DOUBLE, "fp32", "fp16", "int8")
KEPT_SIZES = 2  # whose finest level's tables are kept: about 40 bytes a pixel
KEPT_PICTURES = 4  # whose hand-over and searched levels are kept, for their other windows and tiles
TILEABLE = ("", "x", "y", "xy")
MOST_VARIATION = 10


class Sampler:
    """Draws new pictures of the scene that a bundle was trained on; the same seed gives the same picture."""

    def __init__(
        self,
        manifest: Manifest,
        graphs: Generators,
        reconstruction_noise: Floats,
        max_pixels: int,
        photo: Photo | None = None,
        masks: NDArray[np.bool_] | None = None,
    ) -> None:
        self.manifest = manifest
        self.graphs = graphs
        self.reconstruction_noise = reconstruction_noise  # z*, (1, H0+10, W0+10)
        self.max_pixels = max_pixels
        self.photo = photo  # for the detail levels; None where generators draw everything
        self.masks = masks  # (H_N, W_N, labels), of the photo
        self.labels = None if masks is None else Labels(masks)  # the same, to be looked up
        self._pictures: OrderedDict[tuple[object, ...], Picture] = OrderedDict()
        self._drawings: OrderedDict[tuple[int, int], tuple[Picture, Drawing]] = OrderedDict()
        self._photos: OrderedDict[tuple[Size, ...], Photo] = OrderedDict()
        self._keeping = threading.RLock()

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "auto",
        threads: int | None = None,
        max_pixels: int = MAX_PIXELS,
        precision: str = "auto",
    ) -> Sampler:
        """Open a bundle folder; device auto, cpu, cuda or cuda:N; precision auto, or one that the bundle has.

        Auto is fp64 where the photo supplies the detail, else fp32. Raises BundleError, RequestError or InstallError.
        """
        heap.share()
        folder = Path(path)
        found = manifest.read(folder, "bundle")
        if precision == "auto":
            precision = DOUBLE if found.detail else "fp32"
        graphs = Graphs(graphs_folder(folder, found, precision), device, threads)
        graphs.session(0)  # a missing runtime or provider is said at once
        if precision == "fp16" and graphs.provider == "CPUExecutionProvider":
            warnings.warn(
                "fp16 is slower than fp32 on a CPU: leave it to GPUs and the web", stacklevel=2
            )
        noise = np.load(folder / RECONSTRUCTION_NOISE, allow_pickle=False)
        return cls(found, graphs, noise, max_pixels, *store.read(folder, found))

    def without_detail(self) -> Sampler:
        """The generators alone, in the bundle's fp32 graphs unless they are of a lower precision."""
        if self.photo is None:
            return self
        graphs = self.graphs
        if isinstance(graphs, Graphs) and graphs.folder.name == DOUBLE:
            graphs = Graphs(graphs.folder.parent, graphs.device, graphs.threads)
        return Sampler(self.manifest.generators, graphs, self.reconstruction_noise, self.max_pixels)

    @property
    def trained_size(self) -> Size:
        """(height, width) of the finest scale: with detail the photo's own."""
        return self.manifest.pyramid.finest

    def size_within(self, most: int) -> Size:
        """The trained size, with detail reduced to sides of at most so many px, even ones, as films want them."""
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
        """What draws a picture of the size; None is the trained size. Raises RequestError."""
        size = (
            self.trained_size
            if size is None
            else (operator.index(size[0]), operator.index(size[1]))
        )
        fit = pyramid.fit(self.manifest.pyramid, size, zoom, wrap)
        last = max(step.generator for step in fit.passes if not step.beyond)
        if not 0 <= start_scale <= last:
            raise RequestError(
                f"start scale {start_scale} is not possible: this size and zoom use scales 0 to {last}"
            )
        return fit

    def passes(
        self, size: Size | None = None, zoom: Zoom = "auto", start_scale: int = 0
    ) -> tuple[Pass, ...]:
        """The generators' passes that draw a picture of the size; None is the trained size. Raises RequestError."""
        return self.fit(size, zoom, start_scale).passes

    def picture(
        self,
        size: Size | None = None,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        tileable: str = "",
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Picture:
        """A picture of exactly size (height, width), yet without its noise. Raises RequestError."""
        asked = (size, zoom, start_scale, tileable, variation, keep)
        with self._keeping:
            if asked in self._pictures:
                return self._pictures[asked]
        wrap = read_wrap(tileable)
        fit = self.fit(size, zoom, start_scale, wrap)
        if tileable and start_scale:
            raise RequestError(
                f"a tileable picture needs start scale 0, not {start_scale}: the photo is not seamless"
            )
        base = self.reconstruction(start_scale) if start_scale else None
        amplitudes = self.amplitudes(start_scale, variation)
        made = replace(Picture.of(fit, start_scale, base, wrap), amplitudes=amplitudes)
        if keep:
            made = self.with_kept(made, keep)
        with self._keeping:
            self._pictures[asked] = made
            if len(self._pictures) > KEPT_PICTURES:
                self._pictures.popitem(last=False)
        return made

    def read_keep(
        self, names: Sequence[str], places: Sequence[tuple[float | None, float | None]] = ()
    ) -> tuple[Keep, ...]:
        """Read objects to keep: labels of the model, 'alpha' or mask files, and the place (x, y) of each, if any.

        Raises RequestError or ImageError.
        """
        alpha = None
        if self.photo is not None and self.photo.pixels.shape[2] == 4:
            alpha = self.photo.pixels[..., 3] > 127
        return objects.read(self.manifest, names, places, self.masks, alpha)

    def with_kept(self, picture: Picture, keep: Sequence[Keep]) -> Picture:
        """The same picture, in which objects of the photo stand as they are. Raises RequestError."""
        if picture.fit is None:
            raise RequestError(
                f"{self.manifest.name}: this model draws without the photo's detail and cannot keep objects: "
                "train it without --no-detail"
            )
        kept = objects.place(keep, picture.fit, self.trained_size)
        adjust = objects.put_into_passes(kept, self.known_photo(), self.manifest.shapes)
        return replace(picture, kept=kept, adjust=adjust)

    def amplitudes(self, start_scale: int = 0, variation: float = 1.0) -> tuple[float, ...]:
        """The amplitude of every generator's noise in a picture of the photo's scene from a start scale on.

        That of the start scale may be stronger than in training, so that pictures differ visibly; variation multiplies
        all. Raises RequestError unless variation is 0 to 10.
        """
        if not 0 <= variation <= MOST_VARIATION:
            raise RequestError(
                f"variation {variation:g} is not possible: it must be 0 to {MOST_VARIATION}"
            )
        values = list(self.manifest.noise_amplitude)
        if self.manifest.detail is not None and self.manifest.detail.start_amplitude:
            values[start_scale] = self.manifest.detail.start_amplitude[start_scale]
        return tuple(variation * value for value in values)

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
        """New pictures, uint8 (count, h, w, C), of exactly size (height, width); picture i has seed + i.

        Zoom says how large content is drawn (auto keeps the composition, area its area); from start_scale on noise is
        fresh, below it the photo's own structure is kept; tileable x, y or xy repeats without a seam; variation
        multiplies the noise, 0 to 10; objects to keep stand in every picture as they are. Raises RequestError.
        """
        if count < 1:
            raise RequestError(f"count {count} is not possible: ask for 1 picture or more")
        return np.concatenate(
            list(self.each(size, seed, count, zoom, start_scale, tileable, variation, keep))
        )

    def each(
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
        """The pictures of sample one by one, (1, h, w, C) each, so that memory does not grow with count."""
        picture = self.picture(size, zoom, start_scale, tileable, variation, keep)
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
        variation: float = 1.0,
        keep: tuple[Keep, ...] = (),
    ) -> Pixels:
        """Exactly the pixels (h, w, C) that the picture of the size has in the window (y, x, h, w).

        Only what the window needs is drawn, at every scale. Raises RequestError if the window is not inside.
        """
        region = self.region(size, window)
        self.check_pixels((window[2], window[3]))
        picture = self.picture(size, zoom, start_scale, tileable, variation, keep)
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

    def series(
        self, picture: Picture, seeds: Sequence[int], region: Region | None = None
    ) -> Iterator[Pixels]:
        """The pixels for seed after seed; of small pictures every thread draws one, and those next are drawn ahead."""
        rows, columns = region or windows.whole(picture.size)
        threads = self.graphs.threads
        if min(threads, len(seeds)) == 1 or max(rows.length, columns.length) > TILE:
            for seed in seeds:
                yield self.pixels(picture, seed, region)
        else:
            yield from in_order(
                lambda n: self.pixels(picture, seeds[n], region, threads=1), len(seeds), threads
            )

    def pixels(
        self, picture: Picture, seed: int, region: Region | None = None, threads: int | None = None
    ) -> Pixels:
        """A region of the picture (all of it, unless given), uint8 (h, w, C)."""
        return self.colours(self.seeded(picture, seed, region, threads))

    def seeded(
        self, picture: Picture, seed: int, region: Region | None = None, threads: int | None = None
    ) -> Pixels:
        """The same with the masks, 0 or 255, as further channels."""
        unit_noise = self.fresh(seed, wrap=picture.wrap)
        if picture.fit is None:
            pixels = self._painted(picture, unit_noise, region, threads)
        else:
            pixels = self._detailed(
                picture, self._kept_drawing(picture, seed, threads), region, threads
            )
        heap.trim()
        return pixels

    def painted(
        self,
        picture: Picture,
        unit_noise: cascade.Draw,
        region: Region | None = None,
        threads: int | None = None,
    ) -> Pixels:
        """The same from any unit noise: drawn in parts, which bounds memory, and by as many threads as allowed."""
        if picture.fit is not None:
            return self.colours(
                self._detailed(picture, self.drawing(picture, unit_noise, threads), region, threads)
            )
        return self.colours(self._painted(picture, unit_noise, region, threads))

    def colours(self, labelled: Pixels) -> Pixels:
        """The pixels without the masks."""
        return np.ascontiguousarray(labelled[..., : self.manifest.picture_channels])

    def labelled(
        self,
        size: Size | None = None,
        seed: int = 0,
        zoom: Zoom = "auto",
        start_scale: int = 0,
        keep: tuple[Keep, ...] = (),
    ) -> tuple[Pixels, Pixels]:
        """The picture of a seed as sample draws it, uint8 (h, w, 3), and its masks, uint8 (h, w, labels) of 0 or 255.

        Masks are in the order of manifest.labels. Raises RequestError, also for a model without labels.
        """
        self.check_labels()
        picture = self.picture(size, zoom, start_scale, keep=keep)
        self.check_pixels(picture.size)
        check_seed(seed)
        both = self.seeded(picture, seed)
        return np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3:])

    def traced(self, picture: Picture, seed: int) -> tuple[Pixels, NDArray[np.int32]]:
        """A picture with detail and its map: pixels (h, w, C), and the (row, column) of the photo, (h, w, 2), that each
        shows, at the size of the level that drew it.
        """
        assert picture.fit is not None
        drawing, fit = self._kept_drawing(picture, seed), picture.fit
        rows, columns = (Span(*span) for span in fit.window)
        drawn = drawing.resampled((rows, columns), fit.whole)
        return drawn.pixels, np.stack([drawn.map.rows, drawn.map.columns], axis=2)

    def check_labels(self) -> None:
        """Raise RequestError if the model has no labels."""
        if not self.manifest.labels:
            raise RequestError(
                f"{self.manifest.name}: this model has no labels; train one with 'singan train PHOTO --mask MASK'"
            )

    def drawing(
        self, picture: Picture, unit_noise: cascade.Draw, threads: int | None = None
    ) -> Drawing:
        """The detail levels of a picture, with what the generators hand over, from unit noise per step."""
        assert (
            picture.fit is not None and self.photo is not None and self.manifest.detail is not None
        )

        def guide(region: Region) -> Pixels:
            if picture.passes:
                return hand_over(self.draw(picture, unit_noise, region))
            assert picture.base is not None
            return hand_over(picture.base[..., slice(*region[0]), slice(*region[1])])

        detail = self.manifest.detail
        weights = Weights(
            position=detail.position if picture.position is None else picture.position
        )
        many = threads or self.graphs.threads
        photo = self._photo_at(picture.fit.photo_sizes)
        fit = picture.fit
        drawn = picture.wrap, picture.first, many, picture.kept, picture.original
        return Drawing(photo, fit.levels, guide, weights, *drawn)

    def _photo_at(self, sizes: tuple[Size, ...]) -> Photo:
        """The photo at the sizes of a picture's levels; those of the last few sizes are kept."""
        assert self.photo is not None
        with self._keeping:
            if sizes not in self._photos:
                self._photos[sizes] = self.photo.resized(sizes)
                if len(self._photos) > KEPT_SIZES:
                    self._photos.popitem(last=False)
            self._photos.move_to_end(sizes)
            return self._photos[sizes]

    def _kept_drawing(self, picture: Picture, seed: int, threads: int | None = None) -> Drawing:
        """The drawing of a seed, kept for the picture's other windows and tiles."""
        key = (id(picture), seed)
        with self._keeping:
            if key not in self._drawings:
                self._drawings[key] = (
                    picture,
                    self.drawing(picture, self.fresh(seed, wrap=picture.wrap), threads),
                )
                if len(self._drawings) > KEPT_PICTURES:
                    self._drawings.popitem(last=False)
            return self._drawings[key][1]

    def _detailed(
        self, picture: Picture, drawing: Drawing, region: Region | None, threads: int | None
    ) -> Pixels:
        """Pixels with the masks as further channels, from the hand-over on."""
        assert picture.fit is not None
        fit = picture.fit
        channels = self.manifest.picture_channels

        def paint(tile: Region, part: Pixels) -> None:
            rows, columns = (span.moved(by) for span, by in zip(tile, fit.origin, strict=True))
            if self.labels is None:
                part[...] = drawing.resampled((rows, columns), fit.whole).pixels
            else:
                part[..., :channels], part[..., channels:] = self.labels.draw(
                    drawing, (rows, columns), fit.whole
                )

        if (threads or self.graphs.threads) > 1:
            with ThreadPoolExecutor(threads or self.graphs.threads) as pool:
                list(pool.map(lambda chore: chore(), drawing.chores))
        return self._in_parts(paint, region or windows.whole(picture.size), threads)

    def _painted(
        self, picture: Picture, unit_noise: cascade.Draw, region: Region | None, threads: int | None
    ) -> Pixels:
        """Pixels with the masks as further channels, where generators draw everything."""
        channels = self.manifest.picture_channels

        def paint(tile: Region, part: Pixels) -> None:
            image = self.draw(picture, unit_noise, tile)
            part[..., :channels] = self.shown(image)[0]
            part[..., channels:] = images.to_masks(image[:, channels:])[0]

        return self._in_parts(paint, region or windows.whole(picture.size), threads)

    def _in_parts(
        self, paint: Callable[[Region, Pixels], None], region: Region, threads: int | None
    ) -> Pixels:
        """A region, painted part by part, each thread at one."""
        (top, bottom), (left, right) = region
        channels = self.manifest.picture_channels + len(self.manifest.labels)
        pixels = np.empty((bottom - top, right - left, channels), np.uint8)

        def one(tile: Region) -> None:
            rows, columns = tile
            paint(
                tile,
                pixels[
                    rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
                ],
            )

        threads = threads or self.graphs.threads
        tiles = list(windows.tiles(region, *parts((bottom - top, right - left), threads)))
        if threads == 1 or len(tiles) == 1:
            for tile in tiles:
                one(tile)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(one, tiles))
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
        if self.photo is None:
            return self.shown(self.reconstruction(len(self.manifest.shapes)))[0]
        fit = self.fit(None, 1.0)
        picture = replace(
            Picture.of(fit, len(fit.passes)), base=self.reconstruction(len(fit.passes))
        )
        return self.painted(picture, self.fresh(0))

    def enlarged_photo(self, size: Size, wrap: Wrap = (False, False)) -> Pixels:
        """The stored photo itself at a size no smaller than its own, uint8 (h, w, C), with detail from around.

        Where opposite edges of the photo meet, they meet in the result.
        """
        assert self.photo is not None
        drawing = Still(self.photo, wrap)
        fit = Fit((), drawing.canvases, size, (0, 0), size, photo_sizes=self.photo.sizes)
        return self.colours(self._detailed(Picture.of(fit, wrap=wrap), drawing, None, None))

    def known_photo(self) -> Floats:
        """The training photo, float (1, C, H_N, W_N): the stored one, or without detail its reconstruction."""
        if self.photo is None:
            return self.reconstruction(len(self.manifest.shapes))
        return images.from_pixels(self.photo.pixels)

    def shown(self, image: Floats) -> Pixels:
        """Pixels, uint8 (B, H, W, 1, 3 or 4), of what the generators draw, (B, C, H, W), without its labels."""
        return images.to_pixels(image[:, : self.manifest.picture_channels])

    def reconstruction(self, scales: int) -> Floats:
        """The reconstruction of the first scales at their trained sizes, float (1, C, H, W)."""
        dtype = self.graphs.dtype

        def no_noise_but_z(step: Step) -> Floats:
            height, width = step.canvas
            if step.index == 0:
                return self.fill(self.reconstruction_noise.astype(dtype)) * dtype(
                    self.manifest.noise_amplitude[0]
                )
            return np.zeros((1, self.manifest.channels, height + 2 * HALO, width + 2 * HALO), dtype)

        return cascade.run(
            self.manifest.pyramid.passes[:scales], self.graphs.generate, no_noise_but_z
        )

    def draw(
        self, picture: Picture, unit_noise: cascade.Draw, region: Region | None = None
    ) -> Floats:
        """A region of the picture (all of it, unless given), float (1, C, h, w), from unit noise per step."""
        return self.draw_with(self.graphs.generate, picture, unit_noise, region)

    def draw_with(
        self,
        generate: cascade.Generate,
        picture: Picture,
        unit_noise: cascade.Draw,
        region: Region | None = None,
    ) -> Floats:
        """The same with other generators of this pyramid."""
        amplitudes = picture.amplitudes or self.manifest.noise_amplitude

        def scaled(step: Step) -> Floats:
            return unit_noise(step) * self.graphs.dtype(amplitudes[step.generator])

        return cascade.run(
            picture.passes, generate, scaled, picture.base, region, picture.wrap, picture.adjust
        )

    def fresh(self, seed: int, frame: int = 0, wrap: Wrap = (False, False)) -> cascade.Draw:
        """Unit noise of the field for every step, (1, C, h+10, w+10), its rim following the border mode."""
        border = self.manifest.border

        def unit_noise(step: Step) -> Floats:
            channels = self.manifest.noise_channels[step.generator]
            field = (seed, step.index, frame, channels, step.canvas, step.drawn, border, wrap)
            return self.fill(noise.of_region(*field, dtype=self.graphs.dtype))

        return unit_noise

    def fill(self, values: Floats) -> Floats:
        """Noise (1 or C, H, W) as (1, C, H, W)."""
        return np.broadcast_to(values[None], (1, self.manifest.channels, *values.shape[1:]))


def hand_over(image: Floats) -> Pixels:
    """What the generators drew, (1, C, H, W), rounded once to 8 bits, (h, w, C), premultiplied."""
    unit = (image[0].transpose(1, 2, 0) + 1) * 127.5
    return np.floor(unit + 0.5).clip(0, 255).astype(np.uint8)


def graphs_folder(bundle: Path, found: Manifest, precision: str) -> Path:
    """Where the graphs of a precision are. Raises RequestError for an unknown one, BundleError for one not there."""
    if precision not in PRECISIONS:
        raise RequestError(f"unknown precision {precision!r}: choose auto, {', '.join(PRECISIONS)}")
    if precision == "fp32":
        return bundle
    if f"{precision}/{graph_name(0)}" not in found.files:
        if precision == DOUBLE:
            raise BundleError(
                f"{bundle}: has no {DOUBLE} graphs, as a model without detail needs none; leave it out"
            )
        raise BundleError(
            f"{bundle}: has no {precision} graphs; add them with 'singan export {bundle} --precision {precision}'"
        )
    return bundle / precision


def read_wrap(tileable: str) -> Wrap:
    """Read which axes, down and across, repeat without a seam. Raises RequestError unless it is x, y, xy or nothing."""
    if tileable not in TILEABLE:
        raise RequestError(f"tileable {tileable!r} is not possible: choose x, y or xy")
    return "y" in tileable, "x" in tileable


def check_seed(seed: int, count: int = 1) -> None:
    """Raise RequestError unless seed .. seed + count - 1 are 64-bit numbers."""
    if not 0 <= seed <= noise.SEED_LIMIT - count:
        raise RequestError(
            f"seed {seed} is not possible: it must be 0 to {noise.SEED_LIMIT - count}"
        )
