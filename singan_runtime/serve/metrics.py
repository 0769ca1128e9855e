"""Numbers about the service for Prometheus."""

from __future__ import annotations

import functools
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Upper bounds of the histogram of durations."""


class Metrics:
    """Counters of one service, and what measures it when it is asked."""

    def __init__(self, count_jobs: Callable[[], float]) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "singan_requests",
            "Requests that were answered.",
            ("route", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "singan_request_seconds",
            "Durations of requests.",
            ("route",),
            buckets=SECONDS,
            registry=registry,
        )
        self.files = Counter(
            "singan_files",
            "Files that were sent, by where they came from: the client, memory, disk or made.",
            ("source",),
            registry=registry,
        )
        self.pixels = Counter("singan_pixels", "Pixels that were made.", registry=registry)
        self.loads = Counter("singan_model_loads", "Models opened.", ("model",), registry=registry)
        self.trainings = Counter(
            "singan_trainings",
            "Trainings that ended: done, failed or cancelled.",
            ("state",),
            registry=registry,
        )
        self.training = Gauge("singan_training", "Photos in training.", registry=registry)
        jobs = Gauge("singan_jobs", "Files being made or waiting for it.", registry=registry)
        jobs.set_function(count_jobs)
        ProcessCollector(registry=registry)  # memory, processor time, open files

        # Looking labels up costs more than counting.
        self._find_route = functools.cache(
            lambda route, status: (
                self.requests.labels(route, str(status)),
                self.seconds.labels(route),
            )
        )
        self._find_source = functools.cache(self.files.labels)

    def count_request(self, route: str, status: int, source: str, seconds: float) -> None:
        """Count a request that was answered, and the file that was sent, if there was one."""
        counted, timed = self._find_route(route, status)
        counted.inc()
        timed.observe(seconds)
        if source:
            self._find_source(source).inc()

    def write(self) -> bytes:
        """Write all numbers in Prometheus' text format."""
        return generate_latest(self.registry)
