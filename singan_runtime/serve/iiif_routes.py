"""Routes of the IIIF Image API 3.0, for viewers such as OpenSeadragon and Mirador."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from singan_core import encoding
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime import request as drawing
from singan_runtime.parsing import format_size, parse_size
from singan_runtime.sampler import Sampler
from singan_runtime.serve import iiif, orders, signing, words
from singan_runtime.serve.address import read_address
from singan_runtime.serve.catalogue import Model
from singan_runtime.serve.deepzoom_routes import check_allowed
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Service, guard

ROOT = "/iiif"
LD_JSON = "application/ld+json"
OPEN = {"Access-Control-Allow-Origin": "*"}
"""Viewers on pages of any origin may read the answers, as the specification asks."""

_PROFILE = '<http://iiif.io/api/image/3/level2.json>;rel="profile"'


@dataclass(frozen=True)
class Identifier:
    """A picture's name in IIIF: MODEL@ID:WxH:SEED, and :SIGNATURE where there are keys."""

    model: Model
    size: Size
    seed: str
    signature: str

    @property
    def signed(self) -> str:
        """The path whose signature it carries."""
        return f"{ROOT}/{self.model.address}:{format_size(self.size)}:{quote(self.seed, safe='')}"

    @property
    def path(self) -> str:
        """The path of the picture's service."""
        return self.signed + (f":{self.signature}" if self.signature else "")


def list_routes(service: Service) -> list[Route]:
    """List the routes of IIIF."""
    handlers = {
        "/{identifier}": redirect_base,
        "/{identifier}/info.json": send_information,
        "/{identifier}/{region}/{size}/{rotation}/{quality}.{format}": send_view,
    }
    return [
        Route(ROOT + path, guard("iiif", partial(handler, service)), methods=["GET"])
        for path, handler in handlers.items()
    ]


async def redirect_base(service: Service, request: Request) -> Response:
    """Redirect from a picture's own address to its description (303), as IIIF wants it."""
    found = read_identifier(service, request)
    location = f"{service.settings.root_path}{found.path}/info.json"
    return RedirectResponse(location, 303, {**OPEN, "Cache-Control": "no-store"})


async def send_information(service: Service, request: Request) -> Response:
    """Send the description of a picture, info.json."""
    found = read_identifier(service, request, is_full=True)
    root = f"{request.url.scheme}://{request.url.netloc}{service.settings.root_path}"
    described = iiif.describe(root + found.path, found.size, service.settings.max_pixels)
    wants_ld = LD_JSON in request.headers.get("accept", "")
    media = f'{LD_JSON};profile="{iiif.CONTEXT}"' if wants_ld else "application/json"
    headers = {**OPEN, "Vary": "Accept", "Cache-Control": "no-cache", "Link": _PROFILE}
    return Response(json.dumps(described), 200, headers, media)


async def send_view(service: Service, request: Request) -> Response:
    """Send a region of a picture at a size, turned and in a quality."""
    found = read_identifier(service, request, is_full=True)
    place, most = request.path_params, service.settings.max_pixels
    with words.explain_as(400):
        names = (place[name] for name in ("region", "size", "rotation", "quality"))
        view = iiif.read_view(found.size, most, *names)
        format = iiif.FORMATS.get(place["format"])
        if format is None:
            raise RequestError(f"format {place['format'][:80]!r} is not one of jpg, png, webp")

    seed = orders.read_seed(found.seed)
    canonical = iiif.write_canonical(found.size, view, place["format"])
    key = service.compute_key(found.model, "iiif", f"{found.size} {seed} {canonical}")
    root = f"{request.url.scheme}://{request.url.netloc}{service.settings.root_path}"
    link = f'{_PROFILE},<{root}{found.path}/{canonical}>;rel="canonical"'

    def make(sampler: Sampler, check: Callable[[], None]) -> bytes:
        asked = drawing.Request(found.size, seed)
        pixels = iiif.draw_view(sampler, asked, view)
        service.metrics.pixels.inc(pixels.shape[0] * pixels.shape[1])
        return encoding.encode(pixels, format)

    headers = {**OPEN, "Link": link}
    return await service.answer(request, found.model, key, orders.MEDIA[format], make, headers)


def read_identifier(service: Service, request: Request, is_full: bool = False) -> Identifier:
    """Read the identifier of a URL. One that is not full gets an id and a seed.

    Raises Problem for one that is unknown or, if need be, not full or not signed.
    """
    model, size, seed, signature = split(request.path_params["identifier"])
    address = read_address(model)
    if address is None:
        raise Problem(404, f"there is no model {model[:80]!r}")
    found = Identifier(service.catalogue.find(*address), size, seed, signature)
    if is_full and (address[1] is None or not seed):
        raise Problem(404, "an identifier is MODEL@ID:WxH:SEED; ask for it without info.json first")

    check_allowed(service)
    keys = service.settings.keys
    path = request.scope["raw_path"].removeprefix(service.settings.root_path.encode())
    if keys:
        check_signature(path, keys)
    if is_full:
        return found
    chosen = Identifier(found.model, size, seed or str(orders.choose_seed()), "")
    if keys:
        mark = signing.compute_signature(chosen.signed.encode(), keys[0]).decode()
        return Identifier(chosen.model, size, chosen.seed, mark)
    return chosen


def split(identifier: str) -> tuple[str, Size, str, str]:
    """Split an identifier into model, size, seed and signature, of which some may be missing.

    Raises Problem.
    """
    parts = identifier.split(":")
    if not 2 <= len(parts) <= 4:
        raise Problem(404, "an identifier is MODEL@ID:WxH:SEED, as in hill@01234567:20000x8000:42")
    try:
        size = parse_size(parts[1])
        drawing.read_size(size)
    except RequestError as error:
        raise Problem(400, str(error)) from None
    seed, signature = [*parts[2:], "", ""][:2]
    return parts[0], size, seed, signature


def check_signature(path: bytes, keys: tuple[bytes, ...]) -> None:
    """Raise Problem unless a key has signed the identifier of a path, at whose end it stands."""
    identifier = re.match(rb"/iiif/([^/]+)", path)
    named, _, mark = identifier[1].rpartition(b":") if identifier else (b"", b"", b"")
    if not signing.is_signed(b"/iiif/" + named + b"?s=" + mark, keys):
        raise Problem(403, "this service needs signed identifiers: MODEL@ID:WxH:SEED:SIGNATURE")
