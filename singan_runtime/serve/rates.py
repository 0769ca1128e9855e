"""How much is made for one client: so many files a minute."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict

from singan_runtime.serve.problems import Problem

MOST_CLIENTS = 10_000
"""Clients that are remembered: those that came last."""


class Rates:
    """Counts what is made for each client, in buckets that fill up again within a minute.

    For one thread.
    """

    def __init__(self, a_minute: float) -> None:
        self.a_minute = a_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, when

    def count(self, client: str) -> None:
        """Count a file that is made for a client. Raises Problem if it had its share."""
        now, name = time.monotonic(), name_client(client)
        left, since = self._buckets.get(name, (self.a_minute, now))
        left = min(self.a_minute, left + (now - since) * self.a_minute / 60)
        if left < 1:
            seconds = math.ceil((1 - left) * 60 / self.a_minute)
            raise Problem(
                429,
                f"more than {self.a_minute:g} files a minute for one client; ask again later",
                {"Retry-After": str(seconds)},
            )

        self._buckets[name] = left - 1, now
        self._buckets.move_to_end(name)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)


def name_client(address: str) -> str:
    """Name the client at an address: an IPv6 client has all addresses of its network (/64)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False))
