"""From a request to the plan of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from singan_core import fitting, zooms
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.limits import read_whole, show
from singan_core.manifest import Manifest
from singan_core.pyramid import Size
from singan_core.windows import Wrap
from singan_core.zooms import Zoom
from singan_runtime import objects
from singan_runtime.drawing import Renderer
from singan_runtime.keep import Keep, find_object, find_opaque
from singan_runtime.plan import Plan
from singan_runtime.request import Request, read_variation


def make_plan(renderer: Renderer, request: Request) -> Plan:
    """Plan the picture of a request that has a size. Raises RequestError."""
    assert request.size is not None
    manifest, start_scale = renderer.manifest, request.start_scale
    zoom = settle_zoom(manifest, request)
    fit = fit_canvases(manifest, request.size, zoom, start_scale, request.wrap)
    base = renderer.reconstruct_scales(start_scale) if start_scale else None
    amplitudes = choose_amplitudes(manifest, start_scale, request.variation)

    plan = replace(Plan.of(fit, start_scale, base, request.wrap), amplitudes=amplitudes)
    return keep_objects(renderer, plan, request.keep) if request.keep else plan


def settle_zoom(manifest: Manifest, request: Request) -> Zoom:
    """Settle what auto means for a request. Around a kept object the scene gives way instead."""
    if request.keep:
        return request.zoom
    return zooms.settle_zoom(manifest.pyramid, request.zoom, request.wrap)


def fit_canvases(
    manifest: Manifest,
    size: Size,
    zoom: Zoom = "auto",
    start_scale: int = 0,
    wrap: Wrap = (False, False),
) -> Fit:
    """Find the canvases that draw a picture of a size. Raises RequestError."""
    fit = fitting.fit(manifest.pyramid, size, zoom, wrap)
    start_scale = read_whole(start_scale, "start scale", -(2**63))
    last = max(step.generator for step in fit.passes if not step.beyond)
    if not 0 <= start_scale <= last:
        raise RequestError(
            f"start scale {show(start_scale)} is not possible: this size and zoom use scales "
            f"0 to {last}"
        )
    return fit


def choose_amplitudes(
    manifest: Manifest, start_scale: int = 0, variation: float = 1.0
) -> tuple[float, ...]:
    """Choose the amplitude of every generator's noise in a picture from a start scale on.

    That of the start scale may be stronger than in training, so that pictures differ visibly.
    The variation, 0 to 10, multiplies all. Raises RequestError.
    """
    variation = read_variation(variation)
    last = len(manifest.noise_amplitude) - 1
    start_scale = read_whole(start_scale, "start scale", 0, last)
    values = list(manifest.noise_amplitude)
    if manifest.detail is not None and manifest.detail.start_amplitude:
        values[start_scale] = manifest.detail.start_amplitude[start_scale]
    return tuple(variation * value for value in values)


def find_objects(renderer: Renderer, keep: Sequence[Keep]) -> tuple[Keep, ...]:
    """Find the masks of objects that are given by name, without opening a file.

    Raises RequestError.
    """
    opaque = find_opaque(renderer.photo)
    return tuple(find_object(renderer.manifest, one, renderer.masks, opaque) for one in keep)


def keep_objects(renderer: Renderer, plan: Plan, keep: Sequence[Keep]) -> Plan:
    """Return the plan with objects of the photo that stand in the picture as they are.

    Raises RequestError.
    """
    manifest = renderer.manifest
    if plan.fit is None:
        raise RequestError(
            f"{manifest.name}: this model draws without the photo's detail and cannot keep "
            "objects: train it without --no-detail"
        )
    found = find_objects(renderer, keep)
    kept = objects.place_objects(found, plan.fit, manifest.pyramid.finest)
    adjust = objects.put_into_passes(kept, renderer.get_photo(), manifest.shapes)
    return replace(plan, kept=kept, adjust=adjust, first=plan.fit.entry)
