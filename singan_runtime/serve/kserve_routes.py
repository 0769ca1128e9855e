"""Routes of KServe's protocol, version 2, by which clients of inference servers get pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from singan_core.errors import RequestError
from singan_core.version import find_version
from singan_runtime import tensors
from singan_runtime.parsing import format_size
from singan_runtime.request import Request as Drawing
from singan_runtime.sampler import Sampler
from singan_runtime.serve import kserve, orders, problems
from singan_runtime.serve.kserve import Question
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Handler, Service, guard
from singan_runtime.serve.uploads import read_body

FRESH = {"Cache-Control": "no-store"}
PATHS = {
    "/v2": ("GET", "Describe the server (KServe)"),
    "/v2/health/live": ("GET", "Say that the service lives (KServe)"),
    "/v2/health/ready": ("GET", "Say whether the service is ready (KServe)"),
    "/v2/models/{model}": ("GET", "Describe a model (KServe)"),
    "/v2/models/{model}/ready": ("GET", "Say that there is a model (KServe)"),
    "/v2/models/{model}/infer": ("POST", "Draw a picture as tensors (KServe)"),
}
"""Methods and summaries of the routes."""


def list_routes(service: Service) -> list[Route]:
    """List the routes of the protocol."""
    handlers = {
        "/v2": describe_server,
        "/v2/health/live": say_live,
        "/v2/health/ready": say_ready,
        "/v2/models/{model}": describe_model,
        "/v2/models/{model}/ready": say_there,
        "/v2/models/{model}/infer": infer,
    }
    return [
        Route(path, explain(partial(handlers[path], service)), methods=[method], name=path)
        for path, (method, _) in PATHS.items()
    ]


def explain(handler: Handler) -> Handler:
    """Return the handler of a route that says what is wrong as the protocol wants it said."""
    guarded = guard("kserve", handler)

    async def answer(request: Request) -> Response:
        response = await guarded(request)
        if response.media_type != problems.MEDIA:
            return response
        said = json.loads(bytes(response.body))["detail"]
        headers = {**FRESH}
        if "Retry-After" in response.headers:
            headers["Retry-After"] = response.headers["Retry-After"]
        return JSONResponse({"error": said}, response.status_code, headers)

    return answer


async def describe_server(service: Service, request: Request) -> Response:
    """Send what the server is."""
    return JSONResponse(kserve.describe_server(find_version()), headers=FRESH)


async def say_live(service: Service, request: Request) -> Response:
    """Say that the service lives."""
    return JSONResponse({"live": True}, headers=FRESH)


async def say_ready(service: Service, request: Request) -> Response:
    """Say whether the service is ready."""
    if not service.is_ready:
        raise Problem(503, "models are being opened", {"Retry-After": "1"})
    return JSONResponse({"ready": True}, headers=FRESH)


async def describe_model(service: Service, request: Request) -> Response:
    """Send what one model takes and gives."""
    model, _ = service.find_model(request)
    return JSONResponse(kserve.describe_model(model.name, model.manifest), headers=FRESH)


async def say_there(service: Service, request: Request) -> Response:
    """Say that there is a model, which is opened when it is first asked."""
    model, _ = service.find_model(request)
    return JSONResponse({"name": model.name, "ready": True}, headers=FRESH)


async def infer(service: Service, request: Request) -> Response:
    """Send the picture of a request as tensors. Nothing of it is kept."""
    service.check_signature(request)
    model, _ = service.find_model(request)
    body = await read_body(request, service.settings.max_body)
    length = request.headers.get(kserve.JSON_LENGTH)
    question = kserve.read_question(body, length, model.manifest)
    wanted = tensors.read_request(question.arrays)
    check_limits(service, question, wanted)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        drawn = tensors.draw(sampler, wanted)
        check()
        service.metrics.pixels.inc(drawn["pixels"].size // drawn["pixels"].shape[2])
        return kserve.write_answer(model.name, question, drawn)

    asked = json.dumps([wanted.to_dict(), question.outputs, question.id])
    key = service.compute_key(model, "kserve", asked)
    made, headers = kserve.split_answer(await service.make_once(request, model, key, make))
    return Response(made, 200, {**FRESH, **headers})


def check_limits(service: Service, question: Question, wanted: Drawing) -> None:
    """Raise RequestError, before any work, for a size that this service does not make."""
    assert wanted.size is not None
    settings = service.settings
    orders.check_pixels(wanted.size, settings.max_pixels)
    if settings.sizes.are_limited and settings.sizes.find(wanted.size) != wanted.size:
        raise RequestError(f"{format_size(wanted.size)} is not made here; ask for a round size")
    kserve.check_answer(question, wanted.size)
