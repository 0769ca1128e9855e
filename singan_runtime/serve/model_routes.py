"""Routes that say which models, screens and routes there are."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from singan_runtime.screens import SCREENS
from singan_runtime.serve import openapi
from singan_runtime.serve.catalogue import Model
from singan_runtime.serve.service import Service, guard

BRIEF = {"Cache-Control": "no-cache"}
"""Headers of what changes when models do."""


def list_routes(service: Service) -> list[Route]:
    """List the routes of models, screens and the document of all routes."""
    handlers = {
        "/v1/models": list_models,
        "/v1/models/{model}": send_model,
        "/v1/screens": list_screens,
        "/openapi.json": send_document,
    }
    return [
        Route(path, guard("models", partial(handler, service)), methods=["GET"], name=path)
        for path, handler in handlers.items()
    ]


async def list_models(service: Service, request: Request) -> Response:
    """Send what every model is, and which sizes of their pictures are made."""
    root = service.settings.root_path
    found = [describe_model(model, root) for model in service.catalogue.models.values()]
    sizes = service.settings.sizes.describe()
    return JSONResponse({"models": found, "sizes": sizes}, headers=BRIEF)


async def send_model(service: Service, request: Request) -> Response:
    """Send what one model is."""
    model, _ = service.find_model(request)
    return JSONResponse(describe_model(model, service.settings.root_path), headers=BRIEF)


async def list_screens(service: Service, request: Request) -> Response:
    """Send the sizes that have names."""
    found = {name: {"width": width, "height": height} for name, (width, height) in SCREENS.items()}
    return JSONResponse({"screens": found}, headers=BRIEF)


async def send_document(service: Service, request: Request) -> Response:
    """Send the OpenAPI document."""
    return JSONResponse(openapi.write_document(service.settings.root_path), headers=BRIEF)


def describe_model(model: Model, root: str) -> dict[str, Any]:
    """Return what a client may want to know of a model, as JSON's types."""
    manifest = model.manifest
    height, width = manifest.pyramid.finest

    scales = len(manifest.shapes) if manifest.detail is None else manifest.detail.hand_over + 1
    return {
        "name": model.name,
        "id": model.id,
        "identity": model.identity,
        "width": width,
        "height": height,
        "channels": manifest.picture_channels,
        "labels": list(manifest.labels),
        "detail": manifest.detail is not None,
        "start_scales": scales,
        "pictures": f"{root}/v1/{model.address}/{{width}}x{{height}}.{{format}}?seed={{seed}}",
    }
