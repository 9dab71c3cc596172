"""Finding cases by their numbers, and reading one with its timeline."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from recorder.domain.case import CaseFile, CaseLink
from recorder.domain.case_number import CaseNumber, fragment_key, prefix_key
from recorder.domain.events import CaseViewed, SubjectKind
from recorder.domain.ids import CaseId
from recorder.domain.people import Actor, ActorKind, Scope
from recorder.errors import InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services.casework.searching import newest_fitting
from recorder.services.paging import Page, encode_cursor, page_of, page_size, read_cursor
from recorder.store import case_footage as case_footage_rows
from recorder.store import case_links, cases, custody_events, marks
from recorder.store.case_footage import FootageOnAxis
from recorder.store.case_search import Wanted
from recorder.store.cases import Before
from recorder.store.connection import Connection
from recorder.store.marks import ShownKind

#: The page of a case shows no more links and events than this; the timeline has pages.
_MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with its links to recordings that the asker may see."""

    case: CaseFile
    #: Active links, newest first.
    links: tuple[CaseLink, ...]
    #: Links that ended, last ended first, with who ended them and why.
    ended: tuple[CaseLink, ...]
    #: What happened to the case itself, oldest first; who looked at it is left out.
    history: tuple[custody_events.RecordedEvent, ...]


async def find_cases(
    deps: Deps,
    actor: Actor,
    *,
    number: str | None = None,
    prefix: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CaseFile]:
    """Cases of every organ in the actor's scope, newest first; every number of a case counts.

    ``number`` is the whole number in any spelling, ``prefix`` its beginning, ``q`` any piece of
    it; none of them lists all. Numbers of merged cases find the case they went into. A text that
    says nothing yet (half a bracket) finds nothing. What is not looked at among millions says
    ``searching.newest_fitting``.

    Raises InvalidInput ``search-ambiguous`` for more than one of them, ``cursor-invalid``,
    ``limit-invalid``, and what ``CaseNumber.parse`` raises.
    """
    given = [text for text in (number, prefix, q) if text is not None]
    if len(given) > 1:
        raise InvalidInput("search-ambiguous", "Give one of number, prefix and q.")
    before = read_cursor(cursor)
    most = page_size(limit) + 1
    async with deps.database.acquire() as connection:
        if number is not None:
            key = CaseNumber.parse(number).key
            found = await cases.of_key(connection, key, actor.scope, before, most)
        elif prefix is not None:
            found = await _fitting(
                connection, prefix_key(prefix), actor.scope, before, most, beginning=True
            )
        elif q is not None:
            found = await _fitting(
                connection, fragment_key(q), actor.scope, before, most, beginning=False
            )
        else:
            found = await cases.newest(connection, actor.scope, before, most)
    return page_of(found, limit, lambda case: (case.created_at, case.id))


async def _fitting(
    connection: Connection, text: str, scope: Scope, before: Before, limit: int, *, beginning: bool
) -> list[CaseFile]:
    if not text:
        return []
    # One character is in too many numbers for the index of grams; as a beginning it still helps.
    wanted = Wanted(text, scope, beginning or len(text) == 1)
    upto = CaseId(uuid.UUID(int=max(0, before[1].int - 1))) if before else None
    found = await newest_fitting(connection, wanted, upto, limit)
    return await cases.of_ids(connection, found) if found else []


async def case(deps: Deps, actor: Actor, case_id: CaseId) -> CaseView:
    """The case with its links. One that was merged names the case it went into.

    Raises NotFound ``case-not-found``, also outside the actor's scope.
    """
    async with deps.database.acquire() as connection:
        found = await cases.find(connection, case_id, actor.scope)
        if found is None:
            raise not_found()
        links, ended = [
            await case_links.of_case(
                connection, case_id, actor.scope, ended=over, limit=_MOST_SHOWN
            )
            for over in (False, True)
        ]
        history = await custody_events.last_of_subject(
            connection,
            SubjectKind.CASE,
            case_id,
            without=CaseViewed.__name__,
            limit=_MOST_SHOWN,
        )
    return CaseView(found, tuple(links), tuple(ended), tuple(history))


async def view_case(deps: Deps, actor: Actor, case_id: CaseId) -> CaseView:
    """As ``case``; that a person or program looked at it is recorded (R64).

    Being sent on from a merged case is no view.
    """
    view = await case(deps, actor, case_id)
    if view.case.merged_into is None and actor.kind in (ActorKind.PERSON, ActorKind.PROGRAM):
        async with deps.change(actor) as change:
            change.record(CaseViewed(subject=case_id, agency=view.case.agency))
    return view


async def case_recordings(
    deps: Deps,
    actor: Actor,
    case_id: CaseId,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[case_links.CaseRecording]:
    """The timeline of the case: recordings in the actor's scope, earliest first.

    A recording stands where it began, or where it was received if nobody knows its beginning.
    Raises NotFound ``case-not-found``.
    """
    after = read_cursor(cursor)
    async with deps.database.acquire() as connection:
        if await cases.find(connection, case_id, actor.scope) is None:
            raise not_found()
        rows = await case_links.timeline(
            connection, case_id, actor.scope, after, page_size(limit) + 1
        )
    return page_of(rows, limit, lambda recording: (recording.at, recording.id))


async def case_footage(deps: Deps, actor: Actor, case_id: CaseId) -> list[FootageOnAxis]:
    """Every recording of the case in the actor's scope, as its axis shows it, earliest first.

    Raises NotFound ``case-not-found``.
    """
    async with deps.database.acquire() as connection:
        if await cases.find(connection, case_id, actor.scope) is None:
            raise not_found()
        return await case_footage_rows.on_axis(connection, case_id, actor.scope)


async def case_marks(deps: Deps, actor: Actor, case_id: CaseId) -> list[ShownKind]:
    """What the recordings of the case in the actor's scope show, by their marks (R6 to R8).

    Raises NotFound ``case-not-found``.
    """
    async with deps.database.acquire() as connection:
        if await cases.find(connection, case_id, actor.scope) is None:
            raise not_found()
        return await marks.kinds_in_case(connection, case_id, actor.scope)


def just_before(footage: FootageOnAxis) -> str:
    """The cursor of ``case_recordings`` that begins its page with this recording."""
    return encode_cursor(footage.at, uuid.UUID(int=max(0, footage.id.int - 1)))


def not_found() -> NotFound:
    """The same words for a case that is not there and one that is not the asker's business."""
    return NotFound("case-not-found", "There is no such case.")
