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
from singan_runtime.sampler import Sampler
from singan_runtime.serve import orders
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
    model, has_id = service.find_model(request)
    words = read_words(request)
    try:
        order = orders.read_order(request.path_params["picture"], words)
    except RequestError as error:
        raise Problem(400, str(error)) from None
    orders.check_limits(order, service.settings.max_pixels)

    if not has_id or "seed" not in words:
        seeded = words if "seed" in words else {"seed": str(orders.choose_seed()), **words}
        return redirect(request, model.address, seeded)

    key = service.compute_key(model, "picture", order.describe())
    where = request.scope.get("root_path", "") + orders.write_path(model.address, order, words)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        body = make_picture(sampler, order, check)
        service.metrics.pixels.inc(math.prod(order.size))
        return body

    headers = {"Content-Location": where}
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
    return words


def redirect(request: Request, address: str, words: Mapping[str, str]) -> Response:
    """Redirect to the same file of a model's full address, as in aitzgorri@0123abcd."""
    place = request.url.path.removeprefix(request.scope.get("root_path", ""))
    rest = place.removeprefix("/v1/").partition("/")[2]
    path = f"{request.scope.get('root_path', '')}/v1/{address}/{rest}"
    query = urlencode(words, safe=",;")
    return RedirectResponse(f"{path}?{query}", 302, {"Cache-Control": "no-store"})
