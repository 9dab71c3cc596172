"""Opening, amending and merging cases."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.domain.case import (
    CaseClass,
    CaseFile,
    CaseIdentifier,
    CaseLink,
    CaseState,
    LinkOrigin,
    Scheme,
)
from recorder.domain.events import (
    CaseAmended,
    CaseMerged,
    CaseOpened,
    FindingChanged,
    RecordingLinked,
    RecordingUnlinked,
)
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import EVERYTHING, Actor
from recorder.errors import Conflict, InvalidInput
from recorder.runtime import Deps
from recorder.services import names, organs
from recorder.services.casework import words
from recorder.services.casework.arrival import new_link
from recorder.services.casework.finding import not_found
from recorder.store import case_links, case_mentions, cases, coverage_due
from recorder.store.cases import LockedCase
from recorder.store.change import Change
from recorder.store.coverage import findings
from recorder.store.feed import case_documents, case_events, feed_cases, proposals


class _AsItWas(Exception):
    """Leaves a Change in which there was nothing to change."""


async def open_case(
    deps: Deps,
    actor: Actor,
    *,
    number: str,
    scheme: Scheme | str = Scheme.CASE,
    title: str | None = None,
    agency: str | None = None,
) -> CaseFile:
    """A confirmed case of that number in the organ ``agency`` (its code; else the actor's own).

    Raises Conflict ``case-number-taken`` with the other case's id, NotFound ``agency-not-found``,
    InvalidInput for what ``words`` refuses.
    """
    given = words.identifier(number, scheme)
    name = words.title(title)
    async with deps.change(actor) as change:
        organ = await organs.named(deps, change, agency)
        case = CaseId(new_uuid(change.now))
        if not await cases.insert(change, case, organ.id, CaseState.CONFIRMED, name, given):
            raise await _taken(change, organ.id, given)
        change.record(
            CaseOpened(
                subject=case,
                agency=organ.id,
                state=CaseState.CONFIRMED.value,
                scheme=given.scheme.value,
                number=given.raw,
                key=given.key,
                title=name,
            )
        )
    return await _read(deps, case)


async def amend_case(
    deps: Deps,
    actor: Actor,
    case_id: CaseId,
    *,
    title: str | None = None,
    state: CaseState | str | None = None,
    add_identifiers: Iterable[tuple[Scheme | str, str]] = (),
    classes: Iterable[CaseClass] | None = None,
    reason: str | None = None,
) -> CaseFile:
    """Change the title (empty text removes it), confirm a provisional case, add numbers, class it.

    ``classes``: those that people say, in place of those they have said; a system's own stay.

    ``add_identifiers`` holds pairs of scheme and number; those the case has already are passed
    over. Nothing to change is no failure. Raises NotFound ``case-not-found``, Conflict
    ``case-merged``, ``case-confirmed`` (a confirmed case is not made provisional again) or
    ``case-number-taken``, InvalidInput ``case-state-unknown``.
    """
    numbers = [words.identifier(number, scheme) for scheme, number in add_identifiers]
    name, why = words.title(title), names.reason(reason)
    classed = None if classes is None else _classes(classes)
    try:
        async with deps.change(actor) as change:
            found = await _locked(change, actor, [case_id])
            locked = found[case_id]
            _refuse_merged(locked)
            wanted = _wanted_state(locked, state)
            before: dict[str, object] = {}
            after: dict[str, object] = {}
            if title is not None and name != locked.title:
                before["title"], after["title"] = locked.title, name
            if wanted is not locked.state:
                before["state"], after["state"] = locked.state.value, wanted.value
            if classed is not None and classed != locked.classes:
                before["classes"], after["classes"] = _words(locked.classes), _words(classed)
            if added := await _add_numbers(change, locked, numbers):
                after["numbers"] = [f"{i.scheme.value}:{i.raw}" for i in added]
            if not after:
                raise _AsItWas
            await cases.amend(
                change,
                case_id,
                locked.title if title is None else name,
                wanted,
                locked.classes if classed is None else classed,
            )
            if added:
                await coverage_due.touch(change.connection, [case_id], "number")
            change.record(
                CaseAmended(
                    subject=case_id, agency=locked.agency, before=before, after=after, reason=why
                )
            )
    except _AsItWas:
        pass
    return await _read(deps, case_id)


async def merge_cases(
    deps: Deps, actor: Actor, case_id: CaseId, *, into: CaseId, reason: str
) -> CaseFile:
    """Give numbers and recordings of ``case_id`` to ``into``; gives the case ``into``.

    The merged case keeps its history and points at the other; so does every case that was merged
    into it before. Of a recording that is linked to both, the link to ``into`` stays and the
    other ends. If either case was confirmed, the result is. Raises NotFound ``case-not-found``,
    Conflict ``case-merge-itself``, ``case-merged``, ``case-merge-agency``, InvalidInput
    ``reason-missing``.
    """
    why = names.needed_reason(reason)
    if case_id == into:
        raise Conflict("case-merge-itself", "A case cannot be merged into itself.")
    async with deps.change(actor) as change:
        found = await _locked(change, actor, [case_id, into])
        source, target = found[case_id], found[into]
        _refuse_merged(source)
        _refuse_merged(target)
        if source.agency != target.agency:
            raise Conflict(
                "case-merge-agency", "Cases of two agencies cannot be merged; link the footage."
            )
        numbers = (await _in_full(change, case_id)).identifiers
        links = await _move_links(change, source, target, why)
        moved = await cases.move_identifiers(change, case_id, into)
        for told in (feed_cases, case_events, case_documents, case_mentions):
            await told.move(change, case_id, into)
        await _move_findings(change, case_id, into)
        await cases.mark_merged(change, case_id, into)
        await proposals.follow(change, source.agency, case_id, into)
        change.record(
            CaseMerged(
                subject=case_id,
                agency=source.agency,
                into=into,
                reason=why,
                identifiers=moved,
                links=links,
            )
        )
        await _absorb(change, source, target, numbers, why)
        await coverage_due.touch(change.connection, [case_id, into], "merge")
    return await _read(deps, into)


async def _move_findings(change: Change, source: CaseId, into: CaseId) -> None:
    """What was replied to and settled goes on under the other case."""
    for each in await findings.move(change, source, into):
        change.record(
            FindingChanged(
                subject=into,
                agency=each.finding.agency,
                finding=each.id,
                kind=each.finding.kind.value,
                before={"case": str(source)},
                after={"case": str(into)},
            )
        )


def _classes(said: Iterable[CaseClass]) -> tuple[CaseClass, ...]:
    wanted = set(said)
    return tuple(each for each in CaseClass if each in wanted)


def _words(classes: Iterable[CaseClass]) -> list[str]:
    return [each.value for each in classes]


async def _absorb(
    change: Change,
    source: LockedCase,
    target: LockedCase,
    numbers: tuple[CaseIdentifier, ...],
    reason: str,
) -> None:
    """Note on the target what it took over."""
    before: dict[str, object] = {}
    after: dict[str, object] = {
        "merged": source.id,
        "numbers": [f"{i.scheme.value}:{i.raw}" for i in numbers],
    }
    state = target.state
    if source.state is CaseState.CONFIRMED and state is CaseState.PROVISIONAL:
        state = CaseState.CONFIRMED
        before["state"], after["state"] = target.state.value, state.value
    classes = _classes((*target.classes, *source.classes))
    if classes != target.classes:
        before["classes"], after["classes"] = _words(target.classes), _words(classes)
    await cases.amend(change, target.id, target.title, state, classes)
    change.record(
        CaseAmended(
            subject=target.id, agency=target.agency, before=before, after=after, reason=reason
        )
    )


async def _move_links(change: Change, source: LockedCase, target: LockedCase, reason: str) -> int:
    """End every active link of the source and make it anew at the target, unless it is there."""
    links = await case_links.active_of_case(change.connection, source.id)
    await case_links.lock_recordings(change, [link.recording for link in links], EVERYTHING)
    there = {
        link.recording for link in await case_links.active_of_case(change.connection, target.id)
    }
    number = (await _in_full(change, source.id)).identifiers[0].norm
    for link in links:
        await case_links.end(change, link.id, reason)
        change.record(
            RecordingUnlinked(
                subject=link.recording,
                agency=source.agency,
                case=source.id,
                number=number,
                reason=reason,
            )
        )
        if link.recording not in there:
            await _link_merged(change, link, target, number, reason)
    return len(links)


async def _link_merged(
    change: Change, link: CaseLink, target: LockedCase, number: str, reason: str
) -> None:
    made = new_link(change, link.recording, target.id, link.stage, LinkOrigin.MERGE, reason)
    await case_links.insert(change, made)
    change.record(
        RecordingLinked(
            subject=link.recording,
            agency=target.agency,
            case=target.id,
            number=number,
            stage=link.stage.value if link.stage else None,
            origin=LinkOrigin.MERGE.value,
            reason=reason,
        )
    )


async def _locked(change: Change, actor: Actor, ids: list[CaseId]) -> dict[CaseId, LockedCase]:
    found = {case.id: case for case in await cases.lock(change, ids, actor.scope)}
    if len(found) < len(set(ids)):
        raise not_found()
    return found


def _refuse_merged(case: LockedCase) -> None:
    if case.merged_into is not None:
        raise Conflict(
            "case-merged",
            "This case was merged into another one; turn to that.",
            into=str(case.merged_into),
        )


def _wanted_state(case: LockedCase, state: CaseState | str | None) -> CaseState:
    if state is None:
        return case.state
    if state not in (CaseState.PROVISIONAL, CaseState.CONFIRMED):
        raise InvalidInput("case-state-unknown", "The state of a case is provisional or confirmed.")
    wanted = CaseState(state)
    if wanted is CaseState.PROVISIONAL and case.state is CaseState.CONFIRMED:
        raise Conflict("case-confirmed", "A confirmed case does not become provisional again.")
    return wanted


async def _add_numbers(
    change: Change, case: LockedCase, numbers: list[CaseIdentifier]
) -> list[CaseIdentifier]:
    """Add numbers in the order of keys, so that two who add the same ones wait in line."""
    added = []
    for number in sorted(numbers, key=lambda n: (n.key, n.scheme)):
        if await cases.add_identifier(change, case.id, case.agency, number):
            added.append(number)
            continue
        holder = await cases.by_identifier(
            change.connection, case.agency, number.scheme, number.key
        )
        if holder != case.id:
            raise _taken_by(number, holder)
    return added


async def _taken(change: Change, agency: AgencyId, number: CaseIdentifier) -> Conflict:
    return _taken_by(
        number,
        await cases.by_identifier(change.connection, agency, number.scheme, number.key),
    )


def _taken_by(number: CaseIdentifier, case: CaseId | None) -> Conflict:
    return Conflict(
        "case-number-taken",
        f"A case of this organ has the number {number.norm} already;"
        " amend that one, or merge the two.",
        case=str(case) if case else None,
        number=number.norm,
    )


async def _in_full(change: Change, case_id: CaseId) -> CaseFile:
    found = await cases.find(change.connection, case_id, EVERYTHING)
    if found is None:
        raise not_found()
    return found


async def _read(deps: Deps, case_id: CaseId) -> CaseFile:
    async with deps.database.acquire() as connection:
        found = await cases.find(connection, case_id, EVERYTHING)
    if found is None:
        raise not_found()
    return found
