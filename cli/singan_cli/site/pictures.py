"""The pictures of a site: those that are there are kept, the others are drawn."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from singan_cli.site.page import write_pages
from singan_cli.site.record import (
    Picture,
    PictureFile,
    QuietZone,
    SiteRecord,
    read_record,
    write_record,
)
from singan_cli.site.scene import choose_seed
from singan_cli.site.screen_list import Screen
from singan_cli.site.sheet import write_sheet
from singan_cli.site.spec import SiteSpec
from singan_core import encoding, images
from singan_core.arrays import Pixels
from singan_core.atomic import make_folder
from singan_core.encoding import FORMATS as ENDINGS
from singan_core.lock import lock_folder
from singan_runtime.files.provenance import describe_picture
from singan_runtime.files.writing import describe_request
from singan_runtime.markup import PLACEHOLDER, SMALL_QUALITY
from singan_runtime.measures.calm import CELLS, ZONE, measure_zones
from singan_runtime.parsing import format_size
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

Show = Callable[[str, float, str], None]
"""What shows progress: of a stage, the share that is done, and a few words."""


def make_site(
    sampler: Sampler, out: Path, spec: SiteSpec, show: Show = lambda *_: None
) -> SiteRecord:
    """Draw a scene for every screen into a folder, with the pages that show it.

    What is there already and was made in the same way is kept, so that a stopped call goes on.
    Raises RequestError, InstallError or OutputError.
    """
    spec.check(sampler)
    spec = spec.settle(sampler)
    make_folder(out)
    with lock_folder(out):
        before = read_record(out)
        record = _begin(sampler, spec, before, show)
        known = {one.screen: one for one in before.pictures} if before else {}
        if before and (before.settings, before.seed) != (record.settings, record.seed):
            known = {}

        for number, (screen, request) in enumerate(spec.list_requests(record.seed)):
            show("pictures", number / len(spec.screens), screen.name)
            picture = known.get(screen.name)
            if picture is None or not _is_there(picture, screen, out):
                picture = draw_picture(sampler, out, spec, screen, request)
            record = replace(record, pictures=(*record.pictures, picture))
            write_record(out, record)
        write_sheet(out, record.pictures)
        write_pages(out, record.pictures, spec.formats, spec.alt)

        record = replace(record, complete=True)
        write_record(out, record)
        show("pictures", 1.0, f"{len(spec.screens)} screens")
    return record


def _begin(sampler: Sampler, spec: SiteSpec, before: SiteRecord | None, show: Show) -> SiteRecord:
    """Choose the seed, unless it has been chosen, and return a record of no picture."""
    settings = spec.describe(sampler)
    screens = {screen.name: format_size(screen.size) for screen in spec.screens}
    if before is not None and (before.settings, before.screens) == (settings, screens):
        return replace(before, pictures=(), complete=False)
    seed = choose_seed(sampler, spec, lambda share: show("scene", share, ""))
    return SiteRecord(settings, screens, seed, pictures=(), complete=False)


def _is_there(picture: Picture, screen: Screen, out: Path) -> bool:
    """Whether all files of a screen's picture are there, with the bytes that were written."""
    same = (picture.height, picture.width) == screen.size
    return same and all(file.is_whole(out) for file in picture.files)


def draw_picture(
    sampler: Sampler, out: Path, spec: SiteSpec, screen: Screen, request: Request
) -> Picture:
    """Draw the picture of a screen and write it in every format.

    Raises RequestError, InstallError or OutputError.
    """
    pixels, style, said = sampler.draw(request), spec.style, None
    if style.has_metadata:
        said = describe_picture(sampler, describe_request(sampler, request))

    files = []
    for format in spec.formats:
        path = out / f"{screen.name}{ENDINGS[format]}"
        encoding.save(path, pixels, format, style.background, style.quality, said)
        files.append(PictureFile.of(path, format))

    small = shrink(images.flatten(pixels, style.background))
    return Picture(
        screen.name,
        width=screen.size[1],
        height=screen.size[0],
        colour=_find_colour(small),
        placeholder=base64.b64encode(
            encoding.encode(small, "webp", quality=SMALL_QUALITY)
        ).decode(),
        files=tuple(files),
        calm=_find_zone(pixels, spec.calm) if spec.calm else None,
    )


def shrink(pixels: Pixels) -> Pixels:
    """Shrink a picture to the longer side of a placeholder."""
    image = images.to_pillow(pixels).convert("RGB")
    image.thumbnail((PLACEHOLDER, PLACEHOLDER), Image.Resampling.BOX)
    return np.asarray(image)


def _find_colour(pixels: Pixels) -> str:
    """Find the mean colour, as #rrggbb."""
    red, green, blue = pixels.reshape(-1, 3).mean(axis=0).round().astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _find_zone(pixels: Pixels, side: str) -> QuietZone:
    """Find the quiet zone of a picture at a side."""
    (height, width), zone = pixels.shape[:2], measure_zones(pixels)[side]
    return QuietZone(
        round(zone.left * width),
        round(zone.top * height),
        width * ZONE // CELLS,
        height * ZONE // CELLS,
        round(zone.energy, 4),
    )


def list_restless(pictures: Sequence[Picture], limit: float) -> list[str]:
    """List the screens whose quiet zone is less quiet than a limit."""
    return [one.screen for one in pictures if one.calm is not None and one.calm.energy > limit]
