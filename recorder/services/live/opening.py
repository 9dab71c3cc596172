"""Opening a livestream, and finding the ones that somebody may deliver or look at."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain import case_number
from recorder.domain.events import LivestreamOpened, LivestreamSourceNamed
from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import LivestreamId, new_uuid
from recorder.domain.instant import format_utc
from recorder.domain.livestream import Form, Livestream, key_prefix, opening_key
from recorder.domain.people import EVERYTHING, Actor, ActorKind
from recorder.domain.recording import Flag
from recorder.errors import Conflict, InvalidInput, NotFound, StorageFull, Unavailable
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services import guard, ingest, names
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import agencies, livestream_sources, livestreams

#: Locks of segments outlive what is promised by a week, like those of uploads.
LOCK_MORE = timedelta(days=7)
#: Longer nobody who publishes waits for the store before being let in.
_PATIENCE_S = 5.0

#: Where a livestream of this id is fetched from.
SourceOf: TypeAlias = Callable[[LivestreamId], livestream_sources.LivestreamSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is said of a livestream when it opens; nothing odd in it refuses it."""

    title: str
    form: Form = Form.PUSHED
    device_number: str | None = None
    officer: str | None = None
    stage: str | None = None
    case_numbers: tuple[str, ...] = ()
    device_clock_at: datetime | None = None
    #: Of chunks (CHUNK_TYPES); the form is theirs then.
    media_type: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None


async def open_livestream(
    deps: Deps, actor: Actor, opening: Opening, *, source: SourceOf | None = None
) -> Livestream:
    """A livestream that takes periods and segments from the opener and from its device.

    Device, agency, officer and quarantine are decided as for uploads: an unknown, suspended or
    contradicting device is taken and quarantined. Raises InvalidInput ``name-invalid`` for the
    title, Unavailable ``database-younger-than-store``.
    """
    title = names.checked(opening.title, "title")
    is_received = opening.form is Form.RECEIVED
    await guard.require_whole(deps, at_once=is_received)
    said = _facts(opening, title, actor, deps.clock.now())
    async with deps.database.acquire() as connection:
        facts, origin = await ingest.origin_of(connection, actor, said, deps.clock.now())
    livestream = _fresh(deps, actor, opening, facts, origin)
    async with deps.change(actor) as change:
        await livestreams.insert(change, livestream)
        change.record(opened_event(livestream))
        if source is not None:
            found = source(livestream.id)
            await livestream_sources.insert(change, found)
            change.record(
                LivestreamSourceNamed(
                    subject=livestream.id,
                    agency=livestream.agency,
                    protocol=found.protocol,
                    host=found.host,
                )
            )
    return await (described_soon if is_received else described)(deps, livestream)


def _facts(opening: Opening, title: str, actor: Actor, now: datetime) -> FootageFacts:
    numbers: list[str] = []
    flags: dict[str, None] = {}
    for raw in opening.case_numbers:
        try:
            parsed = case_number.CaseNumber.parse(raw)
        except InvalidInput:
            flags[Flag.METADATA_MALFORMED.value] = None
            continue
        if parsed.odd:
            flags[Flag.CASE_NUMBER_ODD.value] = None
        numbers.append(parsed.raw)
    return FootageFacts(
        original_name=title,
        device_number=opening.device_number,
        officer=opening.officer or actor.officer,
        stage=opening.stage,
        case_numbers=tuple(numbers),
        device_clock_at=opening.device_clock_at,
        # The hand-over log is asked who wears the device now.
        started_at=now,
        flags=tuple(flags),
    )


def _fresh(
    deps: Deps, actor: Actor, opening: Opening, facts: FootageFacts, origin: ingest.Origin
) -> Livestream:
    now = deps.clock.now()
    livestream = LivestreamId(new_uuid(now))
    offset, flags = None, list(facts.flags)
    if opening.device_clock_at is not None:
        offset = int((opening.device_clock_at - now) / timedelta(milliseconds=1))
        if abs(offset) > deps.config.clock_offset_limit_s * 1000:
            flags.append(Flag.CLOCK_OFFSET.value)
    return Livestream(
        id=livestream,
        agency=origin.agency,
        agency_code="",
        device=origin.device,
        device_number=facts.device_number,
        dock=origin.dock,
        officer=facts.officer,
        title=facts.original_name,
        stage=facts.stage,
        case_numbers=facts.case_numbers,
        opened_by=actor.sender,
        source=origin.source,
        quarantine_reasons=origin.quarantine,
        flags=tuple(flags),
        form=Form.CHUNKED if opening.media_type else opening.form,
        key_prefix=key_prefix(livestream, now),
        device_clock_at=opening.device_clock_at,
        clock_offset_ms=offset,
        created_at=now,
        media_type=opening.media_type,
        latitude=opening.latitude,
        longitude=opening.longitude,
        accuracy_m=opening.accuracy_m,
    )


def opened_event(livestream: Livestream) -> LivestreamOpened:
    """What its custody begins with."""
    return LivestreamOpened(
        subject=livestream.id,
        agency=livestream.agency,
        title=livestream.title,
        form=livestream.form.value,
        device_number=livestream.device_number,
        officer=livestream.officer,
        stage=livestream.stage,
        case_numbers=livestream.case_numbers,
        device_clock_at=livestream.device_clock_at,
        clock_offset_ms=livestream.clock_offset_ms,
        quarantine_reasons=livestream.quarantine_reasons,
        flags=livestream.flags,
        continues=livestream.continues,
    )


async def described(deps: Deps, livestream: Livestream) -> Livestream:
    """See that the locked description lies beside the segments; safe to repeat.

    It is what a rebuild knows of a livestream whose database is lost before it was closed.
    """
    if livestream.opening_version is None:
        stored = await _store_description(deps, livestream)
        async with deps.database.acquire() as connection:
            await livestreams.set_opening(
                connection, livestream.id, stored.version, stored.lock_until
            )
    async with deps.database.acquire() as connection:
        found = await livestreams.find(connection, livestream.id, EVERYTHING)
    return found or livestream


async def described_soon(deps: Deps, livestream: Livestream) -> Livestream:
    """As ``described``, and no publisher waits for it.

    With the store away media go to a spool; whoever puts the first of them describes it before.
    """
    with contextlib.suppress(Unavailable, StorageFull, TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            return await described(deps, livestream)
    return livestream


def description(livestream: Livestream) -> dict[str, object]:
    """What was said when it opened, as plain values: for the description and for manifests."""
    clock = livestream.device_clock_at
    return {
        "livestream": str(livestream.id),
        "agency": str(livestream.agency),
        "agency_code": livestream.agency_code,
        "form": livestream.form.value,
        "title": livestream.title,
        "device_number": livestream.device_number,
        "dock": str(livestream.dock) if livestream.dock else None,
        "officer": livestream.officer,
        "stage": livestream.stage,
        "case_numbers": list(livestream.case_numbers),
        "opened_by": livestream.opened_by,
        "source": livestream.source,
        "quarantine_reasons": list(livestream.quarantine_reasons),
        "flags": list(livestream.flags),
        "device_clock_at": format_utc(clock) if clock else None,
        "clock_offset_ms": livestream.clock_offset_ms,
        "opened_at": format_utc(livestream.created_at),
        "media_type": livestream.media_type,
        # Text: the canonical form knows no fractions.
        "position": position_text(livestream),
        "left_out": list(livestream.left_out),
        "goes_on_with": str(livestream.continues) if livestream.continues else None,
    }


def position_text(livestream: Livestream) -> str | None:
    """Latitude, longitude and accuracy in metres where it was opened; None if nobody said."""
    if livestream.latitude is None or livestream.longitude is None:
        return None
    accuracy = "" if livestream.accuracy_m is None else f"{livestream.accuracy_m:.1f}"
    return f"{livestream.latitude:.7f} {livestream.longitude:.7f} {accuracy}".rstrip()


async def _store_description(deps: Deps, livestream: Livestream) -> StoredObject:
    key = opening_key(livestream.key_prefix)
    async with deps.database.acquire() as connection:
        agency = await agencies.find(connection, livestream.agency)
    coded = replace(livestream, agency_code=agency.code if agency else "")
    content = canonical.encode({"v": 1, **description(coded)})
    try:
        stored = await deps.objects.put(
            Bucket.ORIGINALS,
            key,
            [content],
            lock_until=lock_end(deps),
            media_type="application/json",
        )
    except Conflict:
        # Written by an earlier try, with the same words.
        stored = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1]
    return stored


def lock_end(deps: Deps) -> datetime:
    """Until when an object of a livestream is locked at its birth."""
    return deps.clock.now() + timedelta(seconds=deps.config.lock_ahead_s) + LOCK_MORE


async def find_livestream(deps: Deps, actor: Actor, livestream: LivestreamId) -> Livestream:
    """The livestream, if the asker's scope reaches it; NotFound otherwise, whatever exists."""
    async with deps.database.acquire() as connection:
        found = await livestreams.find(connection, livestream, actor.scope)
    if found is None:
        raise NotFound("livestream-not-found", "There is no such livestream.")
    return found


async def watchable(deps: Deps, actor: Actor, livestream: LivestreamId) -> Livestream:
    """As ``find_livestream``; Forbidden ``footage-restricted`` where it is not for the asker."""
    found = await find_livestream(deps, actor, livestream)
    actor.need_pictures_of(found.agency, found.officer, restricted=found.is_restricted)
    return found


async def deliverable(deps: Deps, actor: Actor, livestream: LivestreamId) -> Livestream:
    """The livestream, if this actor may deliver it: its opener, its device, a process of ours."""
    async with deps.database.acquire() as connection:
        # Whoever opened it may go on with it, also when its device is quarantined and so in
        # nobody's scope.
        found = await livestreams.find(connection, livestream, EVERYTHING)
    own = (
        found is not None
        and actor.livestream in (None, found.id, found.continues)
        and (
            found.opened_by == actor.sender
            or (actor.device is not None and found.device == actor.device)
            or actor.kind in (ActorKind.SERVICE, ActorKind.WORKER)
        )
    )
    if found is None or not own:
        raise NotFound("livestream-not-found", "There is no such livestream.")
    return found


async def check_delivery(deps: Deps, actor: Actor, livestream: LivestreamId) -> None:
    """Raise NotFound unless this actor may deliver the livestream: before a body is read."""
    await deliverable(deps, actor, livestream)


async def list_livestreams(
    deps: Deps,
    actor: Actor,
    *,
    running: bool | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Livestream]:
    """Livestreams in the asker's scope, newest first; ``running``: those (not) closed."""
    before, size = read_cursor(cursor), page_size(limit)
    async with deps.database.acquire() as connection:
        rows = await livestreams.listed(connection, actor.scope, running, before, size + 1)
    return page_of(rows, size, lambda each: (each.created_at, uuid.UUID(str(each.id))))
