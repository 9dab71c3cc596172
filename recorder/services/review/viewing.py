"""Recordings as people see them: lists, one with all its facts, its custody, its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recorder.domain.continuation import Continuation, continuation_of
from recorder.domain.events import (
    ReceiptIssued,
    RecordingAdmitted,
    RecordingSealed,
    RecordingViewed,
    SubjectKind,
)
from recorder.domain.filmed_code import FilmedCode
from recorder.domain.ids import RecordingId
from recorder.domain.instant import CHINA
from recorder.domain.media import MediaFacts, Showable, plan
from recorder.domain.people import Actor, ActorKind, Permission, Role
from recorder.domain.recorded_stream import RecordedStream
from recorder.domain.recording import Integrity, Recording
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.ledger import receipt as receipts
from recorder.runtime import Deps
from recorder.services import duties, live
from recorder.services.paging import Page, encode_cursor, page_of, page_size, read_cursor
from recorder.store import (
    agencies,
    case_links,
    coverage_due,
    custody_events,
    device_files,
    devices,
    filmed_codes,
    original_objects,
    recording_lists,
    recordings,
    renditions,
    task_runs,
)
from recorder.store.case_links import LinkedCase
from recorder.store.connection import Connection
from recorder.store.custody_events import RecordedEvent
from recorder.store.original_objects import StoredObject, StoredOriginal
from recorder.store.recording_lists import Query
from recorder.store.renditions import Rendition
from recorder.store.task_runs import TaskRun

#: Played from the segments of a livestream.
STREAMED = "hls"
#: Objects of an original that are told one by one.
MOST_OBJECTS = 5
#: Longest reason that is kept.
_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Playable:
    """What the player can show now, and from what."""

    #: ready, pending (work is going on), failed (work has ended without success) or none.
    state: str
    #: video, audio, picture, or None while unknown.
    kind: str | None
    #: original, or the profile of a rendition.
    profile: str | None


@dataclass(frozen=True, slots=True)
class SentRecording:
    """What the sender of the bytes may know of a recording that is out of the sender's scope.

    Nothing that others have said of it: neither names, people and times nor cases.
    """

    id: RecordingId
    #: quarantined while not admitted, else the integrity.
    state: str
    integrity: Integrity
    quarantine_reasons: tuple[str, ...]
    length: int
    sha256: bytes | None
    sm3: bytes | None


@dataclass(frozen=True, slots=True)
class RecordingView:
    """A recording with everything its page says."""

    recording: Recording
    agency_name: str
    #: Through which dock it came, if one is known.
    dock_name: str | None
    #: Its original in figures, and the first few objects of it.
    stored: StoredOriginal | None
    objects: tuple[StoredObject, ...]
    #: Periods and gaps, where it was a livestream.
    stream: RecordedStream | None
    tasks: tuple[TaskRun, ...]
    cases: tuple[LinkedCase, ...]
    #: Links that have ended: the history.
    former_cases: tuple[LinkedCase, ...]
    renditions: tuple[Rendition, ...]
    playable: Playable
    #: QR codes that are seen at its beginning.
    filmed_codes: tuple[FilmedCode, ...] = ()

    @property
    def fixity(self) -> str | None:
        """failing when last read back, restored after a failure, or None."""
        if self.stored is None or not self.stored.failed:
            return None
        return "failing" if self.stored.failing else "restored"


async def find_recordings(
    deps: Deps,
    actor: Actor,
    query: Query,
    cursor: str | None = None,
    limit: int = 50,
    *,
    agency: str | None = None,
    unmarked_overdue: bool = False,
) -> Page[Recording]:
    """Recordings in the asker's scope, newest first; with a span of time, by when they began.

    ``agency``: of the organisation of this code with all below it, as whoever works there sees.
    ``unmarked_overdue``: only what bears no mark although the term of its duty list is over.

    ``q`` finds names that begin with it; where none does, or thousands do, names that contain it,
    and then a page may hold few or none though there is a next one: it has looked far enough.
    """
    before, size = read_cursor(cursor), page_size(limit)
    scope, unseen = actor.scope, None
    async with deps.database.acquire() as connection:
        if agency is not None:
            within = await agencies.with_below(connection, agency, scope)
            if not within:
                return Page((), None)
            scope = replace(scope, agency=within[0], below=tuple(within[1:]))
        if unmarked_overdue:
            today = deps.clock.now().astimezone(CHINA).date()
            usual = deps.config.duty_profile
            due = await duties.due_in_scope(connection, usual, scope, today)
            if not due:
                return Page((), None)
            query = replace(query, due=due)
        if query.q is None:
            rows = await recording_lists.search(connection, scope, query, before, size + 1)
        elif await recording_lists.names_begin(connection, scope, query.q):
            rows = await recording_lists.search_beginning(
                connection, scope, query, before, size + 1
            )
        else:
            rows, unseen = await recording_lists.search_fragment(
                connection, scope, query, before, size + 1
            )
    page = page_of(rows, size, query.key)
    if page.next is None and unseen is not None:
        return Page(page.items, encode_cursor(*unseen))
    return page


async def find_own(connection: Connection, actor: Actor, recording: RecordingId) -> Recording:
    """The recording, if the asker's scope reaches it; NotFound otherwise, whatever exists."""
    found = await recordings.find(connection, recording, actor.scope)
    if found is None:
        raise NotFound("recording-not-found", "There is no such recording.")
    return found


async def _find_own_or_sent(
    connection: Connection, actor: Actor, recording: RecordingId
) -> Recording:
    """As ``find_own``; the sender of an upload that became it is answered too, wherever it is.

    Footage sent under another device's number, let in by another agency or there before from the
    device itself is out of the sender's scope, and yet the sender must know that it is safe.
    """
    sent = await recordings.find_sent(connection, recording, actor.sender)
    return sent or await find_own(connection, actor, recording)


async def recording(deps: Deps, actor: Actor, recording: RecordingId) -> RecordingView:
    """A recording with all its facts, without an event: for machines and for inner use."""
    async with deps.database.acquire() as connection:
        # Work before what it found: a task that reads as done has its result in what follows.
        runs = await task_runs.of_subject(connection, SubjectKind.RECORDING.value, recording)
        found = await find_own(connection, actor, recording)
        made = await renditions.of_recording(connection, found.id)
        agency = await agencies.find(connection, found.agency)
        scope = actor.scope
        return RecordingView(
            recording=found,
            agency_name=agency.name if agency else found.agency_code,
            dock_name=await devices.name_of_dock(connection, found.dock) if found.dock else None,
            stored=await original_objects.stored_original(connection, found.id),
            objects=tuple(await original_objects.first_objects(connection, found.id, MOST_OBJECTS)),
            stream=await live.recorded_stream(connection, found),
            tasks=tuple(runs),
            cases=tuple(await case_links.of_recording(connection, found.id, scope, ended=False)),
            former_cases=tuple(
                await case_links.of_recording(connection, found.id, scope, ended=True)
            ),
            renditions=tuple(made),
            filmed_codes=tuple(await filmed_codes.of_recording(connection, found.id)),
            playable=await _streamed(deps, connection, found) or playable(found, made, runs),
        )


async def view_recording(deps: Deps, actor: Actor, recording_id: RecordingId) -> RecordingView:
    """As ``recording``; a person's look is recorded, a machine asking for its state is not."""
    view = await recording(deps, actor, recording_id)
    await _note_look(deps, actor, view.recording)
    return view


async def _note_look(deps: Deps, actor: Actor, recording: Recording) -> None:
    if actor.role not in (Role.DEVICE, Role.DOCK):
        async with deps.change(actor) as change:
            change.record(RecordingViewed(subject=recording.id, agency=recording.agency))


async def ask_recording(
    deps: Deps, actor: Actor, recording_id: RecordingId
) -> RecordingView | SentRecording:
    """As ``view_recording``; whoever sent it gets its state, even where the scope ends before."""
    async with deps.database.acquire() as connection:
        reached = await recordings.find(connection, recording_id, actor.scope)
        sent = reached or await _find_own_or_sent(connection, actor, recording_id)
    if reached is not None:
        return await view_recording(deps, actor, recording_id)
    await _note_look(deps, actor, sent)
    return SentRecording(
        id=sent.id,
        state=sent.state,
        integrity=sent.integrity,
        quarantine_reasons=sent.quarantine_reasons,
        length=sent.length,
        sha256=sent.sha256,
        sm3=sent.sm3,
    )


async def _streamed(deps: Deps, connection: Connection, found: Recording) -> Playable | None:
    """At once and whatever the prober says: it sees periods joined, which no player has to."""
    if await live.is_streamed(connection, found, is_converted=deps.config.live_proxies > 0):
        return Playable("ready", "video", STREAMED)
    return None


def playable(recording: Recording, made: Sequence[Rendition], runs: Sequence[TaskRun]) -> Playable:
    """What can be shown now, from the prober's facts, the renditions and the work."""
    if recording.integrity is Integrity.SIMULATED:
        return Playable(Integrity.SIMULATED.value, None, None)
    failed = {run.task for run in runs if run.state == "failed"}
    if recording.media is None:
        return Playable("failed" if "probe" in failed else "pending", None, None)
    wanted = plan(MediaFacts.from_json(recording.media))
    profiles = {rendition.profile for rendition in made}
    match wanted.showable:
        case Showable.NONE:
            return Playable("none", None, None)
        case Showable.PICTURE:
            kind, profile = "picture", "poster"
        case Showable.AUDIO:
            kind, profile = "audio", "proxy" if wanted.needs_proxy else "original"
        case Showable.AS_IS | Showable.REMUX | Showable.TRANSCODE:
            kind, profile = "video", "proxy" if wanted.needs_proxy else "original"
    if profile == "original" or profile in profiles:
        return Playable("ready", kind, profile)
    return Playable("failed" if profile in failed else "pending", kind, None)


def need_bytes(found: Recording) -> None:
    """Raise Conflict ``recording-simulated`` for a recording that was never one."""
    if found.integrity is Integrity.SIMULATED:
        raise Conflict(
            "recording-simulated", "It was invented by a simulator; there is no footage."
        )


def may_take_original(actor: Actor, found: Recording) -> bool:
    """Whether the original leaves for this actor, as far as its review goes (R14).

    What no review has passed is no evidence and must not leave as such: it is for who reviews
    it, a person of its own organ.
    """
    reviewer = actor.kind is ActorKind.PERSON and actor.may(Permission.ADMIT)
    return found.is_reviewed or (reviewer and actor.acts_for(found.agency))


def need_review_of(actor: Actor, found: Recording) -> None:
    """Raise Conflict ``review-awaited`` unless ``may_take_original``."""
    if not may_take_original(actor, found):
        raise Conflict(
            "review-awaited", "Nobody has said that its content passed review.", review=found.review
        )


async def recording_events(
    deps: Deps, actor: Actor, recording: RecordingId, *, after: int = 0, limit: int = 200
) -> list[RecordedEvent]:
    """The custody events of a recording in their order, behind position ``after``."""
    async with deps.database.acquire() as connection:
        await find_own(connection, actor, recording)
        return await custody_events.of_subject(
            connection, SubjectKind.RECORDING, recording, after=after, limit=page_size(limit)
        )


async def continuation(deps: Deps, actor: Actor, recording: RecordingId) -> Continuation | None:
    """The files of its device that it follows and that follow it without a break. Raises NotFound.

    None where it stands alone, or nobody knows its device or its times.
    """
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording)
        if not found.device_number or found.started_at is None or found.livestream is not None:
            return None
        pieces = await device_files.around(connection, actor.scope, found)
    return continuation_of(pieces, found.id)


async def recording_objects(
    deps: Deps, actor: Actor, recording: RecordingId, *, after: int = -1, limit: int = 200
) -> list[StoredObject]:
    """The objects of its original in their order, behind place ``after``; they are numbered from 0.

    A livestream of a day has 43,200 of them until they are put into volumes.
    """
    async with deps.database.acquire() as connection:
        await find_own(connection, actor, recording)
        return await original_objects.objects_behind(connection, recording, after, page_size(limit))


async def receipt(deps: Deps, actor: Actor, recording: RecordingId) -> str:
    """The signed receipt of a sealed recording, for its sender too: the same text each time.

    Raises Conflict ``receipt-not-yet`` before verification and ``receipt-never`` when the
    recording is mismatched, ``recording-simulated`` when it was invented.
    """
    async with deps.database.acquire() as connection:
        found = await _find_own_or_sent(connection, actor, recording)
        sealed = await custody_events.newest(
            connection, SubjectKind.RECORDING, recording, RecordingSealed.__name__
        )
    need_bytes(found)
    if found.integrity is Integrity.MISMATCHED:
        raise Conflict("receipt-never", "This recording is mismatched and has no receipt.")
    if sealed is None:
        raise Conflict("receipt-not-yet", "This recording is still being verified; ask again.")
    async with deps.change(actor) as change:
        change.record(ReceiptIssued(subject=recording, agency=found.agency, sealed_event=sealed.id))
    return receipts.issue(sealed.leaf, deps.signer)


async def admit(
    deps: Deps, actor: Actor, recording: RecordingId, *, reason: str, agency: str | None = None
) -> Recording:
    """Let quarantined footage in, with a reason, into the agency of that code if one is named.

    Raises Conflict ``recording-not-quarantined``, NotFound ``agency-not-found``.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise InvalidInput("reason-missing", "Admitting footage needs a reason.")
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording)
        target = None
        if agency is not None:
            target = await agencies.by_code(connection, agency, actor.scope)
            if target is None:
                raise NotFound("agency-not-found", "There is no such agency.")
    async with deps.change(actor) as change:
        actor.need_charge_of(found.agency)
        if not await recordings.admit(change, recording, target.id if target else None):
            raise Conflict("recording-not-quarantined", "This recording is not in quarantine.")
        await coverage_due.touch_footage(change.connection, [recording], "footage")
        change.record(
            RecordingAdmitted(
                subject=recording,
                agency=target.id if target else found.agency,
                reason=reason,
                agency_before=found.agency,
            )
        )
    async with deps.database.acquire() as connection:
        return await find_own(connection, actor, recording)
