"""Pictures as bytes: drawn part by part, so that the work can be given up, and encoded."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata

import numpy as np
import PIL

from singan_core import encoding, windows
from singan_core.arrays import Pixels
from singan_core.version import find_version
from singan_runtime import devices, providers
from singan_runtime.files.provenance import describe_picture
from singan_runtime.files.writing import describe_request
from singan_runtime.request import Request, find_region
from singan_runtime.sampler import Sampler
from singan_runtime.serve.catalogue import Model
from singan_runtime.serve.effort import check_effort
from singan_runtime.serve.orders import Order

PART = 4_000_000
"""Pixels that are drawn between two questions whether the picture is still wanted."""


def make_picture(sampler: Sampler, order: Order, check: Callable[[], None]) -> bytes:
    """Draw the picture of an order and write it as a file's bytes.

    check is called between parts of the work, and raises where it is to be given up. Raises
    RequestError.
    """
    check_effort(sampler, order.request)
    pixels = draw_parts(sampler, order.request, check)
    said = None
    if order.has_metadata:
        said = describe_picture(sampler, describe_request(sampler, order.request))
    return encoding.encode(pixels, order.format, order.background, order.quality, said)


def draw_parts(sampler: Sampler, request: Request, check: Callable[[], None]) -> Pixels:
    """Draw the picture of a request as draw does, uint8 (h, w, C), one strip after the other."""
    assert request.size is not None
    window = request.window or (0, 0, *request.size)
    (top, bottom), (left, right) = find_region(request.size, window)
    parts = math.ceil((bottom - top) * (right - left) / PART)
    if parts <= 1:
        return sampler.draw(request)

    strips = []
    for rows, columns in windows.cut_tiles(find_region(request.size, window), parts, 1):
        check()
        strip = rows.start, columns.start, rows.length, columns.length
        strips.append(sampler.draw(replace(request, window=strip)))
    check()
    return np.concatenate(strips)


def compute_key(model: Model, kind: str, described: str, device: str) -> str:
    """Compute the digest of all that decides the bytes of a file: 64 hexadecimal digits.

    That is the model, the order as a text, the versions of this program and of what encodes, and
    the provider that draws on a device.
    """
    values = [model.identity, model.manifest.name, kind, described, *list_versions(device)]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@functools.cache
def list_versions(device: str) -> tuple[str, ...]:
    """List what decides bytes beside a model and an order: versions and the provider."""
    provider = devices.choose_provider(device)
    runtime = metadata.version(providers.list_installed()[0])
    return find_version(), PIL.__version__, runtime, provider.name
