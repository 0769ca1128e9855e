"""Runs the service: an HTTP server that reads its models anew on SIGHUP and stops in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys

import uvicorn

from singan_core.errors import RequestError
from singan_runtime import heap
from singan_runtime.serve.app import make_app
from singan_runtime.serve.logs import begin_logging
from singan_runtime.serve.service import Service
from singan_runtime.serve.settings import HOST, PORT, Settings

PATIENCE = 30
"""Seconds that answers which are under way may take after the signal to stop."""

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """An HTTP server whose service reads its models anew when it gets SIGHUP."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say where."""
        if hasattr(signal, "SIGHUP"):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self.service.begin_reading)
        await super().startup(sockets)

        host, port = (sockets or [])[0].getsockname()[:2]
        names = ", ".join(self.service.catalogue.models)
        _log.info("serving %s at http://%s:%d", names, f"[{host}]" if ":" in host else host, port)


def run(settings: Settings, host: str = HOST, port: int = PORT) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises BundleError, OutputError, RequestError or InstallError for what cannot be served.
    """
    with listen(host, port) as listener:
        heap.share()
        begin_logging()
        app = make_app(settings, sys.stdout)
        gc.freeze()  # else every full collection goes through all modules again
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            root_path=settings.root_path,
            forwarded_allow_ips=settings.proxies,
            timeout_graceful_shutdown=PATIENCE,
        )

        # uvicorn repeats the signal that stopped it; by then all is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        Server(config, app.state.service).run([listener])
    _log.info("stopped")


def listen(host: str, port: int) -> socket.socket:
    """Open a socket at an address. Raises RequestError where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise RequestError(
            f"cannot listen at {host}, port {port} ({getattr(error, 'strerror', None) or error}); "
            "choose another with --host and --port"
        ) from error
