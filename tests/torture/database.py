"""The database's side: a proxy that reads PostgreSQL's protocol and knows commit points.

A statement outside a transaction commits by itself; in a transaction its COMMIT is the point. So
every commit of service and workers is reached without a word of it in their code.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import uuid
from collections.abc import Coroutine, Mapping, Sequence

from typing_extensions import override

from tests.torture.passage import Line, Passage
from tests.torture.schedule import Director, Fault
from tests.torture.store import PULLED

#: Many segments at once; what comes behind it says whether they are claimed or counted.
_GIVEN = "WITH given AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[],"
#: How a statement begins → the name of its commit point, the weightiest of a transaction first.
STATEMENTS = (
    ("SELECT supersede_originals", "db.compacted"),
    ("INSERT INTO duplicate_object", "db.duplicate"),
    ("UPDATE upload SET state = 'finished'", "db.finished"),
    ("UPDATE livestream SET state = 'closed'", "db.live_closed"),
    ("UPDATE livestream SET sealing_id", "db.live_named"),
    ("UPDATE livestream_period SET tracks", "db.chunk_began"),
    ("INSERT INTO livestream_period", "db.live_period"),
    ("UPDATE livestream_segment AS s SET version", "db.live_counted_alone"),
    (f"{_GIVEN} $4::text[],", "db.live_counted"),
    (f"{_GIVEN} $4::bytea[],", "db.live_claim"),
    ("INSERT INTO livestream_source", "db.pull_open"),
    ("INSERT INTO livestream (", "db.live_open"),
    ("INSERT INTO livestream_push_key", "db.push_key"),
    ("UPDATE livestream_source s SET bookmark", "db.pull_marked"),
    ("UPDATE livestream_source s SET trouble", "db.pull_told"),
    ("UPDATE livestream_source s SET sealed_address", "db.pull_forgotten"),
    ("UPDATE livestream SET opening_version", "db.live_described"),
    ("UPDATE livestream SET state = 'closing'", "db.live_closing"),
    ("UPDATE livestream SET state = 'interrupted'", "db.live_interrupted"),
    ("UPDATE livestream SET holder = NULL", "db.live_let_go"),
    ("UPDATE livestream SET holder", "db.live_take"),
    ("UPDATE livestream SET promised_period", "db.live_promised"),
    ("WITH held AS (SELECT l.id, g.waits FROM livestream l", "db.live_keep"),
    ("UPDATE livestream SET opening_lock_until", "db.live_opening_locked"),
    ("UPDATE livestream_segment SET lock_until", "db.live_locked"),
    ("UPDATE livestream_segment SET told", "db.live_told"),
    ("UPDATE recording SET integrity = 'sealed'", "db.sealed"),
    ("UPDATE recording SET integrity = 'mismatched'", "db.mismatched"),
    ("UPDATE recording SET media", "db.probed"),
    ("INSERT INTO filmed_code", "db.filmed_codes"),
    ("INSERT INTO rendition", "db.poster"),
    ("WITH mine AS (SELECT id FROM upload", "db.multipart"),
    ("UPDATE upload SET state = 'completing'", "db.completing"),
    # A tail in place, parts, a staged piece: each with the offset behind it.
    ("WITH ours AS (UPDATE upload SET offset_bytes", "db.piece_placed"),
    ("WITH ending AS (SELECT $7::boolean AND NOT EXISTS (SELECT FROM upload_piece", "db.offset"),
    ("WITH intended AS (SELECT object_key FROM upload_piece", "db.offset"),
    ("UPDATE upload SET state = 'removed'", "db.expire_empty"),
    ("WITH made AS (INSERT INTO case_link", "db.link"),
    ("INSERT INTO upload (", "db.create"),
    ("UPDATE upload SET fence", "db.take"),
    ("UPDATE upload u SET holder_seen_at", "db.touch"),
    ("UPDATE upload SET holder = NULL", "db.let_go"),
    ("UPDATE upload SET next_part", "db.part_number"),
    ("INSERT INTO store_intent (id, kind, object_key, upload_id", "db.part_intent"),
    ("INSERT INTO store_intent (id, kind, object_key, run_id", "db.rendition_intent"),
    ("INSERT INTO upload_piece (object_key, upload_id, offset", "db.piece_intent"),
    ("INSERT INTO volume_intent", "db.volume_claim"),
    ("UPDATE volume_intent SET lock_until", "db.volume_lock"),
    ("DELETE FROM superseded_object s USING", "db.superseded_gone"),
    ("UPDATE task_run SET state = 'claimed'", "db.claim"),
    ("UPDATE task_run SET lease_until", "db.heartbeat"),
    ("UPDATE task_run SET state = 'pending', due_at = $3", "db.give_back"),
    ("UPDATE duplicate_object SET released_at", "db.released"),
    ("UPDATE original_object o SET lock_until", "db.locked"),
    ("INSERT INTO alarm", "db.alarm_raised"),
    ("UPDATE alarm SET times", "db.alarm_again"),
    ("UPDATE alarm SET cleared_at", "db.alarm_cleared"),
    ("INSERT INTO turn AS", "db.turn"),
    ("UPDATE turn SET held_until", "db.turn_back"),
    ("UPDATE upload_piece SET removed_at", "db.pieces_removed"),
    ("UPDATE store_intent", "db.sweep_claim"),
    ("DELETE FROM store_intent WHERE id = ANY", "db.sweep_drop"),
)
#: The names of all points; of a transaction's points the one of least weight gives the name.
WEIGHTS = {
    **{name: weight for weight, (_, name) in enumerate(STATEMENTS)},
    # These stand for the same statements as others do.
    **dict.fromkeys(("db.expire_early", "db.examined", "db.proxy", "db.index_claim"), 0),
    **dict.fromkeys(("db.pull_take", "db.pull_let_go"), 0),
}
#: The place of an index among what is claimed, -1, as an array of integers has it.
_INDEX = struct.pack("!i", -1)
_SSL, _GSS = 80877103, 80877104


def point_of(
    statement: str, bound: bytes = b"", ways: Mapping[str, str] | None = None
) -> str | None:
    """The commit point of a statement, with the message that binds its parameters.

    ``ways``: see StoreProxy.
    """
    for begin, name in STATEMENTS:
        if statement.startswith(begin):
            return _finer(name, parameters(bound), ways or {})
    return None


def _finer(name: str, given: list[bytes | None], ways: Mapping[str, str]) -> str:
    """The same statement serves several purposes: its parameters say which."""
    if name in ("db.live_take", "db.live_let_go") and ways.get(_livestream(given)) == PULLED:
        return name.replace("live", "pull")
    if name == "db.completing" and given[1:2] != [None]:
        return "db.expire_early"
    if name == "db.offset" and given[6:7] == [b"\x01"]:
        # Its completion begins with the last part; an early one leaves the expiry alone.
        return "db.expire_early" if given[5] is None else "db.completing"
    if name == "db.volume_claim" and given[2:] and _INDEX in (given[2] or b""):
        return "db.index_claim"
    if name == "db.poster" and given[2:3] == [b"proxy"]:
        return "db.proxy"
    if name == "db.probed" and given and b'"first_look": true' not in (given[1] or b""):
        return "db.examined"
    return name


def _livestream(given: list[bytes | None]) -> str:
    """The id that stands first; empty where it is none."""
    first = given[0] if given else None
    return str(uuid.UUID(bytes=first)) if first is not None and len(first) == 16 else ""


def parameters(bound: bytes) -> list[bytes | None]:
    """The parameters of a Bind message."""
    if not bound:
        return []
    rest = bound.split(b"\0", 2)[2]
    (formats,) = struct.unpack_from("!h", rest)
    at = 2 + 2 * formats
    (count,) = struct.unpack_from("!h", rest, at)
    at += 2
    found: list[bytes | None] = []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", rest, at)
        at += 4
        found.append(None if length < 0 else rest[at : at + length])
        at += max(length, 0)
    return found


class DatabaseProxy(Passage):
    """Passes connections on to the server at ``port`` and strikes where the director says so."""

    def __init__(self, port: int, director: Director, ways: dict[str, str] | None = None) -> None:
        super().__init__(port)
        self._director = director
        #: See StoreProxy; livestreams that are to be fetched are added when they are opened.
        self._ways = {} if ways is None else ways

    def instead_of(self, url: str) -> str:
        """The address of a database of the server, by this proxy."""
        return url.replace(f":{self._behind[0]}/", f":{self.port}/")

    @override
    def ways(self, line: Line) -> Sequence[Coroutine[None, None, None]]:
        session = _Session(self._director, self._ways)
        return (
            session.up(line.from_client, line.to_server, line.to_client),
            session.down(line.from_server, line.to_client),
        )


class _Session:
    def __init__(self, director: Director, ways: dict[str, str]) -> None:
        self._director = director
        self._ways = ways
        self._statements: dict[bytes, str] = {}
        #: Points of the transaction that is open; None outside of one.
        self._open: list[str] | None = None
        self._after: Fault | None = None

    async def up(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(8)
                length, code = struct.unpack("!ii", head)
                rest = await reader.readexactly(length - 8)
                if code not in (_SSL, _GSS):
                    break
                client.write(b"N")
            server.write(head + rest)
            while True:
                head = await reader.readexactly(5)
                payload = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                fault = self._director.at(self._point(head[:1], payload))
                if self._director.strikes(fault, "before"):
                    return
                self._after = fault or self._after
                server.write(head + payload)
                await server.drain()

    def _point(self, kind: bytes, payload: bytes) -> str | None:
        """The commit point that this message reaches."""
        if kind == b"P":
            name, query, _ = payload.split(b"\0", 2)
            self._statements[name] = query.decode()
        elif kind == b"B":
            name = payload.split(b"\0", 2)[1]
            point = point_of(self._statements.get(name, ""), payload, self._ways)
            if point == "db.pull_open":
                self._ways[_livestream(parameters(payload))] = PULLED
            return self._reached(point)
        elif kind == b"Q":
            said = payload.split(b"\0")[0].decode()
            word = said.strip("; \n").upper()
            if word.startswith("BEGIN"):
                self._open = []
            elif word in ("COMMIT", "ROLLBACK"):
                points, self._open = self._open or [], None
                if word == "COMMIT" and points:
                    return min(points, key=WEIGHTS.__getitem__)
            else:
                # Without parameters a statement comes in one message.
                return self._reached(point_of(said))
        return None

    def _reached(self, point: str | None) -> str | None:
        """The point, unless a transaction is open: then its end reaches it."""
        if self._open is None or point is None:
            return point
        self._open.append(point)
        return None

    async def down(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                payload = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                if head[:1] == b"Z" and self._after is not None:
                    fault, self._after = self._after, None
                    if self._director.strikes(fault, "after"):
                        return
                client.write(head + payload)
                await client.drain()
