"""Settings of the service, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from singan_core.fitting import MAX_PIXELS
from singan_runtime.serve.allowed_sizes import ANY, AllowedSizes

HOST, PORT = "127.0.0.1", 8000


@dataclass(frozen=True)
class TrainingLimits:
    """What photos that are sent to the service may cost."""

    preset: str = "standard"
    iterations: int | None = None  # of a scale; None are the preset's own
    minutes: float = 120.0  # that a training takes at most
    models: int = 20  # that the service adds to the folder before it is started again


@dataclass(frozen=True)
class Settings:
    """What the service may do, and where its models are."""

    folder: Path  # of the models: one bundle folder each, or a bundle folder itself
    device: str = "auto"
    threads: int | None = None  # of one picture; None is one per core
    max_pixels: int = MAX_PIXELS  # of a picture, or of a window of a larger one
    max_clip_pixels: int = 10**8  # of all frames of a clip
    max_body: int = 32 * 10**6  # bytes of pictures that are sent here
    max_models: int = 4  # that are open at once
    workers: int = 2  # pictures that are made at once: one is drawn while another is encoded
    queue: int = 32  # pictures that are being made or wait for it
    timeout: float = 60.0  # seconds that a client waits for a picture at most
    cache_folder: Path | None = None  # for files that were made; None keeps them in memory alone
    cache_size: int = 10**10  # bytes of files in the folder
    memory_size: int = 128 * 2**20  # bytes of files in memory
    keys: tuple[bytes, ...] = ()  # if there are any, one of them must have signed a URL
    sizes: AllowedSizes = ANY
    rate: float | None = None  # files a minute that are made for one client
    origins: tuple[str, ...] = ()  # of pages whose scripts may read answers (CORS)
    root_path: str = ""  # the path before /v1 where a proxy has the service
    proxies: str = "127.0.0.1"  # addresses whose X-Forwarded-For and -Proto are believed
    has_metadata: bool = True  # whether files say how they were made
    warm: bool = False  # open the first models at the start
    training: TrainingLimits | None = None  # of photos that are sent here; None takes none
