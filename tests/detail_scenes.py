"""Photos and guides for tests of detail levels: a landscape, and hand-overs made from it."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import manifest, pyramid, stored
from singan_core.detail import store
from singan_core.detail.drawing import Drawing
from singan_core.detail.photo import Photo
from singan_core.windows import Span

EXAMPLE = Path(__file__).parent.parent / "examples" / "aitzgorri.jpg"
WRAPS = ((False, False), (True, False), (False, True), (True, True))


def landscape(height=90, width=130, channels=3):
    """Return the example photo, reduced, uint8 (h, w, channels); RGBA fades out to the left."""
    with Image.open(EXAMPLE) as image:
        pixels = np.array(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    if channels == 1:
        return pixels[..., 1:2].copy()
    if channels == 4:
        alpha = np.broadcast_to(
            np.linspace(0, 255, width).astype(np.uint8)[:, None], (height, width, 1)
        )
        return np.concatenate([pixels * (alpha > 0), alpha], axis=2)
    return pixels


RED = (200, 40, 40)


def marked(height=100, width=150):
    """Return the landscape in grey, uint8 (h, w, 3), with a red thing on it, and its mask."""
    pixels = np.repeat(landscape(height, width)[..., 1:2], 3, axis=2)
    y, x = np.mgrid[0:height, 0:width] / height
    thing = ((y - 0.55) / 0.2) ** 2 + ((x - 1.12) / 0.13) ** 2 < 1
    thing |= (np.abs(x - 1.12) < 0.03) & (y > 0.2) & (y < 0.6)
    pixels[thing] = RED
    return pixels, thing


def noise(height, width, channels=3, seed=0):
    """Random pixels, uint8 (height, width, channels)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def photo_of(pixels, hand_over=33):
    """The photo with detail levels from that many px of its shorter side on."""
    height, width = pixels.shape[:2]
    ratio = hand_over / min(height, width)
    return Photo(
        pixels,
        pyramid.plan_detail_levels((height, width), (round(height * ratio), round(width * ratio))),
    )


def canvases_of(photo, down=1.0, across=1.0):
    """Return the canvases of a picture so many times as high and wide as the photo, rounded."""
    return tuple(
        (max(1, round(height * down)), max(1, round(width * across)))
        for height, width in photo.sizes
    )


def guide_of(photo, canvas, seed=0, wrap=(False, False), grain=20):
    """Make a hand-over for a canvas: the coarsest photo, moved sideways, mirrored, with grain."""
    rng = np.random.default_rng(seed)
    small = photo.at(0)
    picture = small[mirrored(canvas[0], small.shape[0])][
        :, mirrored(canvas[1], small.shape[1], rng.integers(100))
    ]
    picture = picture + rng.integers(-grain, grain + 1, (*canvas, 1))
    picture = np.minimum(picture, picture[..., -1:]) if small.shape[2] == 4 else picture
    picture = picture.clip(0, 255).astype(np.uint8)

    def guide(region):
        for span, length, periodic in zip(region, canvas, wrap, strict=True):
            assert periodic or 0 <= span.start < span.stop <= length
        rows, columns = (
            np.arange(*span) % length for span, length in zip(region, canvas, strict=True)
        )
        return picture[rows][:, columns]

    return guide


def mirrored(count, length, begin=0):
    """Positions of an axis of a length: to its end and back, again and again."""
    at = (np.arange(count) + begin) % (2 * length)
    return np.minimum(at, 2 * length - 1 - at)


def drawing_of(photo, canvases, seed=0, wrap=(False, False), grain=20, first=0):
    """Make a drawing on the canvases from a guide of the seed, which enters at the level first."""
    return Drawing(
        photo, canvases, guide_of(photo, canvases[first], seed, wrap, grain), wrap=wrap, first=first
    )


def whole_of(size):
    """The region that is a whole canvas."""
    return Span(0, size[0]), Span(0, size[1])


def draw_whole(drawing):
    """All of the last canvas: pixels and map."""
    return drawing.draw(whole_of(drawing.canvases[-1]))


def steps(pixels, axis):
    """Mean absolute difference of neighbouring rows (axis 0) or columns (1), one number a pair."""
    return np.abs(np.diff(pixels.astype(float), axis=axis)).mean(axis=(1 - axis, 2))


def bundle_with(folder, source, pixels, masks=None, labels=()):
    """Make a bundle of another bundle's generators and another photo (h, w, 3) of any size."""
    shutil.copytree(source, folder)
    found = manifest.read(folder, "bundle")
    levels = pyramid.plan_detail_levels(pixels.shape[:2], found.detail.levels[0])
    photo = Photo(pixels, levels)
    stored.write_photo(folder, pixels)
    if labels:
        stored.write_masks(folder, masks)
    shifts = store.write_bases(folder, photo)
    digest = stored.hash_pixels(pixels)
    detail = dataclasses.replace(found.detail, levels=levels, photo_sha256=digest, shifts=shifts)
    (folder / "preview.png").unlink(missing_ok=True)
    rewrite(folder, dataclasses.replace(found, detail=detail, labels=labels))
    return folder


def rewrite(folder, found):
    """Write the manifest with the digests of the files that are there now."""
    manifest.write(folder, dataclasses.replace(found, files=manifest.hash_files(folder)))
