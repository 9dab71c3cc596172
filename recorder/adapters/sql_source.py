"""Rows by a query of the operator's against another PostgreSQL: read only, with a time limit.

The one place outside the store that speaks to PostgreSQL: it is somebody else's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import asyncpg

from recorder.errors import InvalidInput, Unavailable

_STATEMENT_MS = 60_000
_CONNECT_S = 10.0
_PREFETCH = 100
#: Of one look; a few rows more may be in memory.
_MOST_BYTES = 32 << 20
_MOST_DIGITS = 100
#: The column that says where to go on; it is no member of the row.
WATERMARK = "watermark"
#: A column that holds the whole row as JSON.
WHOLE = "row"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows as JSON values, and where to go on."""

    rows: list[object]
    watermark: str
    #: There may be more behind them.
    is_full: bool


async def fetch(dsn: str, query: str, watermark: str, limit: int) -> Fetched:
    """At least ``limit`` rows behind the watermark, if there are, and all that share the last one.

    ``$1`` of the query is the watermark as text. Rows at the watermark itself come on top, since a
    query with ``>=`` gives them again. The other side cannot be changed by it: the transaction is
    read only. Raises Unavailable ``pull-unreachable``, InvalidInput ``pull-query-invalid``.
    """
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=_CONNECT_S,
            command_timeout=_STATEMENT_MS / 1000 + 5,
            server_settings={
                "application_name": "recorder feed",
                "statement_timeout": str(_STATEMENT_MS),
                "default_transaction_read_only": "on",
                "timezone": "UTC",
            },
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # What it says may hold the password.
        raise Unavailable(
            "pull-unreachable", f"The database of the source: {type(error).__name__}."
        ) from error
    try:
        async with connection.transaction(readonly=True):
            fetched = await _read(connection, query, watermark, limit)
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as error:
        raise Unavailable(
            "pull-unreachable", f"The database of the source: {type(error).__name__}."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise InvalidInput("pull-query-invalid", f"{type(error).__name__}: {error}") from error
    finally:
        connection.terminate()
    return fetched


async def _read(
    connection: asyncpg.Connection[asyncpg.Record], query: str, watermark: str, limit: int
) -> Fetched:
    found: list[object] = []
    #: Up to here all rows of each watermark are there.
    whole, whole_mark = 0, watermark
    last, length, behind = watermark, 0, 0
    async for record in connection.cursor(query, watermark, prefetch=_PREFETCH):
        mark = _mark(record)
        if mark != last:
            whole, whole_mark = len(found), last
            if behind >= limit:
                return Fetched(found, last, is_full=True)
        length += sum(len(each) for each in record.values() if isinstance(each, str | bytes))
        if length > _MOST_BYTES:
            if whole_mark == watermark:
                raise InvalidInput(
                    "pull-query-invalid",
                    f"Rows of one watermark ({mark[:100]}) have more than {_MOST_BYTES} bytes;"
                    " let the query give finer ones.",
                )
            return Fetched(found[:whole], whole_mark, is_full=True)
        found.append(_members(record))
        behind += mark != watermark
        last = mark
    return Fetched(found, last, is_full=False)


def _mark(record: asyncpg.Record) -> str:
    if WATERMARK not in record:
        raise InvalidInput("pull-query-invalid", f"The query gives no column {WATERMARK}.")
    value = record[WATERMARK]
    if value is None:
        raise InvalidInput("pull-query-invalid", f"A row has nothing in {WATERMARK}.")
    return value if isinstance(value, str) else str(_plain(value))


def _members(record: asyncpg.Record) -> object:
    """The row's value; whatever is no object is answered as such."""
    whole = record.get(WHOLE)
    if isinstance(whole, str):
        return _loaded(whole)
    return {
        name: _plain(value)
        for name, value in record.items()
        if name != WATERMARK and value is not None
    }


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return _number(value)
        case bool() | int() | float():
            return value
        case list() | tuple():
            return [_plain(each) for each in value]
        case str():
            return _json_or_text(value)
        case _:
            return str(value)


def _number(value: Decimal) -> object:
    # The other side knows numbers that are none, and some with a hundred thousand digits.
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
        return str(value)
    return int(value) if value == value.to_integral_value() else float(value)


def _json_or_text(text: str) -> object:
    # Columns of JSON come as text: lists and objects are members, everything else is what it says.
    return _loaded(text) if text[:1] in ("[", "{") else text


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
