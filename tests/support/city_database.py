"""Puts a simulated city into a database: registries, cases with events, footage without media.

Straight into the tables, as import, feed and ingest would have left them, but for the custody
events: for tests and measurements of what is made of such rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from recorder.domain.case_number import CaseNumber, grams
from recorder.domain.ids import CaseId
from recorder.domain.instant import CHINA
from recorder.store import coverage_due
from recorder.store.connection import Database
from recorder.store.registry import organisations
from tests.support import city
from tests.support.city import name_of, when
from tests.support.city_footage import footage_row, reason_rows

_LOADED = datetime(2025, 1, 1, tzinfo=UTC)
Records = list[tuple[object, ...]]


class CityDatabase:
    """A folder of `recorder simulate` on its way into a database."""

    def __init__(
        self, database: Database, url: str, folder: Path, *, link_rightly: bool = False
    ) -> None:
        """``link_rightly``: all footage is linked to the case that it shows."""
        self._database, self._url, self._folder = database, url, folder
        self._link_rightly = link_rightly
        self.cases: dict[str, CaseId] = {}

    async def load(self) -> None:
        """Everything, in the order of references."""
        self._raw = await asyncpg.connect(self._url)
        try:
            # COPY speaks the binary form: a version before the text.
            await self._raw.set_type_codec(
                "jsonb",
                encoder=lambda value: b"\x01" + json.dumps(value).encode(),
                decoder=lambda stored: json.loads(stored[1:]),
                schema="pg_catalog",
                format="binary",
            )
            await self._registries()
            won = city.messages(self._folder)
            await self._sources()
            await self._cases([row for row in won.values() if row["kind"] == "case"])
            await self._events([row for row in won.values() if row["kind"] == "event"])
            await self._documents([row for row in won.values() if row["kind"] == "document"])
            await self._footage()
            await self._raw.execute("ANALYZE")
        finally:
            await self._raw.close()
        async with self._database.transaction() as connection:
            await organisations.renew_reach(connection, date(2025, 6, 1))

    async def make_due(self) -> None:
        """Have every case evaluated."""
        async with self._database.transaction() as connection:
            await coverage_due.touch(connection, self.cases.values(), "event")

    async def _copy(self, table: str, columns: str, records: Iterable[Sequence[object]]) -> None:
        await self._raw.copy_records_to_table(
            table, columns=columns.split(), records=[tuple(record) for record in records]
        )

    async def _registries(self) -> None:
        rows = city.table(self._folder, "organisations")
        await self._copy(
            "agency", "id code name", [(name_of(r["code"]), r["code"], r["name"]) for r in rows]
        )
        await self._copy(
            "organisation",
            "id agency_id name kind parent_id uscc region valid_from valid_to noted_at",
            [
                (
                    name_of(f"o/{r['code']}"),
                    name_of(r["code"]),
                    r["name"],
                    r["kind"],
                    name_of(r["parent"]) if r["parent"] else None,
                    r["uscc"],
                    r["region"],
                    *_days(r["valid_from"], r["valid_to"]),
                    _LOADED,
                )
                for r in rows
            ],
        )
        await self._officers()
        await self._rosters()
        devices = city.table(self._folder, "devices")
        await self._copy(
            "device",
            "id agency_id number",
            [(name_of(r["serial"]), name_of(r["organisation"]), r["serial"]) for r in devices],
        )
        lines: dict[tuple[str, datetime], str | None] = {}
        for r in city.table(self._folder, "handovers"):
            lines[r["device"], when(r["at"])] = r["officer"]
            lines.setdefault((r["device"], when(r["returned_at"])), None)
        await self._copy(
            "device_handover",
            "id device_id officer at noted_by",
            [
                (name_of(f"h/{device}/{at}"), name_of(device), officer, at, "city")
                for (device, at), officer in lines.items()
            ],
        )

    async def _officers(self) -> None:
        rows = city.table(self._folder, "officers")
        await self._copy(
            "officer",
            "id number agency_id name valid_from valid_to noted_at",
            [
                (
                    name_of(f"p/{r['number']}"),
                    r["number"],
                    name_of(r["organisation"]),
                    r["name"],
                    *_days(r["valid_from"], r["valid_to"]),
                    _LOADED,
                )
                for r in rows
            ],
        )
        await self._copy(
            "officer_certificate",
            "id officer number valid_from valid_to noted_at",
            [
                (
                    name_of(f"c/{r['certificate']}"),
                    r["number"],
                    r["certificate"],
                    *_days(r["certificate_from"], r["certificate_to"]),
                    _LOADED,
                )
                for r in rows
            ],
        )

    async def _rosters(self) -> None:
        await self._copy(
            "roster",
            "id officer agency_id begins_at ends_at duty cancelled valid_from valid_to noted_at",
            [
                (
                    name_of(f"r/{r['officer']}/{r['from']}"),
                    r["officer"],
                    name_of(r["organisation"]),
                    when(r["from"]),
                    when(r["to"]),
                    r["duty"],
                    False,
                    *2 * (when(r["from"]).astimezone(CHINA).date(),),
                    _LOADED,
                )
                for r in city.table(self._folder, "rosters")
            ],
        )

    async def _sources(self) -> None:
        root = name_of("SL")
        names = [f"source-{n}" for n in range(10)]
        await self._copy(
            "token",
            "id secret_hash agency_id name role city",
            [
                (name_of(f"t/{n}"), n.encode().ljust(32, b"."), root, n, "source", True)
                for n in names
            ],
        )
        await self._copy(
            "feed_source",
            "id agency_id name city token_id rows_per_minute created_at",
            [(name_of(n), root, n, True, name_of(f"t/{n}"), 1_000_000, _LOADED) for n in names],
        )

    async def _cases(self, rows: list[dict[str, Any]]) -> None:
        files: Records = []
        numbers: Records = []
        told: Records = []
        for row in rows:
            case, agency, at = name_of(row["key"]), name_of(row["organ"]), when(row["occurred_at"])
            self.cases[row["key"]] = CaseId(case)
            files.append((case, agency, "confirmed", row["title"], at, at))
            for n, one in enumerate(row["identifiers"]):
                parsed = CaseNumber.parse(one["number"])
                numbers.append(
                    (
                        name_of(f"n{n}/{row['key']}"),
                        case,
                        agency,
                        one["scheme"],
                        parsed.raw,
                        parsed.norm,
                        parsed.key,
                        list(grams(parsed.key)),
                        at,
                    )
                )
            told.append(
                (
                    name_of(_source_of(row)),
                    row["key"],
                    case,
                    agency,
                    row["revision"],
                    row["title"],
                    row["act_type"],
                    row["matter"],
                    date.fromisoformat(row["opened_on"]),
                    row["state"],
                    at,
                    at,
                )
            )
        await self._copy("case_file", "id agency_id state title created_at updated_at", files)
        await self._copy(
            "case_identifier", "id case_id agency_id scheme raw norm key grams created_at", numbers
        )
        await self._copy(
            "feed_case",
            "source_id key case_id agency_id revision title act_type matter opened_on state"
            " occurred_at received_at",
            told,
        )

    async def _events(self, rows: list[dict[str, Any]]) -> None:
        codes = {row["source"]: row["events"] for row in city.rows(self._folder, "sources")}
        records: Records = []
        for row in rows:
            source, at = _source_of(row), when(row["occurred_at"])
            place = row.get("place") or {}
            exempt = row.get("exempt") or {}
            ended = row.get("ended_at")
            records.append(
                (
                    name_of(row["key"]),
                    name_of(source),
                    row["key"],
                    self.cases[row["case"]],
                    row["case"],
                    name_of(row["organ"]),
                    row["revision"],
                    codes[source][row["event"]],
                    row["act_type"],
                    row.get("stage"),
                    at,
                    when(ended) if ended else None,
                    row.get("visit"),
                    row.get("officers") or [],
                    place.get("lat"),
                    place.get("lon"),
                    place.get("text"),
                    row["matter"],
                    row.get("scan"),
                    exempt.get("reason"),
                    exempt.get("approver"),
                    at,
                    at,
                )
            )
        await self._copy(
            "case_event",
            "id source_id key case_id case_key agency_id revision kind act_type stage began_at"
            " ended_at visit officers latitude longitude place matter scan exempt_reason"
            " exempt_approver received_at changed_at",
            records,
        )

    async def _documents(self, rows: list[dict[str, Any]]) -> None:
        await self._copy(
            "case_document",
            "id source_id key case_id case_key agency_id revision document event occurred_at"
            " began_at ended_at officers received_at changed_at",
            [
                (
                    name_of(row["key"]),
                    name_of(_source_of(row)),
                    row["key"],
                    self.cases[row["case"]],
                    row["case"],
                    name_of(row["organ"]),
                    row["revision"],
                    row["document"],
                    row["event"],
                    when(row["occurred_at"]),
                    when(row["began_at"]),
                    when(row["ended_at"]),
                    row["officers"],
                    when(row["occurred_at"]),
                    when(row["occurred_at"]),
                )
                for row in rows
            ],
        )

    async def _footage(self) -> None:
        recordings: Records = []
        links: Records = []
        numbers = {
            one["number"]: self.cases[row["key"]]
            for row in city.messages(self._folder).values()
            if row["kind"] == "case"
            for one in row["identifiers"]
        }
        homes = {r["serial"]: r["organisation"] for r in city.table(self._folder, "devices")}
        truth = {r["recording"]: r["case"] for r in city.rows(self._folder, "truth")}
        marks: Records = []
        reasons: Records = []
        for row in city.rows(self._folder, "recordings"):
            case = numbers.get(row["case_number"])
            if self._link_rightly:
                case = self.cases.get(truth[row["recording"]])
            marks += self._marks(row)
            reasons += reason_rows(row)
            recordings.append(footage_row(row, homes[row["device"]], links=int(case is not None)))
            if case is not None:
                link, received = name_of(f"l/{row['recording']}"), when(row["received_at"])
                links.append((link, name_of(row["recording"]), case, "upload", received, "city"))
        await self._copy(
            "recording",
            "id agency_id device_id device_number officer integrity admission length_bytes source"
            " arrival_sha256 sha256 sm3 original_name device_clock_at received_at clock_offset_ms"
            " started_at ended_at started_at_source latitude longitude flags links created_at"
            " sealed_at",
            recordings,
        )
        await self._copy(
            "mark",
            "id agency_id recording_id kind shown_at media_ms made_at made_by_kind made_by_id"
            " made_by_name",
            marks,
        )
        await self._copy(
            "gap_reason",
            "id agency_id recording_id place begins_at ends_at cause note reported_at made_at"
            " made_by_kind made_by_id made_by_name",
            reasons,
        )
        await self._copy("case_link", "id recording_id case_id origin linked_at linked_by", links)

    def _marks(self, row: dict[str, Any]) -> Records:
        recording, agency = name_of(row["recording"]), name_of(row["agency"])
        return [
            (
                name_of(f"m{n}/{row['recording']}"),
                agency,
                recording,
                mark["kind"],
                when(row["started_at"]) + timedelta(milliseconds=mark["at_ms"]),
                mark["at_ms"],
                when(row["received_at"]),
                "device",
                row["device"],
                row["device"],
            )
            for n, mark in enumerate(row["marks"])
        ]


def _source_of(row: dict[str, Any]) -> str:
    # Agencies are dealt to the sources in turn (recorder/simulation/organisations.py).
    return f"source-{(int(row['organ'][2:]) - 1) % 10}"


def _days(begins: str, ends: str) -> tuple[date, date]:
    return date.fromisoformat(begins), date.fromisoformat(ends) if ends else date.max
