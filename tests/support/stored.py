"""What database and store hold of livestreams, as tests ask it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId
from recorder.domain.people import SERVICE
from recorder.runtime import Deps
from recorder.services import live
from recorder.services.live import LivestreamView
from tests.support.live_stand import LONG_S
from tests.support.waiting import eventually


@dataclass(slots=True)
class Stored:
    """Looks, and changes nothing."""

    deps: Deps

    async def view(self, livestream: LivestreamId) -> LivestreamView:
        return await live.view_livestream(self.deps, SERVICE, livestream)

    async def segments(self, livestream: LivestreamId, count: int) -> LivestreamView:
        """The livestream, once so many are stored."""

        async def there() -> LivestreamView | None:
            view = await self.view(livestream)
            return view if view.livestream.segments >= count else None

        return await eventually(there, within=LONG_S, what=f"{count} segments")

    async def causes(self, livestream: LivestreamId) -> list[str]:
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT cause FROM livestream_period WHERE livestream_id = $1 ORDER BY number",
                livestream,
            )
        return [row["cause"] for row in rows]

    async def device_times(self, livestream: LivestreamId) -> list[datetime | None]:
        """What the device's clock said at each segment, in their order."""
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT device_at FROM livestream_segment WHERE livestream_id = $1 AND number > 0"
                " AND state = 'stored' ORDER BY number",
                livestream,
            )
        return [row["device_at"] for row in rows]

    async def files(self, livestream: LivestreamId, folder: Path) -> list[Path]:
        """Each period as one file, from the store."""
        async with self.deps.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT period, object_key, version FROM livestream_segment"
                " WHERE livestream_id = $1 AND state = 'stored' ORDER BY period, number < 0 DESC,"
                " number",
                livestream,
            )
        files: dict[int, Path] = {}
        for row in rows:
            file = files.setdefault(row["period"], folder / f"stored-{row['period']}.mp4")
            with file.open("ab") as target:
                async for block in self.deps.objects.read(
                    Bucket.ORIGINALS, row["object_key"], row["version"]
                ):
                    target.write(block)
        return list(files.values())

    async def rows(self) -> str:
        """Everything that the database says of livestreams and of what happened, as text."""
        async with self.deps.database.acquire() as connection:
            found = [
                str(dict(row))
                for table in ("livestream", "livestream_source", "custody_event")
                for row in await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - constant text
            ]
        return "\n".join(found)
