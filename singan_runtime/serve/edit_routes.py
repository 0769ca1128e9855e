"""Routes of edits: pictures that are sent here are drawn anew in the manner of a model."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from singan_runtime.sampler import Sampler
from singan_runtime.serve import edits, orders, uploads, words
from singan_runtime.serve.service import Service, guard


def list_routes(service: Service) -> list[Route]:
    """List the routes of edits."""
    return [
        Route(
            f"/v1/{{model}}/{application}",
            guard(application, partial(send_edit, service, application)),
            methods=["POST"],
            name=application,
        )
        for application in edits.PARAMETERS
    ]


async def send_edit(service: Service, application: str, request: Request) -> Response:
    """Send the result of an edit. Nothing of it is kept."""
    service.check_signature(request)
    model, _ = service.find_model(request)
    files, found = await uploads.read_upload(request, service.settings.max_body, edits.FILES)
    with words.explain_as(400):
        edit = edits.read_edit(application, found, files)
    edit = replace(edit, has_metadata=service.settings.has_metadata)
    if edit.request.size is not None:
        orders.check_pixels(edit.request.size, service.settings.max_pixels)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        return edits.make_edit(sampler, edit, check)

    body = await service.make_once(request, model, secrets.token_hex(32), make)
    kind = "attachment" if edit.is_download else "inline"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'{kind}; filename="{model.name}_{application}.{edit.format}"',
    }
    return Response(body, 200, headers, orders.MEDIA[edit.format])
