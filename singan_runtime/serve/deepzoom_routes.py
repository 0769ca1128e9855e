"""Routes of Deep Zoom: the description of a picture of any size, and its tiles, made on demand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from singan_core import encoding
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime.files.deepzoom import TILE, describe
from singan_runtime.parsing import Window, format_size, parse_size
from singan_runtime.sampler import Sampler
from singan_runtime.serve import levels, orders, words
from singan_runtime.serve.orders import Order
from singan_runtime.serve.picture_routes import redirect
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import FOR_EVER, Service, guard

PLACE = "deepzoom"
PARAMETERS = (
    "seed", "zoom", "start_scale", "variation", "tileable", "detail", "keep", "place", "background",
    "format",
)  # fmt: skip
FORMATS = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "webp": "webp"}

_TILE = re.compile(r"(\d{1,7})_(\d{1,7})", re.ASCII)


def list_routes(service: Service) -> list[Route]:
    """List the routes of Deep Zoom."""
    root = f"/v1/{{model}}/{PLACE}"
    describing = guard("deepzoom", partial(send_description, service))
    sending = guard("tile", partial(send_tile, service))
    return [
        Route(f"{root}/{{size}}.dzi", describing, methods=["GET"], name="deepzoom"),
        Route(
            f"{root}/{{size}}_files/{{level:int}}/{{tile}}", sending, methods=["GET"], name="tile"
        ),
    ]


async def send_description(service: Service, request: Request) -> Response:
    """Send the description of a picture's tiles, or redirect to the URL with an id and a seed."""
    service.check_signature(request)
    model, has_id = service.find_model(request)
    query = words.read_words(request)
    with words.explain_as(400):
        order = read_picture(request.path_params["size"], query)
    check_allowed(service)

    path = f"/v1/{model.address}/{PLACE}/{request.path_params['size']}.dzi"
    if not has_id or "seed" not in query:
        return redirect(service, path, query)
    body = describe(order.size, query.get("format", "jpg"))
    return Response(body, 200, {"Cache-Control": FOR_EVER}, "application/xml")


async def send_tile(service: Service, request: Request) -> Response:
    """Send a tile. Its URL has the query of its description's, the signature included."""
    place = request.path_params
    path = f"/v1/{place['model']}/{PLACE}/{place['size']}.dzi"
    service.check_signature(request, path)
    model, has_id = service.find_model(request)
    query = words.read_words(request)
    name, _, suffix = place["tile"].rpartition(".")
    if not has_id or "seed" not in query:
        raise Problem(404, "tiles have an id and a seed; begin with the .dzi file")
    with words.explain_as(400):
        order = replace(read_picture(place["size"], query), format=read_format(suffix))
    check_allowed(service)

    times, window = find_window(order.size, place["level"], name)
    described = f"{order.describe()} {times} {window}"
    key = service.compute_key(model, "tile", described)

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        pixels = levels.draw_level(sampler, order.request, times, window)
        service.metrics.pixels.inc(pixels.shape[0] * pixels.shape[1])
        return encoding.encode(pixels, order.format, order.background)

    return await service.answer(request, model, key, order.media, make, {})


def read_picture(size: str, query: Mapping[str, str]) -> Order:
    """Read the picture of a size's word and a query. Raises RequestError."""
    orders.check_names(query, PARAMETERS)
    drawn = {name: word for name, word in query.items() if name != "format"}
    read_format(query.get("format", "jpg"))
    return orders.read_order(f"{format_size(parse_size(size))}.png", drawn)


def read_format(suffix: str) -> str:
    """Read the format of a tile's ending. Raises RequestError."""
    if suffix not in FORMATS:
        raise RequestError(f"unknown format {suffix[:80]!r}: choose {', '.join(FORMATS)}")
    return FORMATS[suffix]


def check_allowed(service: Service) -> None:
    """Raise RequestError where only some sizes are made: tiles are windows of any."""
    if service.settings.sizes.are_limited:
        raise RequestError("tiles are not made here, only whole pictures of some sizes")


def find_window(size: Size, level: int, name: str) -> tuple[int, Window]:
    """Find how often the picture of a tile is halved, and the window (y, x, h, w) of the tile.

    name is column_row. Raises Problem for a tile that is not there.
    """
    times = levels.count_halvings(size) - level
    found = _TILE.fullmatch(name)
    if times < 0 or found is None:
        raise Problem(404, "there is no such tile")

    height, width = levels.halve(size, times)
    x, y = int(found[1]) * TILE, int(found[2]) * TILE
    if x >= width or y >= height:
        raise Problem(404, f"level {level} is {width}x{height}: there is no tile {name[:80]}")
    return times, (y, x, min(TILE, height - y), min(TILE, width - x))
