"""Where a large job is done: a Ray of this machine's own, or a cluster that is there already.

Ray would open its ports to the whole network and let whoever reaches them run programs. The Ray
that is started here listens on the loopback interface alone, and asks for a password that only its
own processes know. It reports nothing to its makers and starts no dashboard.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from singan_core.errors import InstallError, RequestError, say_reason
from singan_core.processors import check_threads, count_processors

PORT = 10001
"""Where a cluster listens for clients, unless told otherwise."""

RETRIES = 3
"""How often an item begins again whose worker has died."""

_REACH = 5.0  # s in which a cluster must answer
_OBJECTS = 100 * 2**20  # bytes of Ray's shared memory, of which paths and numbers need next to none
_ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # reports to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning
    "RAY_task_oom_retries": str(RETRIES),  # else without end, where memory is short
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what it would print on standard output of dead workers
}
_OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # with it Ray takes the loopback address, anywhere
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # one for all, since Ray reads it once in a process
}
"""Environment of every Ray, and of one of this machine's own. Ray reads it when it is imported."""


@dataclass(frozen=True)
class Cluster:
    """Where the work is done, and what each worker gets of it."""

    address: str = ""  # ray://HOST:PORT, or empty for a Ray of this machine's own
    workers: int | None = None  # at a time; None is as many as there is room for
    threads: int = 1  # CPU threads of each
    gpus: float = 0.0  # GPUs of each: a share of one, or a whole number; 0 is the CPU

    def __post_init__(self) -> None:
        """Raise RequestError for what no cluster can give."""
        if self.address:
            split_address(self.address)
        else:
            check_threads(self.threads)
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise RequestError(
                f"{self.gpus:g} GPUs for each worker are not possible: give a share of one, as in "
                "0.25, or a whole number"
            )

    @property
    def device(self) -> str:
        """The word of --device for what computes."""
        return "cuda" if self.gpus else "cpu"


@dataclass(frozen=True)
class Workforce:
    """A cluster that is connected to: Ray, and how many items are worked on at a time."""

    ray: ModuleType
    places: int
    resources: dict[str, Any]  # of each worker, in Ray's words


@contextmanager
def connect(cluster: Cluster) -> Iterator[Workforce]:
    """Start a Ray of this machine's own, or connect to a cluster, and leave it at the end.

    Raises RequestError for a cluster that cannot be reached or has no room for a worker,
    ModuleNotFoundError without Ray.
    """
    opened = _connect(cluster.address) if cluster.address else _start(cluster)
    with opened as ray:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        places = sum(count_places(node, cluster) for node in nodes)
        if not places:
            raise RequestError(_describe_want(nodes, cluster))
        resources = {"num_cpus": cluster.threads, "num_gpus": cluster.gpus}
        yield Workforce(ray, min(places, cluster.workers or places), resources)


def count_places(node: dict[str, float], cluster: Cluster) -> int:
    """Count the workers for which a machine has room. A share of a GPU cannot be of two."""
    places = int(node.get("CPU", 0) // cluster.threads)
    if not cluster.gpus:
        return places
    gpus = int(node.get("GPU", 0))
    a_gpu = int(1 / cluster.gpus + 1e-9)
    return min(places, gpus * a_gpu if cluster.gpus < 1 else gpus // int(cluster.gpus))


def _describe_want(nodes: Sequence[dict[str, float]], cluster: Cluster) -> str:
    """Say why there is room for no worker."""
    most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in ("CPU", "GPU")}
    asked = f"{cluster.threads} processors" + (
        f" and {cluster.gpus:g} GPUs" if cluster.gpus else ""
    )
    return (
        f"no machine has {asked} for a worker: the largest have {most['CPU']:g} processors and "
        f"{most['GPU']:g} GPUs; ask for fewer with --threads and --gpus"
    )


@contextmanager
def _start(cluster: Cluster) -> Iterator[ModuleType]:
    """Start a Ray of this machine's own, which nobody else can reach, and end it."""
    processors = count_processors()
    if cluster.workers is not None:
        processors = cluster.workers * cluster.threads
    elif not cluster.gpus:
        processors = max(processors, cluster.threads)

    # Short, since Ray's sockets lie in it and their paths may have 107 characters.
    place = "/tmp" if os.name == "posix" else None
    folder = tempfile.TemporaryDirectory(prefix="singan-", dir=place, ignore_cleanup_errors=True)
    with folder as path, _set_environment(_OWN):
        import ray

        try:
            options = {"num_cpus": processors, "object_store_memory": _OBJECTS, "_temp_dir": path}
            try:
                context = _begin(ray, "local", options)
            except (OSError, RuntimeError, ValueError) as error:
                raise InstallError(
                    f"Ray does not start on this machine ({say_reason(error)[:200]}); free some "
                    "memory, or install it anew: pip install --force-reinstall 'ray[client]'"
                ) from error
            _check_loopback(context.address_info["node_ip_address"])
            yield ray
        finally:
            ray.shutdown()


def _check_loopback(address: str) -> None:
    """Raise InstallError if Ray has not kept to the loopback interface."""
    if address != "127.0.0.1":
        raise InstallError(
            f"this version of Ray opens its ports at {address}, where others may reach them; "
            "run: pip install 'ray[client]==2.60.0'"
        )


@contextmanager
def _connect(address: str) -> Iterator[ModuleType]:
    """Connect to a cluster. Raises RequestError if it cannot be reached."""
    host, port = split_address(address)
    _reach(address, host, port)
    with _set_environment({}):
        import ray

        try:
            _begin(ray, f"ray://{host}:{port}", {})
        except (OSError, RuntimeError, ValueError) as error:
            ray.shutdown()
            raise RequestError(
                f"{address}: something answers, but no cluster that can be used "
                f"({say_reason(error)[:200]}); it needs the same versions of Python, Ray and singan"
            ) from error
        try:
            yield ray
        except ConnectionError as error:
            raise RequestError(
                f"{address}: the connection is lost; what is done is kept: repeat the command"
            ) from error
        finally:
            ray.shutdown()


def split_address(address: str) -> tuple[str, int]:
    """Split ray://HOST or ray://HOST:PORT into host and port. Raises RequestError."""
    found = re.fullmatch(r"ray://([\w.-]{1,253})(?::(\d{1,5}))?", address)
    port = int(found[2] or PORT) if found else 0
    if found is None or not 0 < port < 2**16:
        raise RequestError(
            f"address {address!r} is not possible: give ray://HOST:PORT, as in "
            f"ray://head.example.org:{PORT}"
        )
    return found[1], port


def _reach(address: str, host: str, port: int) -> None:
    """Raise RequestError at once for what Ray itself would go on trying to reach for a minute."""
    try:
        socket.create_connection((host, port), timeout=_REACH).close()
    except OSError as error:
        raise RequestError(
            f"{address}: no cluster answers ({say_reason(error).lower()}); start one there with "
            f"'ray start --head --ray-client-server-port={port}', or leave out --address to work "
            "on this machine"
        ) from error


def _begin(ray: ModuleType, address: str, options: dict[str, Any]) -> Any:
    """Begin to use Ray, which prints nothing and serves no page."""
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    with warnings.catch_warnings(action="ignore"):
        return ray.init(address, **quiet, **options)


@contextmanager
def _set_environment(own: dict[str, str]) -> Iterator[None]:
    """Set variables that Ray reads, and put them back. Of the usual ones, the user's own stay."""
    before = dict(os.environ)
    os.environ.update(_ALWAYS | before | own)
    try:
        yield
    finally:
        for name in _ALWAYS | own:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]
