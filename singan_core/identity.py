"""The identity of a model: one digest over everything in a bundle that decides pixels.

Two bundles with the same identity draw the same pictures from the same request. Adding a format to
a bundle, or exporting its run again, keeps the identity.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.errors import BundleError
from singan_core.file_names import MASKS, PHOTO
from singan_core.manifest import Manifest
from singan_core.manifest_check import list_material
from singan_core.stored import hash_pixels

DRAWING_SPEC = "singan-drawing/4"
"""The rules by which a model and a request become pixels. Raise the number whenever they change."""


def compute_identity(manifest: Manifest, masks: NDArray[np.bool_] | None = None) -> str:
    """Compute the sha256 (64 hexadecimal digits) of everything in a bundle that decides pixels.

    It covers the geometry, the amplitudes, the specifications of noise and drawing, the graphs in
    fp32 (and fp64, where detail is drawn from them), z*, the photo's pixels, its masks and their
    names. It leaves out dates, versions of tools, other formats and previews. A graph's bytes name
    the model, so a model that is trained anew under another name has another identity.

    masks are those of the photo, bool (H, W, labels), and are needed where detail carries labels.
    Raises BundleError if the manifest lists no digest for a file that decides pixels.
    """
    content = json.dumps(_describe(manifest, masks), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _describe(manifest: Manifest, masks: NDArray[np.bool_] | None) -> dict[str, Any]:
    """List what decides pixels, as values that JSON can hold."""
    described: dict[str, Any] = {
        "drawing_spec": DRAWING_SPEC,
        "noise_spec": manifest.noise_spec,
        "channels": manifest.channels,
        "labels": manifest.labels,
        "shapes": manifest.shapes,
        "scale_factor": manifest.scale_factor,
        "halo": manifest.halo,
        "border": manifest.border,
        "noise_amplitude": manifest.noise_amplitude,
        "noise_channels": manifest.noise_channels,
        "files": {name: _find_digest(manifest, name) for name in _list_files(manifest)},
    }

    detail = manifest.detail
    if detail is not None:
        described["detail"] = {
            "hand_over": detail.hand_over,
            "levels": detail.levels,
            "photo": detail.photo_sha256,
            "shifts": detail.shifts,
            "position": detail.position,
            "start_amplitude": detail.start_amplitude,
            "masks": _hash_masks(manifest, masks),
        }
        if detail.focus is not None:
            described["detail"]["focus"] = detail.focus
    return described


def _list_files(manifest: Manifest) -> list[str]:
    """List the files whose bytes decide pixels and do not depend on when or how they were written.

    The photo and the masks are not among them: files of the same pixels may differ, so their
    decoded pixels count.
    """
    return [name for name in list_material(manifest) if name not in (PHOTO, MASKS)]


def _find_digest(manifest: Manifest, name: str) -> str:
    """Find the digest of a file in the manifest. Raises BundleError if it is not listed."""
    if name not in manifest.files:
        raise BundleError(
            f"{manifest.name}: the manifest lists no {name}, which its pictures depend on; "
            "export the model again"
        )
    return manifest.files[name]


def _hash_masks(manifest: Manifest, masks: NDArray[np.bool_] | None) -> str | None:
    """Hash the photo's masks, if the model has labels."""
    if not manifest.labels:
        return None
    if masks is None:
        raise ValueError("a model whose detail carries labels is identified with its masks")
    return hash_pixels(masks.view(np.uint8))
