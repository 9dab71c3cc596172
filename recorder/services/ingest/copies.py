"""Files of gateways: of which livestream each is a copy, and that it has come.

The livestream is the one that the stream was named after, else the one that its device had at the
time. Case numbers, stage and officer that were said at its opening hold for the copy too. Both are
kept; neither is taken for the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import DockId, LivestreamId, RecordingId
from recorder.domain.livestream import Livestream
from recorder.domain.people import EVERYTHING, Actor, Scope
from recorder.domain.recording import Flag
from recorder.store import devices, gateway_files, gateways, livestreams
from recorder.store.change import Change
from recorder.store.connection import Connection


async def attributed(connection: Connection, actor: Actor, facts: FootageFacts) -> FootageFacts:
    """What a gateway says of a file, with what is known of its livestream.

    Only a gateway's word about livestreams and paths counts; that of others is left out.
    """
    if actor.dock is None or await gateways.find(connection, actor.dock, EVERYTHING) is None:
        return replace(facts, livestream=None, path=None)
    found = await _livestream(connection, actor, facts)
    if found is None:
        flags = facts.flags
        if facts.livestream is not None:
            flags = tuple(dict.fromkeys((*flags, Flag.METADATA_MALFORMED.value)))
        return replace(facts, livestream=None, flags=flags)
    return replace(
        facts,
        livestream=str(found.id),
        device_number=facts.device_number or found.device_number,
        officer=facts.officer or found.officer,
        stage=facts.stage or found.stage,
        case_numbers=facts.case_numbers or found.case_numbers,
    )


async def _livestream(
    connection: Connection, actor: Actor, facts: FootageFacts
) -> Livestream | None:
    scope = Scope(actor.agency)
    if facts.livestream is not None:
        wished = LivestreamId(uuid.UUID(facts.livestream))
        return await livestreams.find(connection, wished, scope)
    if facts.device_number is None or facts.started_at is None:
        return None
    device = await devices.find_by_number(connection, facts.device_number, scope)
    if device is None:
        return None
    return await livestreams.of_device_at(connection, device.id, facts.started_at)


async def arrived(
    change: Change, origin: Mapping[str, object], facts: FootageFacts, recording: RecordingId
) -> None:
    """Note that a gateway's file is here, whether or not it was announced."""
    dock = origin["dock_id"]
    if facts.path is not None and dock is not None:
        gateway = DockId(uuid.UUID(str(dock)))
        await gateway_files.arrive(change.connection, gateway, facts.path, recording, change.now)
