"""Objects to keep, and where they stand in pictures."""

import numpy as np


def ellipse(size, rows, columns):
    """A mask whose ellipse touches the ends of the spans."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    (top, bottom), (left, right) = rows, columns
    return ((2 * y - top - bottom) / (bottom - top)) ** 2 + (
        (2 * x - left - right) / (right - left)
    ) ** 2 <= 1


def shifted(picture, kept):
    """Find where the object stands in a picture, and the positions of the photo shown there."""
    rows, columns = np.nonzero(kept.mask)
    top, left = picture.fit.origin
    return (rows - kept.displacement[0] - top, columns - kept.displacement[1] - left), (
        rows,
        columns,
    )
