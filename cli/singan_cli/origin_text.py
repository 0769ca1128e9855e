"""What the file of a picture says of where it comes from, in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singan_core.credits import Credits

if TYPE_CHECKING:
    from singan_runtime.files.provenance import Origin


def list_origin(path: Path, origin: Origin) -> list[str]:
    """List the model, the request and the photo behind a picture, and how to repeat it."""
    identity = f" ({origin.identity[:8]})" if origin.identity else ""
    request = ", ".join(
        f"{name.replace('_', ' ')} {describe_value(value)}"
        for name, value in origin.request.items()
    )
    photo = str(Credits(origin.creator, origin.licence))
    lines = [
        f"{path}: drawn by singan {origin.version} from the model {origin.model}{identity}",
        f"singan {origin.command}: {request}",
    ]

    if origin.precision != "auto":
        lines.append(f"precision {origin.precision}")
    if photo:
        lines.append(f"photo {photo}")
    if origin.source_type:
        lines.append(f"digital source type: {origin.source_type.rpartition('/')[2]}")
    if origin.is_sample:
        lines.append(f"draw it again: singan sample BUNDLE --like {path} --out FILE")
    return lines


def describe_value(value: Any) -> str:
    """Write a value of a request, texts without quotation marks."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


def to_json(origin: Origin) -> dict[str, Any]:
    """Return the origin as JSON's types, without what the file does not say."""
    return {name: value for name, value in vars(origin).items() if value}
