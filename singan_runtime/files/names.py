"""File names of pictures."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from singan_runtime.parsing import format_size
from singan_runtime.request import Request


def name_picture(model: str, request: Request, screen: str = "") -> str:
    """Name the file of a picture, without its ending: screen, model, size, seed and window.

    screen is the word by which the size was asked for, if it was one. The request must have a size.
    """
    assert request.size is not None
    before = f"{screen}-" if screen else ""
    name = f"{before}{model}_{format_size(request.size)}_{request.seed}"
    if request.window is None:
        return name
    y, x, height, width = request.window
    return f"{name}_window_{x}_{y}_{width}x{height}"


def name_request(model: str, request: Request) -> str:
    """Name the file of a picture, without its ending, so that another request has another name.

    Whatever name_picture does not tell stands in it as 8 hexadecimal digits. The request must have
    a size.
    """
    name = name_picture(model, request)
    told = Request(size=request.size, seed=request.seed, window=request.window)
    if request == told:
        return name
    rest = replace(request, size=None, seed=0, window=None).to_json()
    return f"{name}_{hashlib.sha256(rest.encode()).hexdigest()[:8]}"
