"""Sizes of common screens and formats, by name."""

from __future__ import annotations

SCREENS = {  # (width, height) in px
    "thumbnail": (320, 240),
    "hd": (1280, 720),
    "fullhd": (1920, 1080),
    "qhd": (2560, 1440),
    "ultrawide": (3440, 1440),
    "4k": (3840, 2160),
    "8k": (7680, 4320),
    "phone": (1080, 2400),
    "tablet": (2048, 2732),
    "laptop": (2560, 1600),
    "watch": (396, 484),
    "story": (1080, 1920),
    "portrait": (1080, 1350),
    "square": (1080, 1080),
    "link": (1200, 630),
    "banner": (1500, 500),
    "leaderboard": (728, 90),
    "skyscraper": (160, 600),
    "rectangle": (300, 250),
    "pin": (1000, 1500),
    "post": (1600, 900),
    "cover": (1584, 396),
    "stretched": (1920, 540),
    "ribbon": (3840, 600),
    "wall": (3840, 1080),
    "totem": (2160, 3840),
}

LISTS = {
    "web": ("hd", "fullhd", "qhd", "ultrawide", "tablet", "phone"),
    "wallpapers": ("fullhd", "4k", "ultrawide", "laptop", "tablet", "phone", "watch"),
    "signage": ("fullhd", "4k", "wall", "stretched", "ribbon", "story", "totem"),
    "social": ("square", "portrait", "story", "post", "link", "pin", "banner", "cover"),
}
"""Lists of screens for a purpose: the names of those that one scene is drawn for."""


def list_screens() -> str:
    """List every name with its size, one on a line."""
    return "\n".join(f"{name:12} {width}x{height}" for name, (width, height) in SCREENS.items())
