"""What somebody who helps from afar needs to know, and nothing that is none of their business.

Two guards: only counts, codes and times are read from the database; and every text goes through
``tidy``, which takes out secrets and whatever may be a case number, a file, or a name by its
characters or quotes. A bare name in Latin letters is a word like others: it stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from pydantic import SecretStr

from recorder.config import Config
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import figures
from recorder.store import support

#: Fields of a log line that say what happened, not to whom.
_LOG_FIELDS = frozenset(
    {
        *("at", "level", "logger", "message", "error", "request", "run", "task", "recording"),
        *("attempt", "code", "status", "method", "route", "seconds", "bytes"),
    }
)
_HIDDEN_SETTINGS = frozenset({"s3_access_key", "agency_name", "agency_code"})
#: Words of ours that stay as they are: identifiers and times.
_KEPT = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d| UTC)?"
)
_DOUBTFUL = re.compile(
    # What is quoted is somebody's word; what is not ASCII is Chinese, and no log line of ours is.
    r"""'[^'\n]*'|"[^"\n]*"|`[^`\n]*`|\([^()\n]*\)=\([^()\n]*\)|[^\x00-\x7f]+"""
    # Words with digits in them: numbers of cases, cameras and officers, names of files.
    r"|[\w.\-/\[\]]*\d{3,}[\w.\-/\[\]]*"
)
#: Lines in which PostgreSQL quotes what it was given.
_QUOTING = re.compile(r"\b(?:DETAIL|STATEMENT|CONTEXT|QUERY|HINT|LOCATION):")
_SEVERITY = re.compile(r"\b(?:DEBUG\d?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC): ")
_DAYS = 7


def settings(config: Config) -> dict[str, object]:
    """Every setting; of secrets, only whether there is one."""
    told: dict[str, object] = {}
    for name in sorted(Config.model_fields):
        value = getattr(config, name)
        hidden = isinstance(value, SecretStr) or name in _HIDDEN_SETTINGS
        told[name] = "(set)" if hidden and value is not None else value
    return told


def secrets_of(config: Config) -> list[str]:
    """Words that must not leave, whatever they stand in; the longest first."""
    found = {config.s3_access_key or "", config.agency_name}
    for name in Config.model_fields:
        value = getattr(config, name)
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            password = re.search(r"://[^/@]*:([^@]*)@", secret)
            found |= {secret, password[1] if password else ""}
    return sorted((word for word in found if len(word) >= 4), key=len, reverse=True)


def tidy(text: str) -> str:
    """The text without what may be a name, a number of a case or device, or a file."""
    kept = [found.span() for found in _KEPT.finditer(text)]
    pieces, position = [], 0
    for begin, end in kept:
        pieces += [_DOUBTFUL.sub("…", text[position:begin]), text[begin:end]]
        position = end
    return "".join([*pieces, _DOUBTFUL.sub("…", text[position:])])


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each of these words taken out."""
    for secret in secrets:
        text = text.replace(secret, "(secret)")
    return text


def log_lines(text: str) -> str:
    """A log of ours or of a server beside us, with what may be shown of each line."""
    return "".join(f"{line}\n" for line in map(_log_line, text.splitlines()) if line)


def _log_line(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        # Lines that go on quote what was asked; so do those with these headings.
        if _QUOTING.search(line) or (line[:1].isspace() and not _SEVERITY.search(line)):
            return ""
        return tidy(line)
    shown = {
        name: tidy(value) if isinstance(value, str) else value
        for name, value in told.items()
        if name in _LOG_FIELDS and isinstance(value, str | int | float)
    }
    if isinstance(error := told.get("error"), str):
        shown["error"] = _where(error)
    return json.dumps(shown, ensure_ascii=False)


def _where(trace: str) -> str:
    """The places and the classes of a traceback, without what was said there."""
    steps = re.findall(
        r'File "[^"]*?((?:recorder|workers)/[\w/]+\.py)", line (\d+), in (\w+)', trace
    )
    kinds = re.findall(r"^([\w.]+(?:Error|Exception|Unavailable|Conflict)\w*)", trace, re.MULTILINE)
    return " < ".join(f"{file}:{line} {name}" for file, line, name in steps[-8:]) + f" {kinds}"


async def summaries(deps: Deps) -> dict[str, object]:
    """File name → content; a part that cannot be read says why in its place."""
    since = deps.clock.now() - timedelta(days=_DAYS)
    looks: dict[str, Callable[[], Awaitable[object]]] = {"metrics.txt": lambda: figures.text(deps)}
    async with deps.database.acquire() as connection:
        looks |= {
            "schema.json": lambda: support.migrations(connection),
            "task_runs.json": lambda: support.runs(connection),
            "failed_runs.json": lambda: support.failed_runs(connection),
            "alarms.json": lambda: support.alarms(connection),
            "uploads.json": lambda: support.uploads(connection),
            "events.json": lambda: support.events(connection, since),
            "audits.json": lambda: support.audits(connection),
            "tables.json": lambda: support.tables(connection),
            "connections.json": lambda: support.sessions(connection),
        }
        found: dict[str, object] = {}
        for name, look in looks.items():
            try:
                found[name] = await look()
            except RecorderError as error:
                found[name] = {"error": error.code}
    return found
