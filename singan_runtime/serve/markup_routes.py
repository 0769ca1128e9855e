"""Route of markup: lines for a web page that show a picture at every width and shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime import markup
from singan_runtime.markup import Markup
from singan_runtime.parsing import format_size, parse_size
from singan_runtime.request import Request as Drawing
from singan_runtime.sampler import Sampler
from singan_runtime.serve import orders, signing, words
from singan_runtime.serve.orders import Order
from singan_runtime.serve.picture_routes import redirect
from singan_runtime.serve.service import Service, guard

NAME = "picture.html"
OWN = ("size", "breakpoints", "sizes", "formats", "alt")
"""Parameters of the markup itself; all others are those of its pictures."""

USUAL_SIZE = "1920x1080"
_POLICY = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"
HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
"""The lines are not kept: their URLs begin with the name by which the service is asked."""


def list_routes(service: Service) -> list[Route]:
    """List the route of markup."""
    send = guard("markup", partial(send_markup, service))
    return [Route(f"/v1/{{model}}/{NAME}", send, methods=["GET"], name="markup")]


async def send_markup(service: Service, request: Request) -> Response:
    """Send the lines that show a picture, or redirect to the URL that has an id and a seed."""
    service.check_signature(request)
    model, has_id = service.find_model(request)
    query = words.read_words(request)
    with words.explain_as(400):
        order, shapes = read_markup(query)
        formats = markup.read_formats(query.get("formats", ",".join(markup.FORMATS)))
    for shape in shapes:
        orders.check_pixels(shape.size, service.settings.max_pixels)
        service.settings.sizes.find(shape.size)
    if not has_id or "seed" not in query:
        return redirect(service, f"/v1/{model.address}/{NAME}", query)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        return markup.draw_placeholder(sampler, order.request)

    root = f"{request.url.scheme}://{request.url.netloc}{service.settings.root_path}"
    key = service.compute_key(model, "placeholder", order.describe())
    locate = markup.locate_in_service(
        f"{root}/v1/{model.address}",
        {"seed": str(order.request.seed), **list_picture_words(query)},
        lambda url: signing.sign_below(root, url, service.settings.keys),
        find_zoom(order.request),
    )
    written = Markup(
        locate,
        shapes,
        query.get("sizes", Markup.sizes),
        formats,
        query.get("alt", ""),
        partial(choose_sizes, service),
    )
    placeholder = await service.find_or_make(request, model, key, make)
    return HTMLResponse(written.write(placeholder), headers=HEADERS)


def find_zoom(drawn: Drawing) -> tuple[float, int] | None:
    """Find a zoom in numbers, and the height of the picture that it is meant for."""
    if isinstance(drawn.zoom, str) or drawn.size is None:
        return None
    return drawn.zoom, drawn.size[0]


def read_markup(query: Mapping[str, str]) -> tuple[Order, tuple[markup.Shape, ...]]:
    """Read the picture and the shapes of a query. Raises RequestError."""
    orders.check_names(query, (*OWN, *(one for one in orders.PARAMETERS if is_offered(one))))
    size = parse_size(query.get("size", USUAL_SIZE))
    drawn = {"seed": query.get("seed", "0"), **list_picture_words(query)}
    shapes = markup.read_shapes(size, query.get("breakpoints", ""))
    for shape in shapes:
        if 0 in shape.size:
            raise RequestError(f"size {format_size(shape.size)} is not possible")
    return orders.read_order(f"{format_size(size)}.webp", drawn), shapes


def is_offered(parameter: str) -> bool:
    """Whether a parameter of pictures makes sense where widths are chosen by the browser."""
    return parameter not in ("w", "dpr", "window", "download")


def list_picture_words(query: Mapping[str, str]) -> dict[str, str]:
    """List the words that go into the URLs of the pictures, beside the seed."""
    return {name: word for name, word in query.items() if name not in (*OWN, "seed")}


def choose_sizes(service: Service, size: Size) -> list[Size]:
    """Choose the sizes of a shape that are offered: of those that are made here."""
    sizes = service.settings.sizes
    listed = markup.list_sizes(size)
    if sizes.listed:
        return [one for one in listed if one in sizes.listed]
    return list(dict.fromkeys(sizes.find(one) for one in listed))
