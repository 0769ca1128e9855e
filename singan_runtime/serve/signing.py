"""Signed URLs: with a key set, nothing is made for a URL that no key has signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from singan_core.errors import RequestError

PARAMETER = "s"
"""The query's last parameter, the signature."""

SHORTEST = 16
"""Characters of a key at least."""


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Read keys, one on a line: the first signs, all of them verify.

    Raises RequestError for a file that cannot be read, holds none or one that is too short.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RequestError(
            f"{path}: cannot be read ({error.strerror}); name a file of keys"
        ) from error

    keys = tuple(line.strip() for line in lines if line.strip())
    if not keys or min(map(len, keys)) < SHORTEST:
        raise RequestError(
            f"{path}: needs keys of {SHORTEST} characters or more, one on a line; "
            "make one with: openssl rand -hex 32"
        )
    return keys


def sign(address: str, key: bytes) -> str:
    """Return the address, a path and a query as they stand in a URL, with its signature.

    The signature is the HMAC-SHA256 of the address in URL-safe base64 without padding.
    """
    join = "&" if "?" in address else "?"
    return f"{address}{join}{PARAMETER}={compute_signature(address.encode(), key).decode()}"


def sign_below(root: str, url: str, keys: Sequence[bytes]) -> str:
    """Return a URL below a service's root, signed with the first of the keys, if there are any."""
    return root + sign(url.removeprefix(root), keys[0]) if keys else url


def is_signed(address: bytes, keys: tuple[bytes, ...]) -> bool:
    """Whether one of the keys has signed an address, whose last parameter is the signature.

    It takes the same time whatever is wrong.
    """
    signed, separator, signature = address.rpartition(f"{PARAMETER}=".encode())
    if not separator or signed[-1:] not in (b"?", b"&"):
        return False
    found = [hmac.compare_digest(compute_signature(signed[:-1], key), signature) for key in keys]
    return any(found)


def compute_signature(address: bytes, key: bytes) -> bytes:
    """Compute the signature of an address: 43 characters."""
    digest = hmac.new(key, address, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
