"""Clips with detail: one finished picture, moved as the generators' own small clip moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade
from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.photo import premultiply, straighten
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, cover_canvas
from singan_runtime import masks, objects
from singan_runtime.clips import displacement
from singan_runtime.clips.flow import find_flow
from singan_runtime.clips.lines import find_freedom
from singan_runtime.hand_over import round_hand_over
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler

Values = NDArray[np.float64]
Places = NDArray[np.int32]

BORDER = 0.02  # of the longer side: the width over which motion fades beside what stands still
RIM = 3  # px of the hand-over: the width over which motion fades towards an edge of the picture
_STRIP = 32  # rows at once, so that they stay in the processor's cache
_FINE = 4096  # steps of a value before it is enlarged


class Motion:
    """A finished picture with detail, and its frames: each shows it moved as its own noise says.

    What moves it is the optical flow from the picture's own hand-over to a frame's. Straight lines
    and kept objects stand still, and nothing comes in over an edge. The flow is rounded to 1/16 px
    of the picture: equal bytes on every processor.
    """

    def __init__(self, sampler: Sampler, picture: Plan, first: cascade.Draw) -> None:
        """Draw the picture from the first frame's unit noise."""
        assert picture.fit is not None
        self.sampler, self.picture, self.first = (
            sampler,
            picture,
            sampler.draw_from_noise(picture, first),
        )
        self.handed = self._hand_over(first)
        self.fit, self.size = picture.fit, picture.size

        # Pixels of the picture per pixel of the hand-over.
        sides = zip(self.fit.whole, self.handed.shape[:2], strict=True)
        self.scales = [side / small for side, small in sides]

        opaque = premultiply(self.first)
        self._fine = displacement.double(opaque)
        self._freedom = self._find_freedom(opaque)
        self._rims = [
            _fade_in(side, RIM * by) for side, by in zip(self.size, self.scales, strict=True)
        ]
        self._around = None  # how freely kept objects let pixels move, (h, w)
        if picture.kept:
            reach = round(BORDER * max(self.size))
            self._around = 1 - masks.feather(objects.find_cover(picture), reach)

    def draw_frame(self, unit_noise: cascade.Draw) -> Pixels:
        """Draw the frame of a noise, uint8 (h, w, C), by the calling thread alone."""
        handed = self._hand_over(unit_noise)
        if np.array_equal(handed, self.handed):
            return self.first

        top, left = (Span(*span) for span in self.fit.window)
        flow = find_flow(handed, self.handed)
        down, across = (EnlargedField(one, self.fit.whole, (top, left)) for one in flow)

        frame = np.empty_like(self.first)
        for start in range(0, self.size[0], _STRIP):
            part = Span(start, min(start + _STRIP, self.size[0]))
            rows, columns = self._find_places(down, across, part)
            frame[slice(*part)] = displacement.move(self._fine, frame.shape[2], rows, columns)
        return straighten(frame)

    def _hand_over(self, unit_noise: cascade.Draw) -> Pixels:
        """Draw what the generators hand over of a noise, uint8 (h, w, C)."""
        return round_hand_over(self.sampler.run_generators(self.picture, unit_noise))

    def _find_freedom(self, picture: Pixels) -> EnlargedField:
        """Find how freely straight lines let each part of the picture move."""
        rows, columns = (
            max(1, math.floor(side / by + 0.5))
            for side, by in zip(self.size, self.scales, strict=True)
        )
        return EnlargedField(
            find_freedom(picture, (rows, columns)), self.size, cover_canvas(self.size)
        )

    def _find_places(
        self, down: EnlargedField, across: EnlargedField, part: Span
    ) -> tuple[Places, Places]:
        """Find the rows and columns of the picture, in 1/16 px, that the rows of a part show."""
        share = self._freedom.rows(part) * displacement.UNIT
        if self._around is not None:
            share *= self._around[slice(*part)]
        rows = down.rows(part) * share * self.scales[0] * self._rims[0][slice(*part), None]
        columns = across.rows(part) * share * self.scales[1] * self._rims[1]

        y = displacement.UNIT * np.arange(*part)[:, None] + np.floor(rows + 0.5)
        x = displacement.UNIT * np.arange(self.size[1]) + np.floor(columns + 0.5)
        return y.astype(np.int32), x.astype(np.int32)


class EnlargedField:
    """Values (h, w), within -8..8, enlarged to a whole, of whose window any rows can be computed.

    Values and weights are whole numbers until the sums are done: no order of addition can change a
    bit.
    """

    def __init__(self, values: Values, size: Size, window: Region) -> None:
        """Enlarge the columns.

        The rows are left for later.
        """
        across = resize.compute_taps(values.shape[1], size[1], False, *window[1])
        steps = np.floor(values * _FINE + 0.5)
        self._wide = (steps[:, across.indices] * across.weights).sum(axis=2)
        self._down = resize.compute_taps(values.shape[0], size[0], False, *window[0])

    def rows(self, part: Span) -> Values:
        """Compute a part of the window's rows, (rows, columns)."""
        indices, weights = self._down.indices[slice(*part)], self._down.weights[slice(*part)]
        low, high = int(indices.min()), int(indices.max()) + 1
        matrix = np.zeros((part.length, high - low))
        np.add.at(matrix, (np.arange(part.length)[:, None], indices - low), weights)
        return (matrix @ self._wide[low:high]) / (_FINE * resize.UNIT**2)


def _fade_in(length: int, reach: float) -> Values:
    """Compute weights along an axis: 0 at both ends, 1 from a reach (px) on."""
    positions = np.arange(length)
    return np.minimum(np.minimum(positions, positions[::-1]) / reach, 1.0)
