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
#: The column that says where to go on; it is no member of the row.
WATERMARK = "watermark"
#: A column that holds the whole row as JSON.
WHOLE = "row"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows as JSON values, and where to go on."""

    rows: list[dict[str, object]]
    watermark: str
    #: There may be more behind them.
    is_full: bool


async def fetch(dsn: str, query: str, watermark: str, limit: int) -> Fetched:
    """At most ``limit`` rows of the query, whose ``$1`` is the watermark as text.

    The other side cannot be changed by it: the transaction is read only. Raises Unavailable
    ``pull-unreachable``, InvalidInput ``pull-query-invalid``.
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
            found: list[asyncpg.Record] = []
            async for record in connection.cursor(query, watermark, prefetch=500):
                found.append(record)
                if len(found) == limit:
                    break
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as error:
        raise Unavailable(
            "pull-unreachable", f"The database of the source: {type(error).__name__}."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise InvalidInput("pull-query-invalid", f"{type(error).__name__}: {error}") from error
    finally:
        connection.terminate()
    if found and WATERMARK not in found[0]:
        raise InvalidInput("pull-query-invalid", f"The query gives no column {WATERMARK}.")
    last = str(_plain(found[-1][WATERMARK])) if found else watermark
    return Fetched([_members(record) for record in found], last, len(found) == limit)


def _members(record: asyncpg.Record) -> dict[str, object]:
    whole = record.get(WHOLE)
    if isinstance(whole, str):
        loaded = json.loads(whole)
        return loaded if isinstance(loaded, dict) else {}
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
            return int(value) if value == value.to_integral_value() else float(value)
        case bool() | int() | float():
            return value
        case list() | tuple():
            return [_plain(each) for each in value]
        case str():
            return _json_or_text(value)
        case _:
            return str(value)


def _json_or_text(text: str) -> object:
    # Columns of JSON come as text: lists and objects are members, everything else is what it says.
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
