"""Links that footage brings along, made inside the transaction that receives it.

It must never refuse: a wrong number is mended by relinking, refused footage is lost.
"""

from __future__ import annotations

from recorder.domain.case import CaseIdentifier, CaseLink, CaseState, LinkOrigin, Scheme, Stage
from recorder.domain.case_number import CaseNumber
from recorder.domain.events import CaseOpened, RecordingLinked
from recorder.domain.ids import AgencyId, CaseId, CaseLinkId, RecordingId, new_uuid
from recorder.domain.people import EVERYTHING
from recorder.domain.recording import Flag
from recorder.errors import InternalError, InvalidInput
from recorder.store import case_links, cases, coverage_due
from recorder.store.cases import LockedCase
from recorder.store.change import Change


async def link_on_arrival(
    change: Change,
    *,
    recording_id: RecordingId,
    agency: AgencyId,
    numbers: tuple[str, ...],
    stage: str | None,
) -> list[str]:
    """Link the recording to the case of each number in this organ; unknown ones open a case.

    A case opened so is provisional and has the number as written. Numbers that are none at all
    are passed over. What a person has unlinked is not linked again by a second upload of the
    same content. Of two arrivals at once with one new number, both get the same case. Gives the
    flags that the recording deserves: ``case_number_odd``.
    """
    flags: dict[str, None] = {}
    wanted: dict[str, CaseIdentifier] = {}
    for number in numbers:
        try:
            parsed = CaseNumber.parse(number)
        except InvalidInput:
            flags[Flag.CASE_NUMBER_ODD.value] = None
            continue
        if parsed.odd:
            flags[Flag.CASE_NUMBER_ODD.value] = None
        wanted.setdefault(
            parsed.key, CaseIdentifier(Scheme.CASE, parsed.raw, parsed.norm, parsed.key)
        )
    # Everybody asks for new numbers in the order of keys, so two arrivals never wait crosswise.
    found = {
        await case_of_number(change, agency, wanted[key]): wanted[key] for key in sorted(wanted)
    }
    kept = await _kept_still(change, found)
    for case, identifier in kept:
        await _link(change, recording_id, agency, case, identifier, _known_stage(stage))
    await coverage_due.touch(change.connection, [case.id for case, _ in kept], "link")
    return list(flags)


async def case_of_number(change: Change, agency: AgencyId, number: CaseIdentifier) -> CaseId:
    """The organ's case of this number; opens a provisional one if there is none."""
    known = await cases.by_identifier(change.connection, agency, number.scheme, number.key)
    if known is not None:
        return known
    case = CaseId(new_uuid(change.now))
    if await cases.insert(change, case, agency, CaseState.PROVISIONAL, None, number):
        change.record(
            CaseOpened(
                subject=case,
                agency=agency,
                state=CaseState.PROVISIONAL.value,
                scheme=number.scheme.value,
                number=number.raw,
                key=number.key,
                title=None,
            )
        )
        return case
    # Somebody else was first; the insert has waited until that transaction was committed.
    known = await cases.by_identifier(change.connection, agency, number.scheme, number.key)
    if known is None:
        raise InternalError("case-number-vanished", "A case number was there and is not.")
    return known


async def _kept_still(
    change: Change, found: dict[CaseId, CaseIdentifier]
) -> list[tuple[LockedCase, CaseIdentifier]]:
    """The cases locked against merging; one merged in between is replaced by where it went."""
    kept: dict[CaseId, tuple[LockedCase, CaseIdentifier]] = {}
    while found:
        moved: dict[CaseId, CaseIdentifier] = {}
        for case in await cases.share(change, list(found), EVERYTHING):
            if case.merged_into is None:
                kept.setdefault(case.id, (case, found[case.id]))
            else:
                moved[case.merged_into] = found[case.id]
        found = moved
    return list(kept.values())


async def _link(
    change: Change,
    recording: RecordingId,
    agency: AgencyId,
    case: LockedCase,
    number: CaseIdentifier,
    stage: Stage | None,
) -> None:
    await case_links.lock_recordings(change, [recording], EVERYTHING)
    if await case_links.ever(change.connection, recording, case.id):
        return
    link = new_link(change, recording, case.id, stage, LinkOrigin.UPLOAD, None)
    await case_links.insert(change, link)
    change.record(
        RecordingLinked(
            subject=recording,
            agency=agency,
            case=case.id,
            number=number.norm,
            stage=stage.value if stage else None,
            origin=LinkOrigin.UPLOAD.value,
            reason=None,
        )
    )


def new_link(
    change: Change,
    recording: RecordingId,
    case: CaseId,
    stage: Stage | None,
    origin: LinkOrigin,
    reason: str | None,
) -> CaseLink:
    """An active link that begins now, by the actor of the change."""
    return CaseLink(
        id=CaseLinkId(new_uuid(change.now)),
        recording=recording,
        case=case,
        stage=stage,
        origin=origin,
        linked_at=change.now,
        linked_by=change.actor.name,
        reason=reason,
        unlinked_at=None,
        unlinked_by=None,
        unlink_reason=None,
    )


def _known_stage(text: str | None) -> Stage | None:
    # A word that is no stage stays in the sender's metadata and is not guessed at.
    return Stage(text) if text in set(Stage) else None
