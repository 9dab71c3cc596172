"""Lists of recordings, narrowed by filters. Reads only.

Each filter is written so that it folds, for the values given, to what an index is made of. A list
is newest first by ``created_at``; one that is narrowed by time is newest first by when footage
began, or else was received, since no index serves one order and is narrowed by the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.marking_term import MarkingDue
from recorder.domain.people import Scope
from recorder.domain.recording import Recording
from recorder.store.connection import Connection
from recorder.store.recordings import BEGAN, COLUMNS, from_row

#: As many recordings are looked at for a piece of a name before the reader is asked to go on.
LOOKED_AT = 5000
#: Names that begin with a text are all looked at unless there are more than these.
MOST_NAMES = 5000

Key = tuple[datetime, uuid.UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Filters of a list of recordings; None leaves a filter out."""

    device: str | None = None
    officer: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    #: received, sealed, mismatched, quarantined or simulated.
    state: str | None = None
    flag: str | None = None
    linked: bool | None = None
    #: Whether only some may watch it.
    restricted: bool | None = None
    #: A kind of provenance, or unsaid.
    provenance: str | None = None
    camera: str | None = None
    #: A class that people say of it alone.
    class_: str | None = None
    #: Of fixed monitoring: awaited, passed or refused.
    review: str | None = None
    #: The beginning, or a fragment, of the original name.
    q: str | None = None
    case: uuid.UUID | None = None
    #: Only what is unmarked beyond its term, which is one of these.
    due: Sequence[MarkingDue] | None = None

    @property
    def by_time(self) -> bool:
        """Whether the list is in the order of when footage began."""
        return self.from_ is not None or self.to is not None

    def key(self, recording: Recording) -> Key:
        """Where a recording stands in such a list."""
        return (recording.began if self.by_time else recording.created_at), recording.id


#: Unmarked, counted, of such days and arrived by then.
_BEYOND_TERM = (
    " AND ($20::uuid[] IS NULL OR (r.marks = 0 AND EXISTS ("
    "  SELECT FROM counted_footage(r) d JOIN"
    "  unnest($20, $21::date[], $22::date[], $23::date[]) AS h (agency, first, last, until)"
    "  ON h.agency = d.agency_id AND d.day BETWEEN h.first AND h.last"
    "  WHERE (r.received_at AT TIME ZONE interval '8 hours')::date <= h.until)))"
)
_WHERE = (
    " FROM recording r JOIN agency a ON a.id = r.agency_id"
    " WHERE in_scope(r.agency_id, $1)"
    " AND ($2::uuid IS NULL OR r.device_id = $2) AND ($3::uuid IS NULL OR r.dock_id = $3)"
    " AND ($4::text IS NULL OR r.officer = $4)"
    " AND ($5::timestamptz IS NULL OR ({at}, r.id) < ($5, $6::uuid))"
    " AND ($7::text IS NULL OR r.device_number = $7)"
    " AND ($8::text IS NULL OR r.officer = $8)"
    f" AND ($9::timestamptz IS NULL OR {BEGAN} >= $9)"
    f" AND ($10::timestamptz IS NULL OR {BEGAN} < $10)"
    " AND ($11::text IS NULL OR ($11 = 'quarantined' AND r.admission = 'quarantined')"
    "  OR ($11 = 'received' AND r.integrity = 'received' AND r.admission = 'admitted')"
    "  OR ($11 = 'sealed' AND r.integrity = 'sealed' AND r.admission = 'admitted')"
    "  OR ($11 = 'mismatched' AND r.integrity = 'mismatched' AND r.admission = 'admitted')"
    "  OR ($11 = 'simulated' AND r.integrity = 'simulated'))"
    " AND ($12::text IS NULL OR r.flags @> ARRAY[$12])"
    " AND ($13::boolean IS NULL OR ($13 AND r.links > 0) OR (NOT $13 AND r.links = 0))"
    " AND ($14::uuid IS NULL OR EXISTS (SELECT FROM case_link l WHERE l.recording_id = r.id"
    "      AND l.case_id = $14 AND l.unlinked_at IS NULL))"
    " AND ($15::boolean IS NULL OR ($15 AND r.restrictions <> '{}')"
    "  OR (NOT $15 AND r.restrictions = '{}'))"
    " AND ($16::text IS NULL OR r.provenance = $16) AND ($17::text IS NULL OR r.camera = $17)"
    " AND ($18::text IS NULL OR (r.classes <> '{}' AND r.classes @> ARRAY[$18]))"
    " AND ($19::text IS NULL OR ((r.camera = 'surveillance' OR r.provenance = 'surveillance')"
    "  AND coalesce(r.content_review, 'awaited') = $19))"
    f"{_BEYOND_TERM}"
)
#: Nothing sorts behind U+10FFFF where texts are compared byte by byte.
_BEGINS = (
    'lower(original_name) COLLATE "C" >= lower({q})'
    ' AND lower(original_name) COLLATE "C" < lower({q}) || chr(1114111)'
)


def _statement(query: Query, text: str) -> str:
    return text.replace("{at}", BEGAN if query.by_time else "r.created_at")


def _arguments(scope: Scope, query: Query, before: Key | None) -> list[object]:
    at, last = before or (None, None)
    return [
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        at,
        last,
        query.device,
        query.officer,
        query.from_,
        query.to,
        query.state,
        query.flag,
        query.linked,
        query.case,
        query.restricted,
        query.provenance,
        query.camera,
        query.class_,
        query.review,
        *_columns(query.due),
    ]


def _columns(due: Sequence[MarkingDue] | None) -> list[list[object] | None]:
    names = ("agency", "first", "last", "arrived_until")
    return [None if due is None else [getattr(each, name) for each in due] for name in names]


async def search(
    connection: Connection, scope: Scope, query: Query, before: Key | None, limit: int
) -> list[Recording]:
    """Recordings in scope that fit everything but ``q``, by ``query.key``."""
    rows = await connection.fetch(
        _statement(query, f"SELECT {COLUMNS}{_WHERE} ORDER BY {{at}} DESC, r.id DESC LIMIT $24"),
        *_arguments(scope, query, before),
        limit,
    )
    return [from_row(row) for row in rows]


async def names_begin(connection: Connection, scope: Scope, q: str) -> bool:
    """Whether some recording in scope, and not too many of all, have a name that begins so."""
    row = await connection.fetchrow(
        "SELECT count(*) AS many,"  # noqa: S608 - constant text
        " count(*) FILTER (WHERE in_scope(agency_id, $2)"
        " AND ($3::uuid IS NULL OR device_id = $3) AND ($4::uuid IS NULL OR dock_id = $4)"
        " AND ($5::text IS NULL OR officer = $5)) AS own"
        " FROM (SELECT agency_id, device_id, dock_id, officer FROM recording"
        f" WHERE {_BEGINS.format(q='$1')} LIMIT $6) named",
        q,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        MOST_NAMES + 1,
    )
    return row is not None and 0 < row["own"] <= row["many"] <= MOST_NAMES


async def search_beginning(
    connection: Connection, scope: Scope, query: Query, before: Key | None, limit: int
) -> list[Recording]:
    """As ``search``, of those whose name begins with ``q``: MOST_NAMES at most by themselves."""
    named = f"SELECT id FROM recording WHERE {_BEGINS.format(q='$25')}"  # noqa: S608 - constant text
    rows = await connection.fetch(
        _statement(
            query,
            f"WITH named AS MATERIALIZED ({named}) SELECT {COLUMNS}{_WHERE}"  # noqa: S608 - constant text
            " AND r.id IN (SELECT id FROM named) ORDER BY {at} DESC, r.id DESC LIMIT $24",
        ),
        *_arguments(scope, query, before),
        limit,
        query.q,
    )
    return [from_row(row) for row in rows]


async def search_fragment(
    connection: Connection, scope: Scope, query: Query, before: Key | None, limit: int
) -> tuple[list[Recording], Key | None]:
    """As ``search``, of those whose name contains ``q``; the first LOOKED_AT are looked at.

    Fewer than ``limit`` come with the key behind which nobody has looked, None at the list's end.
    """
    arguments = _arguments(scope, query, before)
    rows = await connection.fetch(
        _statement(
            query,
            f"SELECT * FROM (SELECT {COLUMNS}, {{at}} AS at{_WHERE}"  # noqa: S608 - constant text
            f" ORDER BY {{at}} DESC, r.id DESC LIMIT {LOOKED_AT}) looked"
            " WHERE strpos(lower(original_name), lower($25)) > 0"
            " ORDER BY at DESC, id DESC LIMIT $24",
        ),
        *arguments,
        limit,
        query.q,
    )
    if len(rows) == limit:
        return [from_row(row) for row in rows], None
    last = await connection.fetchrow(
        _statement(
            query,
            f"SELECT {{at}} AS at, r.id{_WHERE}"
            f" ORDER BY {{at}} DESC, r.id DESC OFFSET {LOOKED_AT - 1} LIMIT 1",
        ),
        *arguments,
    )
    return [from_row(row) for row in rows], (last["at"], last["id"]) if last else None
