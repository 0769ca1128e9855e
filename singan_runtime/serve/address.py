"""The address of a model in URLs: its name and the beginning of its identity."""

from __future__ import annotations

import re

ID_LENGTH = 8
"""Digits of a model's identity that its URLs carry."""

RESERVED = ("models", "screens", "training")
"""Names that routes of the service have, so that no model can have them."""

_NAME = re.compile(r"[a-z0-9_-]+")
_ADDRESS = re.compile(r"([a-z0-9_-]+)(?:@([0-9a-f]{8}))?")


def is_name(word: str) -> bool:
    """Whether a folder's name can be that of a model."""
    return bool(_NAME.fullmatch(word)) and word not in RESERVED


def write_address(name: str, identity: str) -> str:
    """Write a model's part of a URL, as in aitzgorri@0123abcd."""
    return f"{name}@{identity[:ID_LENGTH]}"


def read_address(word: str) -> tuple[str, str | None] | None:
    """Read the name and, if it is there, the id of a model, or None for what is no address."""
    found = _ADDRESS.fullmatch(word)
    return None if found is None else (found[1], found[2])
