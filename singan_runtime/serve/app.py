"""The application: all routes of the service as an ASGI program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from singan_runtime.serve import (
    deepzoom_routes,
    edit_routes,
    health_routes,
    iiif_routes,
    kserve_routes,
    markup_routes,
    model_routes,
    picture_routes,
    training_routes,
)
from singan_runtime.serve.front import Front
from singan_runtime.serve.observer import Observer
from singan_runtime.serve.problems import Problem, describe_problem
from singan_runtime.serve.service import Service
from singan_runtime.serve.settings import Settings


def make_app(settings: Settings, log: TextIO | None = None) -> Starlette:
    """Make the application, which writes a line for every request to a log, if there is one.

    Raises BundleError, OutputError, RequestError or InstallError.
    """
    service = Service(settings)

    @asynccontextmanager
    async def live(app: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.live())
        yield
        warming.cancel()
        await service.close()

    parts = (
        health_routes,
        model_routes,
        training_routes,
        edit_routes,
        markup_routes,
        deepzoom_routes,
        iiif_routes,
        kserve_routes,
        picture_routes,
    )
    app = Starlette(
        routes=[route for part in parts for route in part.list_routes(service)],
        middleware=[
            Middleware(Observer, metrics=service.metrics, log=log),
            *allow_origins(settings),
            Middleware(Front, urls=service.urls, memory=service.memory),
        ],
        exception_handlers={HTTPException: describe_http_error},
        lifespan=live,
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def allow_origins(settings: Settings) -> list[Middleware]:
    """List the middleware that lets scripts of pages from elsewhere read answers, if any may."""
    if not settings.origins:
        return []

    methods, headers = (
        ("GET", "HEAD", "POST", "DELETE"),
        ("ETag", "Content-Location", "X-Request-ID"),
    )
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=methods,
            allow_headers=("*",),
            expose_headers=headers,
            max_age=86400,
        )
    ]


async def describe_http_error(request: Request, error: Exception) -> Response:
    """Write what Starlette itself refuses, an unknown path or method, as a problem document."""
    assert isinstance(error, HTTPException)
    details = {
        404: f"there is nothing at {request.scope['path'][:200]}",
        405: f"{request.method[:20]} is not possible here",
    }
    detail = details.get(error.status_code, str(error.detail))
    return describe_problem(Problem(error.status_code, detail, error.headers))
