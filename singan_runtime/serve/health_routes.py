"""Routes for who runs the service: whether it lives, whether it is ready, and its numbers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from singan_runtime.serve import metrics
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Service, guard

FRESH = {"Cache-Control": "no-store"}


def list_routes(service: Service) -> list[Route]:
    """List the routes for who runs the service."""

    async def say_healthy(request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=FRESH)

    async def say_ready(request: Request) -> Response:
        if not service.is_ready:
            raise Problem(503, "models are being opened", {"Retry-After": "1"})
        return PlainTextResponse("ready\n", headers=FRESH)

    async def send_metrics(request: Request) -> Response:
        return Response(service.metrics.write(), 200, FRESH, metrics.MEDIA)

    handlers = {"healthz": say_healthy, "readyz": say_ready, "metrics": send_metrics}
    return [
        Route(f"/{name}", guard(name, handler), methods=["GET"], name=name)
        for name, handler in handlers.items()
    ]
