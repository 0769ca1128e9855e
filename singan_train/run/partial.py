"""A run that is not finished, taken as if the scales that are finished were all of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from singan_core import manifest as manifests
from singan_core.errors import BundleError
from singan_core.listed_files import hash_inside
from singan_core.manifest import Manifest
from singan_core.manifest_check import list_material
from singan_core.pyramid import Pyramid, plan_detail_levels
from singan_core.version import find_version
from singan_train.run.folder import (
    count_finished_scales,
    is_finished,
    make_manifest,
    read_metadata,
)
from singan_train.run.header import read_header


def read_partial(folder: Path) -> Manifest:
    """Make the manifest of what is finished of a run, or read that of a finished one.

    With detail the photo takes over from the last finished generator. Raises BundleError if no
    scale is finished.
    """
    if is_finished(folder):
        return manifests.read(folder, "run")
    header = read_header(folder)
    done = count_finished_scales(folder, len(header.pyramid.sizes))
    if not done:
        raise BundleError(
            f"{folder}: no scale is finished yet; wait for the first, or continue the training "
            f"with 'singan train PHOTO --out {folder} --resume'"
        )

    header = dataclasses.replace(header, pyramid=cut(header.pyramid, done))
    scales = [read_metadata(folder, scale) for scale in range(done)]
    manifest = make_manifest(header, scales, "", find_version())
    names = list_material(manifest)
    files = {name: hash_inside(folder, name, "run") for name in names}
    return dataclasses.replace(manifest, files=files)


def cut(pyramid: Pyramid, scales: int) -> Pyramid:
    """Return what a pyramid's first generators would be without the others."""
    shapes = pyramid.shapes[:scales]
    continuation = scales > len(shapes)
    if not pyramid.levels:
        return Pyramid(shapes, pyramid.scale_factor, continuation)
    last = min(pyramid.hand_over, scales - 1)
    levels = plan_detail_levels(pyramid.levels[-1], shapes[last])
    return Pyramid(shapes, pyramid.scale_factor, continuation, levels, last)
