"""Problems: what a client is told when a request cannot be answered (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import responses

from starlette.responses import Response

MEDIA = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered: a status, one sentence for people, and headers."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = dict(headers or {})


def describe_problem(problem: Problem) -> Response:
    """Write a problem as a document of RFC 9457, which no cache keeps."""
    described = {
        "type": "about:blank",
        "title": responses.get(problem.status, "Client Closed Request"),
        "status": problem.status,
        "detail": problem.detail,
    }
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(json.dumps(described) + "\n", problem.status, headers, MEDIA)
