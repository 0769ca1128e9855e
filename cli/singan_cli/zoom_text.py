"""How much larger than the photo's own detail a picture is drawn, in words."""

from __future__ import annotations

SOFT_ZOOM = 1.5
"""Zoom from which on a line says how much larger than in the photo everything is drawn."""


def describe_zoom(zoom: float) -> str:
    """Say that a picture needs finer detail than the photo has."""
    return (
        f"drawn {zoom:.2g} times as large as the photo: finer detail is made from what lies "
        "around it, crisp up to about 2.4 times"
    )
