"""Routes of pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from singan_core.errors import RequestError
from singan_runtime.parsing import format_size
from singan_runtime.sampler import Sampler
from singan_runtime.serve import orders, signing
from singan_runtime.serve.pictures import make_picture
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Service, guard

MOST_QUERY = 4096
"""Bytes of a query at most."""


def list_routes(service: Service) -> list[Route]:
    """List the routes of pictures."""
    get_picture = guard("picture", partial(send_picture, service))
    return [Route("/v1/{model}/{picture}", get_picture, methods=["GET"], name="picture")]


async def send_picture(service: Service, request: Request) -> Response:
    """Send the picture of a URL, or redirect to the one that has an id and a seed."""
    service.check_signature(request)
    model, has_id = service.find_model(request)
    words = read_words(request)
    try:
        order = orders.read_order(request.path_params["picture"], words)
    except RequestError as error:
        raise Problem(400, str(error)) from None
    orders.check_limits(order, service.settings.max_pixels)
    picture = find_allowed(service, order, request.path_params["picture"])
    if picture != request.path_params["picture"]:
        words = {name: word for name, word in words.items() if name not in ("w", "dpr")}
        return redirect(service, f"/v1/{model.address}/{picture}", words)
    if not has_id or "seed" not in words:
        return redirect(service, f"/v1/{model.address}/{picture}", words)

    key = service.compute_key(model, "picture", order.describe())
    where = service.settings.root_path + orders.write_path(model.address, order, words)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        body = make_picture(sampler, order, check)
        service.metrics.pixels.inc(math.prod(order.size))
        return body

    headers = {
        "Content-Location": where,
        "Content-Disposition": orders.describe_disposition(order, model.name),
    }
    return await service.answer(request, model, key, orders.MEDIA[order.format], make, headers)


def read_words(request: Request) -> dict[str, str]:
    """Read the words of a query. Raises Problem for one that is too long, or has a word twice."""
    if len(request.url.query) > MOST_QUERY:
        raise Problem(414, f"the query is longer than {MOST_QUERY} bytes")
    words: dict[str, str] = {}
    for name, word in request.query_params.multi_items():
        if name in words:
            raise Problem(400, f"{name[:80]} is given twice; give it once")
        words[name] = word
    words.pop(signing.PARAMETER, None)
    return words


def redirect(service: Service, path: str, words: Mapping[str, str]) -> Response:
    """Redirect to a path with a seed, which is chosen if there is none, and signed if need be."""
    seeded = words if "seed" in words else {"seed": str(orders.choose_seed()), **words}
    address = service.sign(f"{path}?{urlencode(seeded, safe=',;')}")
    location = service.settings.root_path + address
    return RedirectResponse(location, 302, {"Cache-Control": "no-store"})


def find_allowed(service: Service, order: orders.Order, name: str) -> str:
    """Return the file name of an order, or that of the size that is made instead.

    Raises RequestError where no such size is made.
    """
    sizes = service.settings.sizes
    if not sizes.are_limited:
        return name
    if order.request.window is not None:
        raise RequestError("windows are not made here; ask for the whole picture")
    size = sizes.find(order.size)
    return name if size == order.size else f"{format_size(size)}.{order.format}"
