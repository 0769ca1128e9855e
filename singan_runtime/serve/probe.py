"""Asks a running service whether it lives, with nothing but the standard library."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from singan_core.errors import RequestError


def ask_health(url: str, path: str = "healthz", timeout: float = 5.0) -> str:
    """Return what a service at a URL, as in http://127.0.0.1:8000, says of its health.

    Raises RequestError where it says that it is not well, or says nothing.
    """
    where = f"{url.rstrip('/')}/{path}"
    if not where.startswith(("http://", "https://")):
        raise RequestError(f"{url}: not an address; write it as http://127.0.0.1:8000")
    try:
        with urllib.request.urlopen(where, timeout=timeout) as answer:
            return str(answer.read(1000).decode("utf-8", "replace").strip())
    except urllib.error.HTTPError as error:
        raise RequestError(f"{where}: answers {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise RequestError(f"{where}: no answer ({reason}); is the service running?") from None
