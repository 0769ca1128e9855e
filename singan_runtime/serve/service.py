"""The service itself: its models, its jobs, and how a file that is made becomes an answer."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from singan_core.errors import BundleError, InstallError, RequestError, SinGANError
from singan_runtime import devices
from singan_runtime.request import Request as Drawing
from singan_runtime.sampler import Sampler
from singan_runtime.serve import pictures, ranges, signing
from singan_runtime.serve.address import read_address
from singan_runtime.serve.cache import Cache, Memory
from singan_runtime.serve.catalogue import Catalogue, Model
from singan_runtime.serve.front import KnownUrls
from singan_runtime.serve.jobs import Cancelled, Jobs
from singan_runtime.serve.metrics import Metrics
from singan_runtime.serve.observer import Record
from singan_runtime.serve.problems import Problem, describe_problem
from singan_runtime.serve.rates import Rates
from singan_runtime.serve.settings import Settings
from singan_runtime.serve.trainings import Trainings

FOR_EVER = "public, max-age=31536000, immutable"
"""Cache-Control of what a URL always stands for."""

WARM_SIZE = 32, 32
"""(height, width) of what a model draws at the start; one that cannot still is open then."""

_log = logging.getLogger(__name__)

Make = Callable[[Sampler, Callable[[], None]], bytes]
"""Makes a file's bytes. The second argument is called now and then, and raises Cancelled."""

Handler = Callable[[Request], Awaitable[Response]]


class Service:
    """What all routes share."""

    def __init__(self, settings: Settings) -> None:
        """Read the models. Raises BundleError, RequestError, InstallError or OutputError."""
        self.settings = settings
        if said := devices.describe_choice(settings.device):  # or a missing provider is reported
            _log.info("%s", said)
        self.catalogue = Catalogue(settings)

        self.jobs = Jobs(settings.workers, settings.queue, settings.timeout)
        self.memory = Memory(settings.memory_size)
        self.rates = None if settings.rate is None else Rates(settings.rate)
        self.metrics = Metrics(lambda: self.jobs.active)
        self.catalogue.count_load = lambda name: self.metrics.loads.labels(name).inc()
        self.is_ready = not settings.warm
        self.urls = KnownUrls()
        self.catalogue.when_changed = self.urls.forget
        self.trainings: Trainings | None = None
        if settings.training is not None:
            self.trainings = trainings = Trainings(settings, settings.training, self.catalogue.read)
            trainings.count_end = lambda state: self.metrics.trainings.labels(state).inc()
            self.metrics.training.set_function(lambda: trainings.current is not None)
        self.cache: Cache | None = None
        if settings.cache_folder is not None:
            self.cache = Cache(settings.cache_folder, settings.cache_size)

    async def live(self) -> None:
        """Open the first models, if the settings say so."""
        if self.settings.warm:
            await asyncio.to_thread(self.warm)
        self.is_ready = True

    async def close(self) -> None:
        """Give up all work that is under way."""
        self.jobs.close()
        if self.trainings is not None:
            await self.trainings.close()

    def warm(self) -> None:
        """Open the first models, as many as may be open, and let each draw a small picture."""
        for model in list(self.catalogue.models.values())[: self.settings.max_models]:
            try:
                pixels = self.catalogue.open(model).draw(Drawing(size=WARM_SIZE))
                _log.info("opened %s (%dx%d)", model.name, pixels.shape[1], pixels.shape[0])
            except (Problem, SinGANError) as error:
                _log.error("%s cannot be opened: %s", model.name, error)

    def begin_reading(self) -> None:
        """Begin to read the folder of models anew, in a thread."""
        self._reading = asyncio.get_running_loop().run_in_executor(None, self._read)

    def _read(self) -> None:
        try:
            self.catalogue.read()
            _log.info("models read anew: %s", ", ".join(self.catalogue.models))
        except SinGANError as error:
            _log.error("models are as they were: %s", error)

    def check_signature(self, request: Request, instead: str | None = None) -> None:
        """Raise Problem unless one of the keys, if there are any, has signed the URL.

        Another path may stand instead of the URL's own: that of which it is a part.
        """
        keys = self.settings.keys
        if not keys:
            return
        path: bytes = request.scope["raw_path"].removeprefix(self.settings.root_path.encode())
        if instead is not None:
            path = instead.encode()
        if not signing.is_signed(path + b"?" + request.scope["query_string"], keys):
            raise Problem(403, "this service needs signed URLs, and no key has signed this one")

    def sign(self, address: str) -> str:
        """Return an address, a path and its query, signed if there are keys."""
        keys = self.settings.keys
        return signing.sign(address, keys[0]) if keys else address

    def count_made(self, request: Request) -> None:
        """Count a file that is to be made. Raises Problem if its client had its share."""
        if self.rates is not None and request.client is not None:
            self.rates.count(request.client.host)

    def find_model(self, request: Request) -> tuple[Model, bool]:
        """Find the model of a route, and whether the URL has its id. Raises Problem."""
        word = request.path_params["model"]
        found = read_address(word)
        if found is None:
            raise Problem(404, f"there is no model {word[:80]!r}")
        name, id = found
        return self.catalogue.find(name, id), id is not None

    def compute_key(self, model: Model, kind: str, described: str) -> str:
        """Compute the digest of all that decides the bytes of a file, which is its ETag."""
        return pictures.compute_key(model, kind, described, self.settings.device)

    async def answer(
        self,
        request: Request,
        model: Model,
        key: str,
        media: str,
        make: Make,
        headers: Mapping[str, str],
    ) -> Response:
        """Answer with the file of a key or a part of it, made unless the client has it.

        Raises Problem, or RequestError where the model cannot make it.
        """
        headers = {"ETag": f'"{key}"', "Cache-Control": FOR_EVER, **ranges.ACCEPTED, **headers}
        if has_file(request, key):
            request.scope["record"].source = "client"
            return Response(status_code=304, headers=headers)

        body = await self.find_or_make(request, model, key, make)
        answer = Response(body, 200, headers, media)
        self.urls.remember(request.scope, key, answer)
        return ranges.answer_range(request, body, headers, media) or answer

    async def find_or_make(self, request: Request, model: Model, key: str, make: Make) -> bytes:
        """Return the file of a key: from memory, from disk, or made and kept in both.

        Raises Problem, or RequestError where the model cannot make it.
        """
        body = await self._find_kept(key, request.scope["record"])
        if body is None:
            body = await self.make_once(request, model, key, make, is_kept=True)
            self.memory.write(key, body)
        return body

    async def make_once(
        self, request: Request, model: Model, key: str, make: Make, is_kept: bool = False
    ) -> bytes:
        """Make the file of a key in a thread, once for all who ask, and keep it on disk if told so.

        Raises Problem, or RequestError where the model cannot make it.
        """
        self.count_made(request)
        request.scope["record"].source = "made"
        work = functools.partial(self._make, model, key if is_kept else None, make)
        return await self.jobs.make(key, work, functools.partial(wait_until_gone, request))

    async def _find_kept(self, key: str, record: Record) -> bytes | None:
        """Find the file of a key in memory or on disk."""
        body, record.source = self.memory.read(key), "memory"
        if body is None and self.cache is not None:
            body = await asyncio.to_thread(self.cache.read, key)
            if body is not None:
                record.source = "disk"
                self.memory.write(key, body)
        return body

    def _make(self, model: Model, key: str | None, make: Make, check: Callable[[], None]) -> bytes:
        """Make a file in a thread, and keep it on disk if it has a key.

        Raises Problem for a model that is damaged, and what make raises.
        """
        sampler = self.catalogue.open(model)
        check()
        try:
            body = make(sampler, check)
        except BundleError as error:
            _log.error("model is damaged: %s", error)
            self.catalogue.close(model)
            raise Problem(503, f"{model.name} cannot be used now; its files are damaged") from None
        except MemoryError:
            raise Problem(503, "not enough memory for this size; ask for less") from None

        if self.cache is not None and key is not None:
            self.cache.write(key, body)
        return body


def has_file(request: Request, key: str) -> bool:
    """Whether the client has the file of a key already, as If-None-Match says."""
    tags = request.headers.get("if-none-match", "").split(",")
    known = {tag.strip().removeprefix("W/") for tag in tags}
    return bool(known & {"*", f'"{key}"'})


async def wait_until_gone(request: Request) -> None:
    """Return when the client has closed the connection. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def guard(route: str, handler: Handler) -> Handler:
    """Return the handler of a route, which answers with a problem document where the given raises.

    The route's name goes into the logs and numbers.
    """

    async def answer(request: Request) -> Response:
        request.scope["record"].route = route
        try:
            return await handler(request)
        except Problem as problem:
            return describe_problem(problem)
        except RequestError as error:
            return describe_problem(Problem(422, str(error)))

        except InstallError as error:
            return describe_problem(Problem(501, str(error)))
        except HTTPException:
            raise
        except Cancelled:
            return describe_problem(Problem(503, "given up; ask again", {"Retry-After": "1"}))
        except SinGANError as error:
            _log.error("%s", error)
            return describe_problem(Problem(503, "not possible now; the log says why"))
        except Exception:
            _log.exception("failed: %s", request.scope["path"])
            return describe_problem(Problem(500, "failed inside the service; the log says how"))

    return answer
