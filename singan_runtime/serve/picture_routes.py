"""Routes of what a URL stands for: pictures and clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from singan_core.errors import RequestError
from singan_runtime.parsing import format_size
from singan_runtime.sampler import Sampler
from singan_runtime.serve import clips, orders, pictures, words
from singan_runtime.serve.orders import Order
from singan_runtime.serve.service import Service, guard


@dataclass(frozen=True)
class Kind:
    """A kind of file that URLs stand for: how its order is read, checked and made."""

    name: str
    place: str  # between the model and the file's name
    read: Callable[[str, Mapping[str, str]], Any]
    check: Callable[[Any, Any], None]
    make: Callable[[Sampler, Any, Callable[[], None]], bytes]


KINDS = (
    Kind("picture", "", orders.read_order, orders.check_limits, pictures.make_picture),
    Kind("clip", "/animate", clips.read_order, clips.check_limits, clips.make_clip),
)


def list_routes(service: Service) -> list[Route]:
    """List the routes of pictures and clips."""
    return [
        Route(
            f"/v1/{{model}}{kind.place}/{{file}}",
            guard(kind.name, partial(send_file, service, kind)),
            methods=["GET"],
            name=kind.name,
        )
        for kind in KINDS
    ]


async def send_file(service: Service, kind: Kind, request: Request) -> Response:
    """Send the file of a URL, or redirect to the one that has an id and a seed."""
    service.check_signature(request)
    model, has_id = service.find_model(request)
    name, query = request.path_params["file"], words.read_words(request)
    with words.explain_as(400):
        order: Order = kind.read(name, query)
    order = replace(order, has_metadata=service.settings.has_metadata)
    kind.check(order, service.settings)

    place = f"/v1/{model.address}{kind.place}"
    allowed = find_allowed(service, order, name)
    if allowed != name:
        kept = {name: word for name, word in query.items() if name not in ("w", "dpr")}
        return redirect(service, f"{place}/{allowed}", kept)
    if not has_id or "seed" not in query:
        return redirect(service, f"{place}/{name}", query)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        body = kind.make(sampler, order, check)
        service.metrics.pixels.inc(order.pixels)
        return body

    headers = {
        "Content-Location": service.settings.root_path + orders.write_path(place, order, query),
        "Content-Disposition": orders.describe_disposition(order, model.name),
    }
    key = service.compute_key(model, kind.name, order.describe())
    return await service.answer(request, model, key, order.media, make, headers)


def redirect(service: Service, path: str, query: Mapping[str, str]) -> Response:
    """Redirect to a path with a seed, which is chosen if there is none, and signed if need be."""
    seeded = query if "seed" in query else {"seed": str(orders.choose_seed()), **query}
    address = service.sign(f"{path}?{urlencode(seeded, safe=',;')}")
    location = service.settings.root_path + address
    return RedirectResponse(location, 302, {"Cache-Control": "no-store"})


def find_allowed(service: Service, order: Order, name: str) -> str:
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
