"""What gateways spoke of and nothing came of: an alarm for each gateway, which clears itself.

Hooks are hints: what counts is what is here. A file, or a stream, that a pull of ours has is not
missing.
"""

from __future__ import annotations

from datetime import timedelta

from recorder.domain.alarm import AlarmCode
from recorder.runtime import Deps
from recorder.services import alarms, guard
from recorder.store import gateway_files


async def watch_awaited(deps: Deps) -> None:
    """Chore: raise what has been awaited too long, clear what has come."""
    if await guard.is_younger(deps):
        return
    before = deps.clock.now() - timedelta(seconds=deps.config.gateway_awaited_s)
    async with deps.database.acquire() as connection:
        files = await gateway_files.overdue_files(connection, before)
        streams = await gateway_files.overdue_streams(connection, before)
    missing = {each.gateway: each for each in (*streams, *files)}
    for gateway, found in missing.items():
        counts = {
            "files": sum(each.count for each in files if each.gateway == gateway),
            "streams": sum(each.count for each in streams if each.gateway == gateway),
        }
        await alarms.report(
            deps,
            AlarmCode.GATEWAY_FILES_MISSING,
            about_kind="gateway",
            about=str(gateway),
            agency=found.agency,
            detail=f"What the gateway {found.name} told of has not come: {counts['files']} files,"
            f" {counts['streams']} streams.",
            facts={"title": found.name, **counts},
        )
    for about in await alarms.open_about(deps, AlarmCode.GATEWAY_FILES_MISSING):
        if about not in set(map(str, missing)):
            await alarms.clear_if_open(
                deps,
                AlarmCode.GATEWAY_FILES_MISSING,
                about_kind="gateway",
                about=about,
                note="Its cause is gone.",
            )
