"""Clips with detail: one finished picture, moved as the generators' own small clip moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade
from singan_core.detail import resize
from singan_core.detail.photo import premultiplied, straight
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, whole
from singan_runtime import masks, objects, warp
from singan_runtime.flow import find_flow
from singan_runtime.lines import find_freedom
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler, hand_over

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]
Places = NDArray[np.int32]

BORDER = 0.02  # of the longer side: how far what stands still fades out
RIM = 3  # px of the hand-over: so near to an edge of the picture motion across it fades out
_STRIP = 32  # rows at once, so that what is in work stays in the processor's cache
_FINE = 4096  # steps of a value before it is enlarged


class Motion:
    """A picture with detail, finished once, whose frames show it moved: each a function of its own noise alone.

    What moves it is the optical flow from the picture's own hand-over to a frame's. Straight lines and kept objects
    stand still, and nothing comes in over an edge. The flow is rounded to 1/16 px of the picture: equal bytes on every
    processor.
    """

    def __init__(self, sampler: Sampler, picture: Picture, first: cascade.Draw) -> None:
        """Draw the picture from the first frame's unit noise."""
        assert picture.fit is not None
        self.sampler, self.picture, self.first = sampler, picture, sampler.painted(picture, first)
        self.handed = self._hand_over(first)
        self.fit, self.size = picture.fit, picture.size
        sides = zip(self.fit.whole, self.handed.shape[:2], strict=True)
        self.scales = [
            side / small for side, small in sides
        ]  # px of the picture per px of the hand-over

        shown = premultiplied(self.first)
        cells = [
            max(1, math.floor(side / by + 0.5))
            for side, by in zip(self.size, self.scales, strict=True)
        ]
        self._freedom = Enlarged(
            find_freedom(shown, (cells[0], cells[1])), self.size, whole(self.size)
        )
        self._rims = [
            _fade(side, RIM * by) for side, by in zip(self.size, self.scales, strict=True)
        ]
        self._around = None  # how freely kept objects let pixels move, (h, w)
        if picture.kept:
            self._around = 1 - masks.feathered(
                objects.cover(picture), round(BORDER * max(self.size))
            )
        self._fine = warp.double(shown)

    def frame(self, unit_noise: cascade.Draw) -> Pixels:
        """Draw the frame of a noise, uint8 (h, w, C); by the calling thread alone."""
        handed = self._hand_over(unit_noise)
        if np.array_equal(handed, self.handed):
            return self.first
        top, left = (Span(*span) for span in self.fit.window)
        down, across = (
            Enlarged(one, self.fit.whole, (top, left)) for one in find_flow(handed, self.handed)
        )

        frame = np.empty_like(self.first)
        for start in range(0, self.size[0], _STRIP):
            part = Span(start, min(start + _STRIP, self.size[0]))
            frame[slice(*part)] = warp.move(
                self._fine, frame.shape[2], *self._places(down, across, part)
            )
        return straight(frame)

    def _hand_over(self, unit_noise: cascade.Draw) -> Pixels:
        return hand_over(self.sampler.run_generators(self.picture, unit_noise))

    def _places(self, down: Enlarged, across: Enlarged, part: Span) -> tuple[Places, Places]:
        """The rows and columns of the picture, in 1/16 px, that the rows of a part show."""
        share = self._freedom.rows(part) * warp.UNIT
        if self._around is not None:
            share *= self._around[slice(*part)]
        rows = down.rows(part) * share * self.scales[0] * self._rims[0][slice(*part), None]
        columns = across.rows(part) * share * self.scales[1] * self._rims[1]

        own = np.arange(*part)[:, None], np.arange(self.size[1])
        moved = (
            warp.UNIT * here + np.floor(by + 0.5)
            for here, by in zip(own, (rows, columns), strict=True)
        )
        y, x = (place.astype(np.int32) for place in moved)
        return y, x


class Enlarged:
    """Values (h, w), within -8..8, enlarged to a whole, of whose window any rows can be had.

    Values and weights are whole numbers until the sums are done: no order of addition can change a bit.
    """

    def __init__(self, values: Values, size: Size, window: Region) -> None:
        across = resize.taps(values.shape[1], size[1], False, *window[1])
        steps = np.floor(values * _FINE + 0.5)
        self._wide = (steps[:, across.indices] * across.weights).sum(axis=2)
        self._down = resize.taps(values.shape[0], size[0], False, *window[0])

    def rows(self, part: Span) -> Values:
        """The part's rows of the window, (rows, columns)."""
        indices, weights = self._down.indices[slice(*part)], self._down.weights[slice(*part)]
        low, high = int(indices.min()), int(indices.max()) + 1
        matrix = np.zeros((part.length, high - low))
        np.add.at(matrix, (np.arange(part.length)[:, None], indices - low), weights)
        return (matrix @ self._wide[low:high]) / (_FINE * resize.UNIT**2)


def _fade(length: int, reach: float) -> Values:
    """0 at both ends of an axis, 1 from a reach (px) on."""
    positions = np.arange(length)
    return np.minimum(np.minimum(positions, positions[::-1]) / reach, 1.0)
