"""Saying where footage comes from (R12, R25), and of which classes it is (R38)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from recorder.domain import provenance
from recorder.domain.case import CaseClass
from recorder.domain.events import ProvenanceStated, RecordingClassed
from recorder.domain.footage_facts import FootageFacts
from recorder.domain.ids import RecordingId
from recorder.domain.people import Actor
from recorder.domain.provenance import Provenance, ProvenanceKind
from recorder.domain.recording import Recording
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.store import provenances, recordings


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
