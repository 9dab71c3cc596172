"""Saying where footage comes from (R12, R25), its classes (R38), whether it passed review (R14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from recorder.domain import provenance
from recorder.domain.case import CaseClass
from recorder.domain.events import (
    ContentReviewed,
    ProvenanceStated,
    RecordingClassed,
    RecordingMarked,
)
from recorder.domain.footage_facts import FootageFacts, marks_in
from recorder.domain.ids import MarkId, RecordingId, new_uuid
from recorder.domain.mark import Mark, MarkOrigin
from recorder.domain.people import Actor, ActorKind
from recorder.domain.provenance import ContentReview, Provenance, ProvenanceKind
from recorder.domain.recording import Recording
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.store import marks, provenances, recordings
from recorder.store.change import Change


def stated(said: Provenance, *, before: str | None) -> ProvenanceStated:
    """The event of a statement."""
    return ProvenanceStated(
        subject=said.recording,
        agency=said.agency,
        provenance=said.kind.value,
        reason=said.reason,
        provider=said.provider,
        handed_over_at=said.handed_over_at,
        receipt=said.receipt,
        provenance_before=before,
    )


def said_by_sender(facts: FootageFacts, recording: Recording, actor: Actor) -> Provenance | None:
    """What came with an upload; odd or missing parts are taken as they are."""
    if facts.provenance is None:
        return None
    return Provenance(
        recording=recording.id,
        agency=recording.agency,
        kind=ProvenanceKind(facts.provenance),
        reason=facts.provenance_reason,
        provider=facts.provider,
        handed_over_at=facts.handed_over_at,
        receipt=facts.provider_receipt,
        stated_at=recording.received_at,
        stated_by=actor.name,
    )


async def write_marks(change: Change, facts: FootageFacts, recording: Recording) -> list[Mark]:
    """Write what came marked: by the device's own key, or in the words of a program. No event."""
    came = _marks_of_sender(facts, recording, change.actor, change.now)
    for mark in came:
        await marks.insert(change, mark)
    return came


def _marks_of_sender(
    facts: FootageFacts, recording: Recording, actor: Actor, now: datetime
) -> list[Mark]:
    by_device = actor.kind in (ActorKind.DEVICE, ActorKind.DOCK)
    began = recording.started_at
    return [
        Mark(
            id=MarkId(new_uuid(now)),
            agency=recording.agency,
            livestream=None,
            recording=recording.id,
            kind=kind,
            note="",
            shown_at=began + timedelta(milliseconds=media_ms) if began else None,
            media_ms=media_ms,
            made_at=now,
            made_by_kind=actor.kind.value,
            made_by_id=actor.id,
            made_by_name=actor.name,
            origin=MarkOrigin.DEVICE if by_device else MarkOrigin.METADATA,
        )
        for kind, media_ms in marks_in(facts)
    ]


def marked(recording: RecordingId, mark: Mark) -> RecordingMarked:
    """The event of a mark that came with the footage."""
    return RecordingMarked(
        subject=recording,
        agency=mark.agency,
        mark=mark.id,
        kind=mark.kind.value,
        note=mark.note,
        media_ms=mark.media_ms or 0,
        shown_at=mark.shown_at,
        origin=mark.origin.value,
    )


async def state_provenance(
    deps: Deps,
    actor: Actor,
    recording_id: RecordingId,
    *,
    kind: ProvenanceKind,
    reason: str | None = None,
    provider: str | None = None,
    handed_over_at: datetime | None = None,
    receipt: str | None = None,
) -> Provenance:
    """Write down where it comes from; what was said before stays with the custody events.

    Raises NotFound ``recording-not-found``, Unprocessable ``provenance-incomplete``, InvalidInput
    ``name-invalid``, ``reason-too-long``.
    """
    why = names.reason(reason)
    who = names.checked(provider, "provider") if provider and provider.strip() else None
    number = names.checked(receipt, "receipt") if receipt and receipt.strip() else None
    provenance.need_whole(
        kind, reason=why, provider=who, handed_over_at=handed_over_at, now=deps.clock.now()
    )
    async with deps.change(actor) as change:
        found = await recordings.find(change.connection, recording_id, actor.scope)
        if found is None:
            raise NotFound("recording-not-found", "There is no such recording.")
        said = Provenance(
            recording=found.id,
            agency=found.agency,
            kind=kind,
            reason=why,
            provider=who,
            handed_over_at=handed_over_at,
            receipt=number,
            stated_at=change.now,
            stated_by=actor.name,
        )
        change.record(stated(said, before=found.provenance))
        await provenances.state(change, said)
    return said


async def provenance_of(deps: Deps, actor: Actor, recording_id: RecordingId) -> Provenance | None:
    """What was said last of where it comes from. Raises NotFound."""
    async with deps.database.acquire() as connection:
        if await recordings.find(connection, recording_id, actor.scope) is None:
            raise NotFound("recording-not-found", "There is no such recording.")
        return await provenances.find(connection, recording_id)


async def review_content(
    deps: Deps, actor: Actor, recording_id: RecordingId, *, passed: bool, reason: str
) -> Recording:
    """Its content was reviewed, as footage of fixed monitoring has to be; the newest word counts.

    Raises NotFound ``recording-not-found``, Conflict ``review-not-needed`` for other footage,
    InvalidInput ``reason-missing``.
    """
    why = names.needed_reason(reason)
    outcome = ContentReview.PASSED if passed else ContentReview.REFUSED
    async with deps.change(actor) as change:
        found = await recordings.find(change.connection, recording_id, actor.scope)
        if found is None:
            raise NotFound("recording-not-found", "There is no such recording.")
        if found.review is None:
            raise Conflict("review-not-needed", "Only fixed monitoring has its content reviewed.")
        actor.need_pictures_of(found.agency, found.officer, restricted=bool(found.restrictions))
        before = await recordings.set_review(change, found.id, outcome.value)
        change.record(
            ContentReviewed(
                subject=found.id,
                agency=found.agency,
                outcome=outcome.value,
                reason=why,
                before=before,
            )
        )
    return replace(found, content_review=outcome.value)


async def class_recording(
    deps: Deps,
    actor: Actor,
    recording_id: RecordingId,
    *,
    classes: Iterable[CaseClass],
    reason: str,
) -> Recording:
    """It is of these classes by itself, whatever its cases are of; with a reason either way.

    Raises NotFound ``recording-not-found``, InvalidInput ``reason-missing``. The same classes
    again change nothing.
    """
    why, wanted = names.needed_reason(reason), set(classes)
    now = tuple(each.value for each in CaseClass if each in wanted)
    async with deps.database.acquire() as connection:
        found = await recordings.find(connection, recording_id, actor.scope)
    if found is None:
        raise NotFound("recording-not-found", "There is no such recording.")
    if now == found.classes:
        actor.need_charge_of(found.agency)
        return found
    async with deps.change(actor) as change:
        await recordings.set_classes(change, found.id, now)
        change.record(
            RecordingClassed(
                subject=found.id,
                agency=found.agency,
                before=found.classes,
                classes=now,
                reason=why,
            )
        )
    return replace(found, classes=now)
