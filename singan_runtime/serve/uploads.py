"""Uploads: the files and words of a multipart body, within limits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from singan_runtime.serve.jobs import CLIENT_GONE
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.words import collect_words, read_words

MOST_FILES, MOST_FIELDS = 2, 20
LONGEST_FIELD = 4096
"""Bytes of a field that is no file."""


async def read_upload(
    request: Request, most: int, fields: tuple[str, ...]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read the files of a body of so many bytes at most, and the words of body and query.

    Only those fields may be files. Raises Problem for a body that is too large or cannot be read.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "multipart/form-data":
        raise Problem(415, "send the pictures as files of a form: multipart/form-data")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise refuse_length(most)

    body = await read_body(request, most)
    if not body.rstrip(b"\r\n").endswith(b"--"):
        raise Problem(400, "the form is cut off: its last boundary is missing")
    whole = Request(request.scope, receive_once(body))
    limits = {"max_files": MOST_FILES, "max_fields": MOST_FIELDS}
    try:
        form = await whole.form(**limits, max_part_size=LONGEST_FIELD)
    except (KeyError, ValueError) as error:
        raise Problem(400, f"the form cannot be read: {error}") from None

    try:
        parts = form.multi_items()
        if len({name for name, _ in parts}) < len(parts):
            raise Problem(400, "a field of the form is given twice; give it once")
        words = [(name, value) for name, value in parts if isinstance(value, str)]
        found = collect_words([*words, *read_words(request).items()])
        sent = {name: part for name, part in parts if isinstance(part, UploadFile)}
        return await read_files(sent, fields), found
    finally:
        await form.close()


async def read_files(parts: Mapping[str, UploadFile], fields: tuple[str, ...]) -> dict[str, bytes]:
    """Read files by their fields. Raises Problem for other fields."""
    for name in parts:
        if name not in fields:
            raise Problem(400, f"{name[:80]} is no file here; files are {', '.join(fields)}")
    return {name: await part.read() for name, part in parts.items()}


async def read_body(request: Request, most: int) -> bytes:
    """Read a body. Raises Problem where it is too much, or the client goes away."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise refuse_length(most)
    except ClientDisconnect:
        raise Problem(CLIENT_GONE, "the client went away") from None
    return bytes(body)


def receive_once(body: bytes) -> Receive:
    """Return what gives a whole body as an ASGI message."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return receive


def refuse_length(most: int) -> Problem:
    """Return the problem of a body that is too large."""
    return Problem(413, f"the body is larger than {most} bytes; send smaller pictures")
