"""Two agencies with people and footage rows on a real database, and a clock that tests set."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder.config import read_config
from recorder.domain.events import RecordingQuarantined
from recorder.domain.ids import AgencyId, RecordingId, new_uuid
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.runtime import Deps, open_deps
from recorder.services import organs
from recorder.store import recordings
from tests.support.recorded import a_recording

PASSWORD = "correct horse battery"
#: While the clock stands still nothing is earned back; tests of limits set their own.
UNLIMITED = {"RECORDER_SEARCHES_PER_MINUTE": "0", "RECORDER_UPLOAD_OPENINGS_PER_MINUTE": "0"}


@dataclass
class SetClock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 8, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def forward(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass(frozen=True)
class Bureau:
    """Deps with two agencies: ours, and a foreign one."""

    deps: Deps
    clock: SetClock
    ours: AgencyId
    theirs: AgencyId

    def actor(
        self,
        role: Role = Role.SUPERVISOR,
        *,
        agency: AgencyId | None = None,
        officer: str | None = None,
        city: bool = False,
    ) -> Actor:
        """Somebody of our agency, or of the one named."""
        return Actor(
            ActorKind.PERSON,
            str(new_uuid(self.clock.at)),
            f"{role} {officer or ''}".strip(),
            role=role,
            agency=agency or self.ours,
            city=city,
            officer=officer,
        )

    async def recording(
        self,
        *,
        agency: AgencyId | None = None,
        officer: str | None = None,
        started_at: datetime | None = None,
    ) -> RecordingId:
        """A row of footage, as ingest writes it."""
        recording = replace(
            a_recording(self.clock.at, agency or self.ours),
            officer=officer,
            started_at=started_at,
            started_at_source="metadata" if started_at else None,
        )
        async with self.deps.change(OPERATOR) as change:
            await recordings.insert(
                change, recording, source="test", arrival_sha256=secrets.token_bytes(32)
            )
            change.record(
                RecordingQuarantined(
                    subject=recording.id, agency=recording.agency, reasons=("device_unknown",)
                )
            )
        return recording.id

    async def event_names(self) -> list[str]:
        """Names of all custody events in their order."""
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch("SELECT name FROM custody_event ORDER BY position")
        return [row["name"] for row in rows]

    async def value(self, sql: str, *arguments: object) -> object:
        """One value straight from the database."""
        async with self.deps.database.acquire() as connection:
            return await connection.fetchval(sql, *arguments)

    async def links_are_counted(self) -> bool:
        """Whether every recording's counter equals the number of its active links."""
        wrong = await self.value(
            "SELECT count(*) FROM recording r WHERE r.links <> (SELECT count(*) FROM case_link l"
            " WHERE l.recording_id = r.id AND l.unlinked_at IS NULL)"
        )
        return wrong == 0


@asynccontextmanager
async def open_bureau(database_url: str, folder: Path, **settings: object) -> AsyncIterator[Bureau]:
    """A Bureau on an empty database of the current schema."""
    config = read_config(
        {
            "RECORDER_DATABASE_URL": database_url,
            "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
            "RECORDER_OBJECTS_FLOOR_BYTES": "0",
            "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
            **UNLIMITED,
        }
        | {f"RECORDER_{name.upper()}": str(value) for name, value in settings.items()}
    )
    await asyncio.to_thread((folder / "objects").mkdir)
    clock = SetClock()
    async with open_deps(config, clock=clock) as deps:
        ours = await organs.ensure_own_agency(deps)
        theirs = await organs.add_agency(deps, OPERATOR, code="foreign", name="外单位")
        yield Bureau(deps, clock, ours, theirs.id)
