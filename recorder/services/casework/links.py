"""Tying recordings to cases and untying them, by people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.domain.case import CaseIdentifier, CaseLink, LinkOrigin, Stage
from recorder.domain.events import RecordingLinked, RecordingUnlinked
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.people import EVERYTHING, Actor
from recorder.errors import Conflict, InvalidInput, Kind, NotFound, RecorderError
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.casework import words
from recorder.services.casework.arrival import case_of_number, new_link
from recorder.services.casework.finding import not_found
from recorder.store import case_links, cases, coverage_due
from recorder.store.cases import LockedCase
from recorder.store.change import Change

#: More are asked for in several requests.
MOST_LINKS = 500
_STAGE_CHANGED = "stage changed"
#: Failures that say nothing about the other lines of ``link_many``.
_OF_ONE_LINE = (Kind.INVALID, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.CONFLICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWanted:
    """One line of ``link_many``: the case by its id or by a number."""

    recording: RecordingId
    case_id: CaseId | None = None
    number: str | None = None
    stage: Stage | str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What became of one line: a link, or why not."""

    recording: RecordingId
    link: CaseLink | None
    error: RecorderError | None


class _AsItWas(Exception):
    """Leaves a Change in which there was nothing to change."""

    def __init__(self, link: CaseLink) -> None:
        self.link = link


async def link(
    deps: Deps,
    actor: Actor,
    *,
    recording: RecordingId,
    case_id: CaseId | None = None,
    number: str | None = None,
    stage: Stage | str | None = None,
    reason: str | None = None,
) -> CaseLink:
    """The recording belongs to the case from now on; linking again is harmless.

    The case is named by its id, or by a number, which is looked for in the recording's organ as
    on arrival: unknown, it opens a provisional case. Another stage ends the link and makes it
    anew, so that the history tells both; no stage keeps the one there is.

    Raises NotFound ``recording-not-found`` or ``case-not-found`` (also outside the actor's
    scope), Conflict ``case-merged`` or ``case-number-ambiguous``, InvalidInput ``stage-unknown``
    or ``case-missing``.
    """
    wanted, why = words.stage(stage), names.reason(reason)
    named = _named(case_id, number)
    try:
        async with deps.change(actor) as change:
            organ = await case_links.recording_agency(change.connection, recording, actor.scope)
            if organ is None:
                raise _no_recording()
            actor.need_charge_of(organ)
            if isinstance(named, CaseIdentifier):
                named = await _by_number(change, organ, named)
            case = await _shared(change, actor, named)
            await _lock_recording(change, actor, recording)
            old = await case_links.active(change.connection, recording, case.id)
            if old is not None:
                if wanted is None or wanted is old.stage:
                    raise _AsItWas(old)
                await _end(change, old, organ, why or _STAGE_CHANGED)
            made = new_link(change, recording, case.id, wanted, LinkOrigin.PERSON, why)
            await case_links.insert(change, made)
            await coverage_due.touch(change.connection, [case.id], "link")
            change.record(await _linked(change, made, organ))
    except _AsItWas as same:
        return same.link
    return made


async def unlink(
    deps: Deps, actor: Actor, *, recording: RecordingId, case_id: CaseId, reason: str
) -> CaseLink:
    """End the link, with a reason that stays; gives the ended link.

    Raises InvalidInput ``reason-missing``, NotFound ``recording-not-found``, ``case-not-found``
    or ``link-not-found``.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        organ = await case_links.recording_agency(change.connection, recording, actor.scope)
        if organ is None:
            raise _no_recording()
        if not await cases.share(change, [case_id], actor.scope):
            raise not_found()
        await _lock_recording(change, actor, recording)
        old = await case_links.active(change.connection, recording, case_id)
        if old is None:
            raise NotFound("link-not-found", "The recording is not linked to this case.")
        await _end(change, old, organ, why)
    async with deps.database.acquire() as connection:
        ended = await case_links.find(connection, old.id)
    return ended or old


async def link_many(deps: Deps, actor: Actor, links: Sequence[LinkWanted]) -> list[LinkOutcome]:
    """Each line by itself, in order: one that cannot be linked does not hinder the others.

    Raises InvalidInput ``too-many-links`` above MOST_LINKS; and failures that are not about one
    line (the database is away), after which every line may be sent again.
    """
    if len(links) > MOST_LINKS:
        raise InvalidInput(
            "too-many-links", f"At most {MOST_LINKS} links at once.", limit=MOST_LINKS
        )
    outcomes = []
    for line in links:
        try:
            made = await link(
                deps,
                actor,
                recording=line.recording,
                case_id=line.case_id,
                number=line.number,
                stage=line.stage,
                reason=line.reason,
            )
        except RecorderError as error:
            if error.kind not in _OF_ONE_LINE:
                raise
            outcomes.append(LinkOutcome(line.recording, None, error))
        else:
            outcomes.append(LinkOutcome(line.recording, made, None))
    return outcomes


def _named(case_id: CaseId | None, number: str | None) -> CaseId | CaseIdentifier:
    if case_id is not None and number is None:
        return case_id
    if number is not None and case_id is None:
        return words.identifier(number)
    raise InvalidInput("case-missing", "Name the case by its id or by its number.")


async def _by_number(change: Change, organ: AgencyId, number: CaseIdentifier) -> CaseId:
    """The case of this number in the organ: in the scheme of cases, else in any, else a new one."""
    known = await cases.by_identifier(change.connection, organ, number.scheme, number.key)
    if known is not None:
        return known
    others = await cases.by_key(change.connection, organ, number.key)
    if len(others) > 1:
        raise Conflict(
            "case-number-ambiguous",
            "Several cases of this organ have this number; name the case by its id.",
            cases=[str(case) for case in others],
        )
    return others[0] if others else await case_of_number(change, organ, number)


async def _shared(change: Change, actor: Actor, case_id: CaseId) -> LockedCase:
    found = await cases.share(change, [case_id], actor.scope)
    if not found:
        raise not_found()
    if found[0].merged_into is not None:
        raise Conflict(
            "case-merged",
            "This case was merged into another one; link to that.",
            into=str(found[0].merged_into),
        )
    return found[0]


async def _lock_recording(change: Change, actor: Actor, recording: RecordingId) -> None:
    # Between the look and the lock it may have been admitted into another agency.
    if recording not in await case_links.lock_recordings(change, [recording], actor.scope):
        raise _no_recording()


async def _linked(change: Change, link: CaseLink, organ: AgencyId) -> RecordingLinked:
    return RecordingLinked(
        subject=link.recording,
        agency=organ,
        case=link.case,
        number=await _number(change, link.case),
        stage=link.stage.value if link.stage else None,
        origin=link.origin.value,
        reason=link.reason,
    )


async def _end(change: Change, link: CaseLink, organ: AgencyId, reason: str) -> None:
    await case_links.end(change, link.id, reason)
    await coverage_due.touch(change.connection, [link.case], "link")
    change.record(
        RecordingUnlinked(
            subject=link.recording,
            agency=organ,
            case=link.case,
            number=await _number(change, link.case),
            reason=reason,
        )
    )


async def _number(change: Change, case_id: CaseId) -> str:
    found = await cases.find(change.connection, case_id, EVERYTHING)
    return found.identifiers[0].norm if found and found.identifiers else ""


def _no_recording() -> NotFound:
    return NotFound("recording-not-found", "There is no such recording.")
