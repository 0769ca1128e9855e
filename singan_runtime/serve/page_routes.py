"""Routes of the page for people: its document at /, and the files that belong to it."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import FOR_EVER, Service, guard, has_file

DOCUMENT = "index.html"
MEDIA = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Media types of the page's files by their endings."""

FILES = sorted({*MEDIA.values()} - {MEDIA[".html"]})

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {word}" for name, word in _POLICY.items()),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of the document and its files: nothing is read from elsewhere."""


class Page:
    """The page's files, and the digest of them all, which is a part of their URLs."""

    def __init__(self) -> None:
        """Read the files from the package."""
        folder = resources.files("singan_runtime.serve").joinpath("page")
        found = sorted(folder.iterdir(), key=lambda file: file.name)
        self.files = {file.name: file.read_bytes() for file in found}
        self.version = hashlib.sha256(b"".join(self.files.values())).hexdigest()[:12]

    def write_document(self, has_training: bool) -> bytes:
        """Write the document, whose files have URLs that stand for them for ever."""
        document = self.files[DOCUMENT].replace(b"%VERSION%", self.version.encode())
        return document.replace(b"%TRAINING%", b"on" if has_training else b"off")


def list_routes(service: Service) -> list[Route]:
    """List the routes of the page."""
    page = Page()
    sending = guard("page", partial(send_document, service, page))
    return [
        Route("/", sending, methods=["GET"], name="page"),
        Route(
            "/page/{version}/{name}",
            guard("page", partial(send_file, page)),
            methods=["GET"],
            name="page_file",
        ),
    ]


async def send_document(service: Service, page: Page, request: Request) -> Response:
    """Send the document. Raises Problem where every URL must be signed: scripts hold no keys."""
    if service.settings.keys:
        raise Problem(
            403,
            "the page cannot sign URLs, and this service makes nothing without a signature; "
            "start another one without --key-file to use the page",
        )

    body = page.write_document(service.trainings is not None)
    key = hashlib.sha256(body).hexdigest()
    headers = {"ETag": f'"{key}"', "Cache-Control": "no-cache", **HEADERS}
    if has_file(request, key):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, MEDIA[".html"])


async def send_file(page: Page, request: Request) -> Response:
    """Send a file of the page. Raises Problem for one that is not there, or was there before."""
    version, name = request.path_params["version"], request.path_params["name"]
    body = page.files.get(name)
    if version != page.version or body is None or name == DOCUMENT:
        raise Problem(404, f"no file {name[:80]!r} of this version; load the page anew")
    suffix = name[name.rindex(".") :]
    return Response(body, 200, {"Cache-Control": FOR_EVER, **HEADERS}, MEDIA[suffix])
