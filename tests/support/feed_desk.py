"""A source of the case feed on a real database, and rows as it says them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from recorder.domain.feed import rows
from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.services import organs
from recorder.services.feeding import receiving, sources
from recorder.services.feeding.batch import RowAnswer
from recorder.store.feed import case_documents, case_events
from recorder.store.feed.sources import FeedSource
from tests.support.bureau import Bureau, open_bureau


@dataclass
class Desk:
    """A source of ours, and what it says."""

    bureau: Bureau
    source: FeedSource

    async def send(self, *said: dict[str, object]) -> list[RowAnswer]:
        parsed = [rows.of_value(one) for one in said]
        return await receiving.receive(self.bureau.deps, OPERATOR, self.source, parsed)

    async def outcomes(self, *said: dict[str, object]) -> list[str]:
        return [each.outcome.value for each in await self.send(*said)]

    async def another(self, name: str, *, agency: str | None = None, city: bool = False) -> Desk:
        deps = self.bureau.deps
        added = await sources.add_source(deps, OPERATOR, name=name, agency=agency, city=city)
        return Desk(self.bureau, added.source)

    async def elsewhere(self, agency: str) -> Desk:
        """A source of a new agency, in which no number is known."""
        await organs.ensure(self.bureau.deps, OPERATOR, agency)
        return await self.another(agency, agency=agency)

    async def case_of(self, number: str) -> CaseId:
        found = "SELECT case_id FROM case_identifier WHERE norm = $1"
        return CaseId(uuid.UUID(str(await self.bureau.value(found, number))))

    async def events(self) -> list[tuple[str, str, str]]:
        """Key, kind and case number of every event that counts."""
        async with self.bureau.deps.database.acquire() as connection:
            found = await connection.fetch("SELECT id FROM case_file WHERE state <> 'merged'")
            cases = [CaseId(row["id"]) for row in found]
            by_case = await case_events.of_cases(connection, cases)
            told = await case_documents.of_cases(connection, cases)
        numbers = {c: await self.number(c) for c in {*by_case, *told}}
        listed = [(e.key, e.kind.value, numbers[c]) for c, many in by_case.items() for e in many]
        listed += [(d.key, d.document, numbers[c]) for c, many in told.items() for d in many]
        return sorted(listed)

    async def number(self, case: CaseId) -> str:
        return str(
            await self.bureau.value(
                "SELECT min(norm) FROM case_identifier WHERE case_id = $1", case
            )
        )


@asynccontextmanager
async def open_desk(
    database_url: str, folder: Path, *, name: str = "sj", **settings: object
) -> AsyncIterator[Desk]:
    """A desk of our agency on an empty database."""
    async with open_bureau(database_url, folder, **settings) as bureau:
        added = await sources.add_source(bureau.deps, OPERATOR, name=name)
        yield Desk(bureau, added.source)


def case(key: str, revision: int, *numbers: str, **more: object) -> dict[str, object]:
    listed = [{"scheme": "case", "number": number} for number in numbers]
    return {"kind": "case", "key": key, "revision": revision, "identifiers": listed, **more}


def event(key: str, revision: int, where: str, **more: object) -> dict[str, object]:
    """``where`` is the key of a case, or a number in brackets."""
    whose: dict[str, object] = (
        {"identifiers": [{"scheme": "case", "number": where}]} if "〔" in where else {"case": where}
    )
    return {
        "kind": "event", "key": key, "revision": revision, "event": "seizure",
        "occurred_at": "2026-03-05T09:00:00", **whose, **more,
    }  # fmt: skip


def document(key: str, revision: int, where: str) -> dict[str, object]:
    return {**event(key, revision, where), "kind": "document", "document": "笔录"}


def withdrawal(key: str, revision: int, of: str) -> dict[str, object]:
    return {"kind": "withdrawal", "key": key, "revision": revision, "of": of, "reason": "误报"}
