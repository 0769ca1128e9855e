"""The OpenAPI document of the service: every route, its parameters and its answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from singan_core import fitting
from singan_core.noise import SEED_LIMIT
from singan_core.version import find_version
from singan_core.zooms import ZOOM_WORDS
from singan_runtime.request import MOST_VARIATION, TILEABLE
from singan_runtime.screens import SCREENS
from singan_runtime.serve import (
    clips,
    deepzoom_routes,
    edits,
    iiif,
    kserve,
    kserve_routes,
    markup_routes,
    orders,
    page_routes,
    signing,
    training_schema,
)
from singan_runtime.serve.problems import MEDIA

Schema = dict[str, Any]

_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_SWITCH = {"type": "string", "enum": ["0", "1", "false", "true"]}
_SIZE = {"type": "string", "pattern": rf"^(\d{{1,7}}x\d{{1,7}}|{'|'.join(SCREENS)})$"}

SCHEMAS: Mapping[str, Schema] = {
    "seed": {**_TEXT, "description": f"0 to {SEED_LIMIT - 1}; any other text counts by its hash"},
    "zoom": {"anyOf": [{**_NUMBER, "exclusiveMinimum": 0}, {"enum": list(ZOOM_WORDS)}]},
    "start_scale": {"type": "integer", "minimum": 0, "maximum": 99},
    "variation": {**_NUMBER, "minimum": 0, "maximum": MOST_VARIATION},
    "tileable": {"type": "string", "enum": list(TILEABLE)},
    "detail": _SWITCH,
    "keep": {**_TEXT, "description": "labels of the model, or alpha, with commas between them"},
    "place": {**_TEXT, "description": "places of what is kept, with semicolons between them"},
    "window": {"type": "string", "pattern": r"^\d{1,7},\d{1,7},\d{1,7},\d{1,7}$"},
    "background": {**_TEXT, "description": "a name or #rrggbb"},
    "quality": {"type": "integer", "minimum": 1, "maximum": 100},
    "w": {**_NUMBER, "exclusiveMinimum": 0, "maximum": fitting.MAX_SIDE},
    "dpr": {**_NUMBER, "exclusiveMinimum": 0, "maximum": orders.MOST_DPR},
    "download": _SWITCH,
    "frames": {"type": "integer", "minimum": 1},
    "fps": {**_NUMBER, "exclusiveMinimum": 0},
    "loop": _SWITCH,
    "alpha": {**_NUMBER, "minimum": 0, "maximum": 1},
    "beta": {**_NUMBER, "minimum": 0, "maximum": 1},
    "move": {**_TEXT, "description": "labels of the model, with commas between them"},
    "size": _SIZE,
    "breakpoints": {**_TEXT, "description": "WIDTH:WxH with commas between them"},
    "sizes": {**_TEXT, "description": "the attribute of HTML"},
    "formats": {**_TEXT, "description": "formats with commas between them"},
    "alt": _TEXT,
    "format": {"type": "string", "enum": sorted({*orders.SUFFIXES, *deepzoom_routes.FORMATS})},
    "reach": {"type": "integer", "minimum": 0},
    "colours": {"type": "integer", "minimum": 2},
    "mask": {"type": "string", "enum": ["alpha"]},
    signing.PARAMETER: {**_TEXT, "description": "the signature, where the service has keys"},
}
"""Schemas of all parameters by their names."""

_PATHS: Mapping[str, Schema] = {
    "model": {"type": "string", "pattern": "^[a-z0-9_-]+(@[0-9a-f]{8})?$"},
    "identifier": {"type": "string", "pattern": r"^[a-z0-9_-]+(@[0-9a-f]{8})?:\d+x\d+(:[^/:]*)*$"},
    "size": _SIZE,
    "level": {"type": "integer", "minimum": 0},
    "tile": {"type": "string", "pattern": r"^\d+_\d+\.(jpg|jpeg|png|webp)$"},
    "version": _TEXT,
    "name": _TEXT,
    "region": _TEXT,
    "rotation": _TEXT,
    "quality": {"type": "string", "enum": list(iiif.QUALITIES)},
    "format": {"type": "string", "enum": list(iiif.FORMATS)},
    "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
_PICTURES = sorted(set(orders.MEDIA.values()))
_CLIPS = sorted(set(clips.MEDIA.values()))
_JSON = "application/json"
_STATUSES = {
    "206": "a part of the file, as Range asks",
    "302": "leads to the URL that has an id and a seed",
    "303": "leads to the description",
    "304": "the client has it",
}
_MARKUP = (*markup_routes.OWN, *filter(markup_routes.is_offered, orders.PARAMETERS))


def write_document(root: str) -> Schema:
    """Write the document of a service at a path."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "singan serve", "version": find_version()},
        "servers": [{"url": root or "/"}],
        "paths": {path: _complete(path, found) for path, found in _list_paths().items()},
        "components": {"schemas": {"Problem": _describe_problem(), **training_schema.SCHEMAS}},
    }


def _list_paths() -> Schema:
    """List all routes."""
    picture = {"file": _match_file(orders.SUFFIXES)}
    clip = {"file": _match_file(clips.MEDIA)}
    zoomed = deepzoom_routes.PARAMETERS
    root = f"/v1/{{model}}/{deepzoom_routes.PLACE}/{{size}}"
    view = "/iiif/{identifier}/{region}/{size}/{rotation}/{quality}.{format}"
    kept = ("206", "302", "304")
    iiif_media = [_JSON, "application/ld+json"]

    return {
        "/v1/models": _get("List the models", [_JSON]),
        "/v1/models/{model}": _get("Describe a model", [_JSON]),
        "/v1/screens": _get("List the sizes that have names", [_JSON]),
        "/v1/{model}/{file}": _get("Draw a picture", _PICTURES, orders.PARAMETERS, picture, kept),
        "/v1/{model}/animate/{file}": _get("Draw a clip", _CLIPS, clips.PARAMETERS, clip, kept),
        "/v1/{model}/picture.html": _get("Write markup", ["text/html"], _MARKUP, {}, ["302"]),
        f"{root}.dzi": _get("Describe tiles", ["application/xml"], zoomed, {}, ["302"]),
        f"{root}_files/{{level}}/{{tile}}": _get(
            "Draw a tile", _PICTURES, zoomed, {}, ["206", "304"]
        ),
        "/iiif/{identifier}": _get("Lead to a description", [], (), {}, ["303"]),
        "/iiif/{identifier}/info.json": _get("Describe a IIIF picture", iiif_media),
        view: _get("Draw a view", _PICTURES, (), {"size": _TEXT}, ["206", "304"]),
        "/": _get("Send the page for people", ["text/html"], (), {}, ["304"]),
        "/page/{version}/{name}": _get("Send a file of the page", page_routes.FILES),
        "/healthz": _get("Say that the service lives", ["text/plain"]),
        "/readyz": _get("Say whether the service is ready", ["text/plain"]),
        "/metrics": _get("Send numbers for Prometheus", ["text/plain"]),
        "/openapi.json": _get("Send this document", [_JSON]),
        **{f"/v1/{{model}}/{name}": _post(name) for name in edits.PARAMETERS},
        **training_schema.list_paths(_add_problems({})),
        **{path: _describe_kserve(*said) for path, said in kserve_routes.PATHS.items()},
    }


def _get(
    summary: str,
    media: Iterable[str],
    parameters: Iterable[str] = (),
    places: Mapping[str, Schema] | None = None,
    statuses: Iterable[str] = (),
) -> Schema:
    """Describe a route that is read. Its places in the path are filled in by _complete."""
    query = [
        {"name": name, "in": "query", "schema": SCHEMAS[name]}
        for name in (*parameters, *((signing.PARAMETER,) if parameters else ()))
    ]
    answers = {status: {"description": _STATUSES[status]} for status in statuses}
    if media:
        answers["200"] = _describe_success(media)
    described = {"summary": summary, "parameters": query, "responses": _add_problems(answers)}
    return {"get": described, "x-places": dict(places or {})}


def _post(application: str) -> Schema:
    """Describe an edit."""
    file = {"type": "string", "format": "binary"}
    words = {name: SCHEMAS[name] for name in edits.PARAMETERS[application]}
    properties = {**words, "image": file} | ({"mask": file} if "mask" in words else {})
    body = {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}
    answers = {"200": _describe_success(_PICTURES)}
    described = {
        "summary": f"Make the result of singan {application}",
        "requestBody": {"required": True, "content": body},
        "responses": _add_problems(answers),
    }
    return {"post": described, "x-places": {}}


def _describe_kserve(method: str, summary: str) -> Schema:
    """Describe a route of KServe's protocol, which has its own form of errors."""
    error = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
    failed = {"description": "an error", "content": {_JSON: {"schema": error}}}
    media = [_JSON, kserve.BINARY] if method == "POST" else [_JSON]
    answers = {"200": _describe_success(media), "default": failed}
    described: Schema = {"summary": summary, "responses": answers}

    if method == "POST":
        inputs = {"type": "array", "items": {"type": "object"}}
        body = {"type": "object", "required": ["inputs"], "properties": {"inputs": inputs}}
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
    return {method.lower(): described, "x-places": {}}


def _complete(path: str, described: Schema) -> Schema:
    """Return a route with the parameters of its path."""
    own = described.pop("x-places")
    places = [
        {"name": name, "in": "path", "required": True, "schema": {**_PATHS, **own}[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return {"parameters": places, **described}


def _add_problems(answers: Schema) -> Schema:
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**answers, "default": {"description": "a problem (RFC 9457)", "content": content}}


def _describe_success(media: Iterable[str]) -> Schema:
    content: Schema = {one: {} for one in media}
    return {"description": "done", "content": content}


def _match_file(suffixes: Iterable[str]) -> Schema:
    """Return the schema of a file's name: a size and one of the endings."""
    size = _SIZE["pattern"].strip("^$")
    return {"type": "string", "pattern": rf"^{size}\.({'|'.join(suffixes)})$"}


def _describe_problem() -> Schema:
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
        },
    }
