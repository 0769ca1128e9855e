"""What the OpenAPI document says of the routes of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singan_runtime.serve.training_routes import PLACE

Schema = dict[str, Any]

_TEXT = {"type": "string"}
_JOB = {"$ref": "#/components/schemas/Training"}
STATES = ("training", "exporting", "done", "failed", "cancelled")
_FIELDS: Schema = {
    "id": _TEXT,
    "name": {**_TEXT, "pattern": "^[a-z0-9_-]+$"},
    "state": {**_TEXT, "enum": list(STATES)},
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "seconds_left": {"type": ["number", "null"]},
    "detail": _TEXT,
    "model": {"type": ["string", "null"]},
}
SCHEMAS: Schema = {"Training": {"type": "object", "required": list(_FIELDS), "properties": _FIELDS}}
"""The schema of a training."""


def list_paths(problems: Mapping[str, Schema]) -> Schema:
    """List the routes, whose answers may be problems as well."""
    current = {
        "type": "object",
        "required": ["job"],
        "properties": {"job": {"anyOf": [_JOB, {"type": "null"}]}},
    }
    sent = {"photo": {"type": "string", "format": "binary"}, "name": _TEXT}
    form = {"type": "object", "required": ["photo"], "properties": sent}
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}

    return {
        PLACE: {
            "get": _describe("Describe the training that runs", "200", current, problems),
            "post": {
                **_describe("Train a model on a photo", "202", _JOB, problems),
                "requestBody": body,
            },
            "x-places": {},
        },
        f"{PLACE}/{{id}}": {
            "get": _describe("Describe a training", "200", _JOB, problems),
            "delete": _describe("Cancel a training", "204", None, problems),
            "x-places": {},
        },
    }


def _describe(
    summary: str, status: str, schema: Schema | None, problems: Mapping[str, Schema]
) -> Schema:
    """Describe a method: its summary, its success and its problems."""
    done: Schema = {"description": "done"}
    if schema is not None:
        done["content"] = {"application/json": {"schema": schema}}
    return {"summary": summary, "responses": {status: done, **problems}}
