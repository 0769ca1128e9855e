"""Runs the service: an HTTP server that stops in order."""

from __future__ import annotations

import uvicorn

from singan_runtime import heap
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import HOST, PORT, Settings

PATIENCE = 30
"""Seconds that answers which are under way may take after the signal to stop."""


def run(settings: Settings, host: str = HOST, port: int = PORT) -> None:
    """Serve until a signal to stop. Raises BundleError, RequestError or InstallError."""
    heap.share()
    app = make_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    uvicorn.Server(config).run()
