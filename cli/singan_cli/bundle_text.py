"""What is inside a bundle, in words."""

from __future__ import annotations

from pathlib import Path

from singan_core import manifest as manifests
from singan_core.credits import Credits
from singan_core.file_names import PHOTO
from singan_core.listed_files import measure_inside
from singan_core.manifest import Manifest


def list_scales(manifest: Manifest) -> list[str]:
    """List a bundle's origin and its scales, coarsest first, then its detail levels."""
    height, width = manifest.photo_size
    lines = [
        f"{manifest.name}: photo {width}x{height}, {describe_channels(manifest)}, "
        f"preset {manifest.preset}, border {manifest.border}, "
        f"made {manifest.created} by singan {manifest.tool_version}",
        f"{len(manifest.shapes)} scales, factor {manifest.scale_factor:.4f}",
    ]
    if credits := str(Credits(manifest.creator, manifest.licence)):
        lines.insert(1, f"photo {credits}")

    starts = manifest.detail.start_amplitude if manifest.detail else ()
    for scale, (rows, columns) in enumerate(manifest.pyramid.sizes):
        name = f"scale {scale}" if scale < len(manifest.shapes) else "continuation"
        amplitude, start = manifest.noise_amplitude[scale], ""
        if scale < len(starts) and starts[scale] != amplitude:
            start = f", {starts[scale]:.4f} as the start scale"
        lines.append(f"  {name}: {columns}x{rows}, noise amplitude {amplitude:.4f}{start}")

    for number, (rows, columns) in enumerate(manifest.pyramid.levels):
        lines.append(f"  detail level {number}: {columns}x{rows}, the photo's own pixels")
    return lines


def describe_channels(manifest: Manifest) -> str:
    """Say how many channels the pictures have, and which labels come with them."""
    labels = f" and labels {', '.join(manifest.labels)}" if manifest.labels else ""
    return f"{manifest.channels - len(manifest.labels)} channels{labels}"


def list_photo(bundle: Path) -> list[str]:
    """Say that the photo itself is in a bundle with detail, for those who pass bundles on."""
    detail = manifests.read(bundle, "bundle", check_files=False).detail
    if detail is None:
        return []
    height, width = detail.levels[-1]
    megabytes = measure_inside(bundle, PHOTO) / 1e6
    return [
        f"the photo itself is inside: {PHOTO}, {width}x{height}, {megabytes:.1f} MB, without EXIF"
    ]


def list_finished(run: Path) -> list[str]:
    """Say how much of a run is finished, unless all of it is."""
    from singan_train.run.folder import count_finished_scales, is_finished
    from singan_train.run.header import read_header

    scales = len(read_header(run).pyramid.sizes)
    done = count_finished_scales(run, scales)
    if is_finished(run):
        return []
    return [f"partial: {done} of {scales} scales are finished; export again when more are"]


def list_generators_alone(bundle: Path, folders: list[str]) -> list[str]:
    """Say which further formats of a model with detail hold its generators alone."""
    from singan_export import formats

    manifest = manifests.read(bundle, "bundle", check_files=False)
    alone = [name for name in folders if not formats.has_detail(name, manifest)]
    if manifest.detail is None or not alone:
        return []
    height, width = manifest.shapes[-1]
    hold = "holds" if len(alone) == 1 else "hold"
    return [
        f"{', '.join(alone)} {hold} the generators alone, up to {width}x{height}; "
        "detail levels are not in there"
    ]
