"""Where the service writes its logs: requests to stdout, all else to stderr, as lines of JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Writes a record as a line of JSON, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def begin_logging() -> None:
    """Send the service's logs to stdout and stderr."""
    access = logging.StreamHandler(sys.stdout)
    access.setFormatter(logging.Formatter("%(message)s"))  # lines of JSON already
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(JsonLines())

    for name, handler, level in (
        ("singan.access", access, logging.INFO),
        ("singan_runtime.serve", others, logging.INFO),
        ("uvicorn.error", others, logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
