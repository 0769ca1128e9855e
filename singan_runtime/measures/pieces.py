"""How a picture is put together from the photo: the pieces, their joins, what repeats.

Such a picture comes with a map (h, w, 2): for every pixel the position (row, column) in the photo
that it shows, inside the photo. A piece is a 4-connected region of the picture whose pixels all
have the same offset, (row - y, column - x): one uninterrupted copy. The measures are ours;
docs/quality.md defines them for users.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.pyramid import Size
from singan_core.windows import Region
from singan_runtime.boxes import box_sums
from singan_runtime.connected import connect
from singan_runtime.measures.patches import PATCH

Map = NDArray[np.int32]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

REACH = PATCH // 2  # px from the middle of a patch to its edge
LEAST = 0.5 / 255  # half a grey level: rounding to 8 bits alone can put a copy this far off
FAR = 0.1
"""Share of the photo's height from which on a part stands elsewhere altogether."""
_INNER = (slice(REACH, -REACH), slice(REACH, -REACH))  # pixels whose patch is inside the picture


def repetition(positions: Map, photo_size: Size) -> float:
    """Measure how often a picture shows the same patches of the photo: 1 is the least possible.

    With n(p) the number of the picture's pixels that show position p of the photo, and m(p) the
    mean of n over the part of the 7x7 square around p that is inside the photo, this is the mean of
    m(p) over the picture's pixels, divided by the mean of n, which is the picture's area over the
    photo's.

    The positions are (h, w, 2), the photo's size is (height, width). The result is 1 if all of the
    photo is shown equally often, and about k if one k-th of the photo fills the whole picture.
    Within 3 px of an unused part m is lower than n, so that k comes out lower: by 0.9 per cent for
    each edge that a part 100 px across shares with unused ones. A picture smaller than the photo
    leaves parts of it out even if nothing repeats, so compare pictures of one size.
    """
    height, width = photo_size
    shown = positions[..., 0].astype(np.int64) * width + positions[..., 1]
    counts = np.bincount(shown.ravel(), minlength=height * width).reshape(height, width)

    means = _sum_within(counts) / _sum_within(np.ones(photo_size))
    return float(means.ravel()[shown].mean() / counts.mean())


def _sum_within(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum up the 7x7 square around every value of (H, W), without what lies beyond the edges."""
    padded = np.pad(values.astype(np.float64), REACH)
    return box_sums(padded, REACH)[_INNER]


def measure_areas(positions: Map) -> Integers:
    """Measure the area of every piece of a map (h, w, 2), in pixels.

    The areas are whole numbers from 1 on whose sum is h * w, in the reading order of the pieces'
    first pixels.
    """
    offsets = _encode_offsets(positions)

    # A run is a stretch of a row with one offset.
    starts = np.ones(offsets.shape, np.bool_)
    starts[:, 1:] = offsets[:, 1:] != offsets[:, :-1]
    runs = starts.cumsum().reshape(offsets.shape) - 1

    # Two runs above each other begin to overlap where one of them begins: one link for each pair.
    linked = (offsets[1:] == offsets[:-1]) & (starts[1:] | starts[:-1])
    firsts = connect(int(runs[-1, -1]) + 1, runs[:-1][linked], runs[1:][linked])

    lengths = np.diff(np.flatnonzero(starts), append=starts.size)
    areas = np.bincount(firsts, weights=lengths)
    return areas[areas > 0].astype(np.int64)


def piece_size(positions: Map) -> float:
    """Measure the usual size of a piece of a map (h, w, 2), in per cent of the picture, 0 to 100.

    This is the median of the pieces' areas weighted by area: of all pixels, ordered by the area of
    the piece that they lie in, the middle one's.
    """
    areas = np.sort(measure_areas(positions))
    reached = areas.cumsum()
    middle = int(np.searchsorted(reached, reached[-1] / 2))
    return float(100 * areas[middle] / reached[-1])


def copied_share(positions: Map) -> float:
    """Measure the share of the picture that its largest piece covers, of a map (h, w, 2).

    The result is above 0 and up to 1, which is one single copy of the photo.
    """
    areas = measure_areas(positions)
    return float(areas.max() / areas.sum())


def displacement(positions: Map, photo_size: Size, region: Region, canvas: Size) -> float:
    """Measure how far the parts of a picture stand from where the photo has them, 0 to 1.

    The positions (h, w, 2) are those of a region of a canvas (height, width). A pixel counts by the
    distance of its position from that at the same shares of the photo's sides: 1 from a tenth of
    the photo's height on. The result is the mean.
    """
    apart = []
    for axis, (span, side, length) in enumerate(zip(region, photo_size, canvas, strict=True)):
        places = (np.arange(*span) + 0.5) * side / length - 0.5
        apart.append(positions[..., axis] - (places[:, None] if axis == 0 else places))
    distances = np.hypot(*apart) / (FAR * photo_size[0])
    return float(np.minimum(distances, 1).mean())


def join_cost(photo: Pixels, sample: Pixels, positions: Map) -> float:
    """Measure how much worse the sample follows the photo at joins of its pieces than within them.

    The photo is uint8 (H, W, C), the sample uint8 (h, w, C), its map (h, w, 2). The patch distance
    at a pixel is the RMS difference, 0..1 per value, between the sample's 7x7 patch around it and
    the photo's around its position. The result is the mean at the joins (pixels beside one of
    another offset) over the mean within (farther than 3 px from any join, in rows and in columns):
    0 or more, and 0 without any joins.

    The divisor is at least half a grey level, which exact copies would otherwise make 0, and is
    that half if no pixel lies so far within. Pixels whose patch reaches beyond the sample are left
    out of both means; the photo's patches repeat its edge values beyond it.
    """
    joins = _find_joins(_encode_offsets(positions))
    within = box_sums(joins.astype(np.float64), REACH) == 0

    # Beyond its edge the sample shows nothing: any guess would make exact copies differ there.
    joins, within = joins[_INNER], within[_INNER]
    if not joins.any():
        return 0.0

    distances = _measure_distances(photo, sample, positions[_INNER])
    usual = float(distances[within].mean()) if within.any() else 0.0
    return float(distances[joins].mean()) / max(usual, LEAST)


def misfit(photo: Pixels, sample: Pixels, positions: Map) -> float:
    """Measure how badly the sample as a whole follows the photo where its map says that it does.

    This is the mean over the sample of the patch distance of join_cost, 0 or more. Within pieces
    that is next to nothing, so the result grows with how many joins there are and with how badly
    each fits. Pictures are uint8 (h, w, C), 7 px or more, the map is (h, w, 2).
    """
    return float(_measure_distances(photo, sample, positions[_INNER]).mean())


def _encode_offsets(positions: Map) -> Integers:
    """Encode every offset of a map as one number, (h, w), so that one comparison is enough."""
    height, width = positions.shape[:2]
    down = positions[..., 0] - np.arange(height, dtype=np.int64)[:, None]
    right = positions[..., 1] - np.arange(width, dtype=np.int64)
    return (down << 32) + right


def _find_joins(offsets: Integers) -> Bools:
    """Find the pixels with a right, left, upper or lower neighbour of another offset."""
    joins = np.zeros(offsets.shape, np.bool_)
    across = offsets[:, 1:] != offsets[:, :-1]
    joins[:, 1:] |= across
    joins[:, :-1] |= across

    along = offsets[1:] != offsets[:-1]
    joins[1:] |= along
    joins[:-1] |= along
    return joins


def _measure_distances(photo: Pixels, sample: Pixels, positions: Map) -> NDArray[np.float64]:
    """Measure the patch distance wherever the patch is inside the sample, (h - 6, w - 6).

    The positions are those of the patches' middles, (h - 6, w - 6, 2).
    """
    height, width = positions.shape[:2]
    padded = np.pad(photo, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    across, channels = padded.shape[1:]
    corners = positions[..., 0].astype(np.int64) * across + positions[..., 1]
    values = padded.reshape(-1, channels)

    # Whole numbers: equal patches are exactly 0 apart, and 49 squares of 4 channels are far below
    # 2^31.
    squares = np.zeros((height, width), np.int32)
    for row in range(PATCH):
        for column in range(PATCH):
            apart = values.take(corners + (row * across + column), axis=0).astype(np.int32)
            apart -= sample[row : row + height, column : column + width]
            squares += np.einsum("yxc,yxc->yx", apart, apart)

    return np.sqrt(squares / (PATCH**2 * channels)) / 255
