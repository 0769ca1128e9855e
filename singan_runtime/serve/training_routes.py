"""Routes of training: a photo that is sent here becomes a model, if the service allows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from singan_core.errors import ImageError, RequestError
from singan_runtime.serve import orders, uploads, words
from singan_runtime.serve.new_models import USUAL_NAME
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.service import Service, guard
from singan_runtime.serve.trainings import Trainings

PLACE = "/v1/training"
FILES, WORDS = ("photo",), ("name",)
FRESH = {"Cache-Control": "no-store"}

Handler = Callable[[Service, Trainings, Request], Awaitable[Response]]


def list_routes(service: Service) -> list[Route]:
    """List the routes of training, where nothing is found unless the service trains."""
    handlers: dict[str, dict[str, Handler]] = {
        PLACE: {"GET": send_current, "POST": begin_training},
        f"{PLACE}/{{id}}": {"GET": send_training, "DELETE": cancel_training},
    }
    return [
        Route(
            path,
            guard("training", partial(send_answer, service, by_method)),
            methods=list(by_method),
            name=path,
        )
        for path, by_method in handlers.items()
    ]


async def send_answer(
    service: Service, by_method: Mapping[str, Handler], request: Request
) -> Response:
    """Answer as the handler of a method does.

    Raises Problem where the service does not train, or not for this client.
    """
    if service.trainings is None:
        raise Problem(404, "this service does not train; it does when started with --train")
    service.check_signature(request)
    method = "GET" if request.method == "HEAD" else request.method
    if method != "GET":
        check_origin(service, request)
    return await by_method[method](service, service.trainings, request)


def check_origin(service: Service, request: Request) -> None:
    """Raise Problem for what a page of another origin sends through its visitor's browser.

    Otherwise any page could have the service on its visitor's own machine train. Programs that are
    no browsers name no origin.
    """
    origin = request.headers.get("origin")
    if origin is None or origin in service.settings.origins:
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem(403, f"pages of {origin[:80]} may not train here; --cors allows an origin")


async def send_current(service: Service, trainings: Trainings, request: Request) -> Response:
    """Send where the training stands that runs, if one does."""
    current, root = trainings.find_current(), service.settings.root_path
    described = None if current is None else current.describe(root)
    return JSONResponse({"job": described}, headers=FRESH)


async def begin_training(service: Service, trainings: Trainings, request: Request) -> Response:
    """Begin to train on the photo of a form."""
    trainings.check_free()
    files, found = await uploads.read_upload(request, service.settings.max_body, FILES)
    with words.explain_as(400):
        orders.check_names(found, WORDS)
    if "photo" not in files:
        raise RequestError("training needs a file 'photo'")

    service.count_made(request)
    try:
        training = await trainings.begin(files["photo"], found.get("name", USUAL_NAME))
    except ImageError as error:
        raise RequestError(str(error)) from None
    root = service.settings.root_path
    headers = {**FRESH, "Location": f"{root}{PLACE}/{training.id}"}
    return JSONResponse(training.describe(root), 202, headers)


async def send_training(service: Service, trainings: Trainings, request: Request) -> Response:
    """Send where a training stands, or how it ended."""
    training = trainings.find(request.path_params["id"])
    return JSONResponse(training.describe(service.settings.root_path), headers=FRESH)


async def cancel_training(service: Service, trainings: Trainings, request: Request) -> Response:
    """End a training, if it still runs."""
    await trainings.cancel(trainings.find(request.path_params["id"]))
    return Response(status_code=204, headers=FRESH)
