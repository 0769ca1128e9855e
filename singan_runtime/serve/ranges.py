"""Parts of files: what a Range header asks for, so that players of clips can seek (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from singan_runtime.serve.problems import Problem

ACCEPTED = {"Accept-Ranges": "bytes"}
"""Headers of a file of which parts can be had."""

_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.IGNORECASE)


def answer_range(
    request: Request, body: bytes, headers: Mapping[str, str], media: str
) -> Response | None:
    """Answer with the part of a file that a client asks for, or None where it gets all of it.

    A request for several parts gets all of it, which the specification allows. Raises Problem for
    a part that begins behind the end.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.method != "GET":
        return None
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        return None  # the client has a part of another file
    if asked[2] is not None and int(asked[2]) < int(asked[1]):
        return None

    begin, end = find_bounds(asked[1], asked[2], asked[3], len(body))
    if begin >= end:
        raise Problem(
            416,
            f"the file has {len(body)} bytes, and none of them is in {asked[0].strip()}",
            {"Content-Range": f"bytes */{len(body)}", **ACCEPTED},
        )
    place = {"Content-Range": f"bytes {begin}-{end - 1}/{len(body)}"}
    return Response(body[begin:end], 206, {**headers, **place}, media)


def find_bounds(
    first: str | None, last: str | None, length: str | None, size: int
) -> tuple[int, int]:
    """Find where a part begins and ends (exclusive): from first to last, or the last length bytes.

    It is empty where the file has none of those bytes.
    """
    if first is None:
        return max(0, size - int(length or 0)), size
    return int(first), size if last is None else min(int(last) + 1, size)
