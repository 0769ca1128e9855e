"""Check what a manifest says: ranges, sums, contradictions, and the files that it must list."""

from __future__ import annotations

import itertools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from singan_core import HALO, RECEPTIVE_FIELD, noise
from singan_core.file_limits import MOST_MASK_PIXELS, MOST_PIXELS, MOST_SEARCHED, MOST_TEXT
from singan_core.file_names import (
    BASES,
    CONFIG,
    DOUBLE,
    FORMAT_FOLDERS,
    MASKS,
    PHOTO,
    RECONSTRUCTION_NOISE,
    TRITON,
    graph_name,
)
from singan_core.plain_names import are_plain, is_plain
from singan_core.pyramid import SEARCH_AREA, Size

if TYPE_CHECKING:
    from singan_core.manifest import Manifest


def explain(error: msgspec.ValidationError, data: Any) -> str:
    """Say which value has the wrong form, and what is expected.

    msgspec names the value's place, as in "Expected `int` >= 1 - at `$.shapes[0][1]`".
    """
    reason, _, place = str(error).replace("Expected", "expected").partition(" - at `$.")
    value = data
    for key in re.findall(r"\w+", place):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return f"{place.rstrip('`')} has the wrong form: {value!r:.{MOST_TEXT}} ({reason})"


def find_contradictions(manifest: Manifest) -> list[str]:
    """List the values that contradict each other or this program."""
    scales, generators = len(manifest.shapes), len(manifest.noise_amplitude)
    own_channels = {1, manifest.channels}
    has_good_channels = (
        len(manifest.noise_channels) == generators and set(manifest.noise_channels) <= own_channels
    )
    has_good_labels = not manifest.labels or (
        are_plain(manifest.labels) and manifest.picture_channels == 3
    )
    if manifest.detail is None:
        labels = f"different names for the {manifest.channels - 3} channels beyond RGB"
    else:
        labels = "different names, for a photo in RGB"

    checks = (
        ("kind", manifest.kind in ("run", "bundle"), "run or bundle"),
        ("name", is_plain(manifest.name), "a name that a file can have on every system"),
        ("created", manifest.created.isprintable(), "a date"),
        ("tool_version", manifest.tool_version.isprintable(), "a version"),
        ("preset", manifest.preset.isprintable(), "a word"),
        ("shapes", are_scales(manifest.shapes), f"growing sizes of {RECEPTIVE_FIELD} px and more"),
        ("noise_amplitude", generators - scales in (0, 1), f"{scales} values, or one more"),
        ("noise_channels", has_good_channels, f"{generators} values of 1 or {manifest.channels}"),
        ("labels", has_good_labels, labels),
        ("detail", _is_possible(manifest), "growing levels from the hand-over's size on"),
        ("halo", manifest.halo == HALO, HALO),
        ("border", manifest.border in ("zero", "noise"), "zero or noise"),
        ("noise_spec", manifest.noise_spec == noise.SPEC, noise.SPEC),
    )
    return [
        f"{name} {getattr(manifest, name)!r:.{MOST_TEXT}} (expected {expected})"
        for name, is_good, expected in checks
        if not is_good
    ]


def are_scales(sizes: tuple[Size, ...]) -> bool:
    """Whether sizes grow, from those that a generator needs to those that a picture may have."""
    return min(sizes[0]) >= RECEPTIVE_FIELD and _grow(sizes) and _sum_areas(sizes) <= MOST_PIXELS


def _grow(sizes: tuple[Size, ...]) -> bool:
    return all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(sizes))


def _sum_areas(sizes: tuple[Size, ...]) -> int:
    return sum(height * width for height, width in sizes)


def _is_possible(manifest: Manifest) -> bool:
    """Whether the detail levels, if there are any, go up from the last generator that draws.

    A photo's levels shrink by about half. More of them than that would take gigabytes.
    """
    detail = manifest.detail
    if detail is None:
        return True
    if detail.hand_over >= len(manifest.shapes) or manifest.channels not in (1, 3, 4):
        return False

    hand_over = manifest.shapes[detail.hand_over]
    photo = _sum_areas(detail.levels[-1:])
    copied = tuple(level for level in detail.levels if _sum_areas((level,)) > SEARCH_AREA)
    is_small = (
        _sum_areas((hand_over,)) <= MOST_SEARCHED
        and photo <= MOST_PIXELS
        and photo * len(manifest.labels) <= MOST_MASK_PIXELS
        and _sum_areas(copied) <= 3 * photo
    )

    begins = hand_over in detail.levels[:2]  # a composition level may stand before it
    has_shifts = manifest.kind == "run" or len(detail.shifts) == len(detail.levels)
    has_starts = len(detail.start_amplitude) in (0, detail.hand_over + 1)
    return is_small and begins and _grow(detail.levels) and has_shifts and has_starts


def list_material(manifest: Manifest) -> list[str]:
    """List the files from which pictures are drawn, which the manifest must list."""
    names = [RECONSTRUCTION_NOISE]
    if manifest.kind == "bundle":
        names += [graph_name(scale) for scale in range(len(manifest.noise_amplitude))]
    else:
        names.append(CONFIG)

    if manifest.detail is not None:
        names.append(PHOTO)
        if manifest.labels:
            names.append(MASKS)
        if manifest.kind == "bundle":
            names.append(BASES)
            names += [f"{DOUBLE}/{graph_name(n)}" for n in range(manifest.detail.hand_over + 1)]
    return names


def find_unlisted(manifest: Manifest) -> list[str]:
    """Find the files that the manifest must list and does not."""
    return [name for name in list_material(manifest) if name not in manifest.files]


def find_unknown(manifest: Manifest) -> list[str]:
    """Find the listed files that no bundle has. A run may hold whatever its user put there."""
    if manifest.kind == "run":
        return []
    places = [(name, PurePosixPath(name).parts) for name in manifest.files]
    return [name for name, parts in places if not _has_place(parts)]


def _has_place(parts: tuple[str, ...]) -> bool:
    """Whether a bundle may have a file at a path, given by its parts."""
    if len(parts) == 1:
        return True
    return parts[0] in FORMAT_FOLDERS and (len(parts) == 2 or parts[0] == TRITON)
