"""From a plan and its noise to pixels: by tiles and threads, with detail levels and labels."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, fitting, images, noise, windows
from singan_core.arrays import Floats, Pixels
from singan_core.detail.drawing import Drawing, PhotoDrawing
from singan_core.detail.labels import Labels
from singan_core.detail.photo import Photo
from singan_core.detail.search import Weights
from singan_core.fitting import Fit
from singan_core.identity import compute_identity
from singan_core.manifest import Manifest
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Step, Wrap
from singan_runtime import heap, parallel
from singan_runtime.device_images import DeviceCascade, can_stay, open_cascade
from singan_runtime.graphs import Generators
from singan_runtime.hand_over import make_guide
from singan_runtime.parallel import Paint, draw_in_order, draw_tiles, run_together
from singan_runtime.plan import Plan
from singan_runtime.recent import Recent

KEPT_SIZES = 2  # sizes whose finest level's tables are kept: about 40 bytes a pixel
KEPT_PICTURES = 4  # pictures whose hand-over and searched levels are kept, for windows and tiles


class Renderer:
    """Draws pictures from their plans and noise, with a bundle's graphs and photo."""

    def __init__(
        self,
        manifest: Manifest,
        graphs: Generators,
        reconstruction_noise: Floats,
        photo: Photo | None = None,
        masks: NDArray[np.bool_] | None = None,
    ) -> None:
        self.manifest = manifest
        self.graphs = graphs
        self.reconstruction_noise = reconstruction_noise  # z*, (1, H0+10, W0+10)
        self.photo = photo  # for the detail levels; None where generators draw everything
        self.masks = masks  # of the photo, (H_N, W_N, labels)
        self.labels = None if masks is None else Labels(masks)  # looked up for drawn pictures
        self._drawings: Recent[tuple[Plan, int], Drawing] = Recent(KEPT_PICTURES)
        self._photos: Recent[tuple[Size, ...], Photo] = Recent(KEPT_SIZES)

    precision = ""
    """The precision of the graphs that draw, if it is known."""

    @functools.cached_property
    def identity(self) -> str:
        """The digest of all in the model that decides pixels (singan_core.identity)."""
        return compute_identity(self.manifest, self.masks)

    # Pixels of a plan

    def draw_series(
        self, picture: Plan, seeds: Sequence[int], region: Region | None = None
    ) -> Iterator[Pixels]:
        """Draw the picture of seed after seed, uint8 (h, w, C), or a region of each.

        Small pictures are drawn ahead, each by a thread of its own.
        """
        rows, columns = region or windows.cover_canvas(picture.size)
        threads = self.graphs.threads

        if min(threads, len(seeds)) == 1 or max(rows.length, columns.length) > parallel.TILE:
            for seed in seeds:
                yield self.draw_pixels(picture, seed, region)
            return
        yield from draw_in_order(
            lambda n: self.draw_pixels(picture, seeds[n], region, threads=1), len(seeds), threads
        )

    def draw_pixels(
        self, picture: Plan, seed: int, region: Region | None = None, threads: int | None = None
    ) -> Pixels:
        """Draw the picture of a seed, or a region of it, uint8 (h, w, C)."""
        return self.remove_masks(self.draw_with_masks(picture, seed, region, threads))

    def draw_with_masks(
        self, picture: Plan, seed: int, region: Region | None = None, threads: int | None = None
    ) -> Pixels:
        """Draw the picture of a seed with its masks, 0 or 255, as further channels."""
        if picture.fit is None:
            unit_noise = self.create_noise(seed, wrap=picture.wrap)
            pixels = self._draw_generated(picture, unit_noise, region, threads)
        else:
            drawing = self._find_drawing(picture, seed, threads)
            pixels = self._draw_detailed(picture.fit, drawing, region, threads)
        heap.trim()
        return pixels

    def draw_from_noise(
        self,
        picture: Plan,
        unit_noise: cascade.Draw,
        region: Region | None = None,
        threads: int | None = None,
    ) -> Pixels:
        """Draw a picture, or a region of it, uint8 (h, w, C), from any unit noise."""
        return self.remove_masks(self.draw_noise_with_masks(picture, unit_noise, region, threads))

    def draw_noise_with_masks(
        self,
        picture: Plan,
        unit_noise: cascade.Draw,
        region: Region | None = None,
        threads: int | None = None,
    ) -> Pixels:
        """Draw a picture from any unit noise with its masks, 0 or 255, as further channels."""
        if picture.fit is None:
            pixels = self._draw_generated(picture, unit_noise, region, threads)
        else:
            drawing = self.begin_drawing(picture, unit_noise, threads)
            pixels = self._draw_detailed(picture.fit, drawing, region, threads)
        heap.trim()
        return pixels

    def draw_with_map(self, picture: Plan, seed: int) -> tuple[Pixels, NDArray[np.int32]]:
        """Draw a picture with detail, uint8 (h, w, C), and its map, (h, w, 2).

        The map holds the (row, column) of the photo that each pixel shows, at the size of the level
        that drew it.
        """
        assert picture.fit is not None
        drawing = self._find_drawing(picture, seed)
        rows, columns = (Span(*span) for span in picture.fit.window)
        drawn = drawing.draw_resampled((rows, columns), picture.fit.whole)
        return drawn.pixels, np.stack([drawn.map.rows, drawn.map.columns], axis=2)

    def remove_masks(self, labelled: Pixels) -> Pixels:
        """Return the pixels without the masks."""
        return np.ascontiguousarray(labelled[..., : self.manifest.picture_channels])

    # The photo

    def reconstruct(self) -> Pixels:
        """Draw the training photo as the model knows it, uint8 (H_N, W_N, C)."""
        if self.photo is None:
            return self.to_pixels(self.get_photo())[0]

        trained = self.manifest.pyramid
        passes = len(trained.passes)
        fit = fitting.fit(trained, trained.finest, 1.0)
        plan = Plan.of(fit, passes, self.reconstruct_scales(passes))
        return self.draw_from_noise(plan, self.create_noise(0))

    def reconstruct_scales(self, scales: int) -> Floats:
        """Reconstruct the first scales at their trained sizes, float (1, C, H, W)."""
        dtype, amplitude = self.graphs.dtype, self.manifest.noise_amplitude[0]

        def create_noise(step: Step) -> Floats:
            """Create z* at the coarsest scale and no noise at all others."""
            height, width = step.canvas
            if step.index == 0:
                return self.repeat_channels(self.reconstruction_noise.astype(dtype)) * dtype(
                    amplitude
                )
            return np.zeros((1, self.manifest.channels, height + 2 * HALO, width + 2 * HALO), dtype)

        passes = self.manifest.pyramid.passes[:scales]
        return cascade.run(passes, self.graphs.generate, create_noise)

    def get_photo(self) -> Floats:
        """Return the training photo, float (1, C, H_N, W_N).

        Without detail, where it is not stored, it is the reconstruction.
        """
        if self.photo is None:
            return self.reconstruct_scales(len(self.manifest.shapes))
        return images.to_floats(self.photo.pixels)

    def enlarge_photo(self, size: Size, wrap: Wrap = (False, False)) -> Pixels:
        """Enlarge the stored photo to a size no smaller than its own, uint8 (h, w, C).

        What is finer than the photo is made of its own patches. Along an axis that wraps opposite
        edges meet, as they do in the photo.
        """
        assert self.photo is not None
        drawing = PhotoDrawing(self.photo, wrap)
        fit = Fit((), drawing.canvases, size, (0, 0), size, photo_sizes=self.photo.sizes)
        return self.remove_masks(self._draw_detailed(fit, drawing, None, None))

    # Generators and noise

    def run_generators(
        self,
        picture: Plan,
        unit_noise: cascade.Draw,
        region: Region | None = None,
        generate: cascade.Generate | None = None,
    ) -> Floats:
        """Draw what the generators make of a picture, or a region of it, float (1, C, h, w).

        Other generators of the same pyramid may take the place of the bundle's own.
        """
        amplitudes = picture.amplitudes or self.manifest.noise_amplitude

        def scale_noise(step: Step) -> Floats:
            return unit_noise(step) * self.graphs.dtype(amplitudes[step.generator])

        if generate is None and self._device_cascade is not None and can_stay(picture):
            return self._device_cascade.run(picture, scale_noise, region)
        generate = generate or self.graphs.generate
        base, wrap, adjust = picture.base, picture.wrap, picture.adjust
        return cascade.run(picture.passes, generate, scale_noise, base, region, wrap, adjust)

    @functools.cached_property
    def _device_cascade(self) -> DeviceCascade | None:
        return open_cascade(self.graphs)

    def create_noise(self, seed: int, frame: int = 0, wrap: Wrap = (False, False)) -> cascade.Draw:
        """Return what creates the unit noise of a seed for a step, (1, C, h+10, w+10)."""
        border = self.manifest.border

        def create_noise(step: Step) -> Floats:
            channels = self.manifest.noise_channels[step.generator]
            field = (seed, step.index, frame, channels, step.canvas, step.drawn, border, wrap)
            return self.repeat_channels(noise.draw_for_region(*field, dtype=self.graphs.dtype))

        return create_noise

    def repeat_channels(self, values: Floats) -> Floats:
        """Repeat noise (1 or C, H, W) to all channels, (1, C, H, W)."""
        return np.broadcast_to(values[None], (1, self.manifest.channels, *values.shape[1:]))

    def to_pixels(self, image: Floats) -> Pixels:
        """Convert what generators draw, (B, C, H, W), to pixels, (B, H, W, 1, 3 or 4).

        Label channels are left out.
        """
        return images.to_pixels(image[:, : self.manifest.picture_channels])

    # Detail levels

    def begin_drawing(
        self, picture: Plan, unit_noise: cascade.Draw, threads: int | None = None
    ) -> Drawing:
        """Begin the detail levels of a picture, whose generators draw from unit noise."""
        fit, detail = picture.fit, self.manifest.detail
        assert fit is not None and detail is not None

        def generate(region: Region) -> Floats:
            return self.run_generators(picture, unit_noise, region)

        position = detail.position if picture.position is None else picture.position
        return Drawing(
            self._resize_photo(fit.photo_sizes),
            fit.levels,
            make_guide(picture, fit.levels[picture.first], generate),
            Weights(position=position),
            picture.wrap,
            picture.first,
            threads or self.graphs.threads,
            picture.kept,
            picture.original,
            fit.entry,
        )

    def _find_drawing(self, picture: Plan, seed: int, threads: int | None = None) -> Drawing:
        """Find the drawing of a seed, or begin it and keep it for its other windows."""
        unit_noise = self.create_noise(seed, wrap=picture.wrap)
        return self._drawings.find(
            (picture, seed), lambda: self.begin_drawing(picture, unit_noise, threads)
        )

    def _resize_photo(self, sizes: tuple[Size, ...]) -> Photo:
        """Return the photo at the sizes of a picture's levels, and keep the last few."""
        photo = self.photo
        assert photo is not None
        return self._photos.find(sizes, lambda: photo.resized(sizes))

    # Tiles

    def _draw_generated(
        self, picture: Plan, unit_noise: cascade.Draw, region: Region | None, threads: int | None
    ) -> Pixels:
        """Draw a picture without detail, its masks as further channels."""
        channels = self.manifest.picture_channels

        def paint(tile: Region, target: Pixels) -> None:
            image = self.run_generators(picture, unit_noise, tile)
            target[..., :channels] = self.to_pixels(image)[0]
            target[..., channels:] = images.to_masks(image[:, channels:])[0]

        return self._draw_tiles(paint, region or windows.cover_canvas(picture.size), threads)

    def _draw_detailed(
        self, fit: Fit, drawing: Drawing, region: Region | None, threads: int | None
    ) -> Pixels:
        """Draw a picture from its hand-over on, its masks as further channels."""
        channels = self.manifest.picture_channels

        def paint(tile: Region, target: Pixels) -> None:
            rows, columns = (span.move(by) for span, by in zip(tile, fit.origin, strict=True))
            if self.labels is None:
                target[...] = drawing.draw_resampled((rows, columns), fit.whole).pixels
            else:
                target[..., :channels], target[..., channels:] = self.labels.draw(
                    drawing, (rows, columns), fit.whole
                )

        threads = threads or self.graphs.threads
        if threads > 1:
            run_together(drawing.chores, threads)
        return self._draw_tiles(paint, region or windows.cover_canvas(fit.size), threads)

    def _draw_tiles(self, paint: Paint, region: Region, threads: int | None) -> Pixels:
        channels = self.manifest.picture_channels + len(self.manifest.labels)
        return draw_tiles(paint, region, channels, threads or self.graphs.threads)
