"""Structured logs: one JSON object a line, with the request, recording and run they belong to.

Lowest rung: knows nothing of the product. Secrets never come here; names of people and case
numbers are left out by the callers.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

from typing_extensions import override

_bound: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar(
    "bound", default=None
)


@contextlib.contextmanager
def bind(**context: object) -> Iterator[None]:
    """Add fields (request, recording, run …) to every log line made inside the block."""
    merged = {**(_bound.get() or {}), **{k: str(v) for k, v in context.items()}}
    token = _bound.set(merged)
    try:
        yield
    finally:
        _bound.reset(token)


def bound() -> dict[str, str]:
    """The fields bound now."""
    return dict(_bound.get() or {})


class JsonLines(logging.Formatter):
    """A log record as one line of JSON; ``extra={"facts": {...}}`` adds fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **bound(),
        }
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            line.update(facts)
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def log(logger: logging.Logger, level: int, message: str, **facts: object) -> None:
    """Write a line with facts as fields of their own."""
    logger.log(level, message, extra={"facts": facts})


def begin_logging(level: str) -> None:
    """Send every log line to standard error as JSON, from this level on."""
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [target]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
