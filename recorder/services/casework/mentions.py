"""Plans and parties of cases: said by people, found by them, and joint checks seen together."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.case import CaseFile
from recorder.domain.case_mention import CaseMention, Mention, MentionKind, credit_code
from recorder.domain.case_number import CaseNumber
from recorder.domain.events import CaseAmended, JointCheckViewed
from recorder.domain.ids import CaseId
from recorder.domain.people import Actor
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.casework.finding import not_found
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import case_mentions, cases, joint_checks
from recorder.store.joint_checks import JointPart

#: Events of that time are read to look for a place.
MOST_DAYS = timedelta(days=31)


async def mention(
    deps: Deps, actor: Actor, case_id: CaseId, *, kind: MentionKind, text: str, code: str = ""
) -> CaseMention:
    """Say which joint check the case belongs to, or who its party is.

    Raises NotFound ``case-not-found``, Conflict ``case-merged``, InvalidInput ``name-invalid``,
    ``case-number-empty``.
    """
    said = Mention(
        kind,
        names.checked(text, kind.value),
        credit_code(code) if kind is MentionKind.PARTY else "",
    )
    async with deps.change(actor) as change:
        found = await cases.find(change.connection, case_id, actor.scope)
        if found is None:
            raise not_found()
        if found.merged_into is not None:
            raise Conflict("case-merged", "This case was merged into another one.")
        made = await case_mentions.insert(change, case_id, found.agency, said)
        change.record(
            CaseAmended(
                subject=case_id, agency=found.agency, before={}, after={kind.value: said.text},
                reason=None,
            )
        )  # fmt: skip
    async with deps.database.acquire() as connection:
        listed = await case_mentions.of_case(connection, case_id)
    return next(each for each in listed if each.id == made)


async def withdraw_mention(
    deps: Deps, actor: Actor, case_id: CaseId, mention_id: uuid.UUID, *, reason: str
) -> None:
    """Take back what a person said of the case.

    Raises InvalidInput ``reason-missing``, NotFound ``case-not-found`` or ``mention-not-found``,
    also for what a system says.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        found = await cases.find(change.connection, case_id, actor.scope)
        if found is None:
            raise not_found()
        gone = await case_mentions.withdraw(change, case_id, mention_id)
        if gone is None:
            raise NotFound("mention-not-found", "No person says that of this case.")
        change.record(
            CaseAmended(
                subject=case_id, agency=found.agency, before={gone.kind.value: gone.text},
                after={gone.kind.value: None}, reason=why,
            )
        )  # fmt: skip


async def mentions_of(deps: Deps, actor: Actor, case_id: CaseId) -> list[CaseMention]:
    """The plans and parties of a case. Raises NotFound ``case-not-found``."""
    async with deps.database.acquire() as connection:
        if await cases.find(connection, case_id, actor.scope) is None:
            raise not_found()
        return await case_mentions.of_case(connection, case_id)


@dataclass(frozen=True, slots=True)
class JointCheck:
    """A joint check as one of those who take part sees it."""

    plan: str
    #: With whether the asker may open the case.
    parts: tuple[tuple[JointPart, bool], ...]


async def joint_check(deps: Deps, actor: Actor, plan: str) -> JointCheck:
    """All parts of the joint check of this plan that the asker may know of.

    Who acts for an organ that takes part sees every part in figures; others see those in their
    scope. Parts of other organs are a look at them, each with its event. Raises NotFound
    ``joint-check-not-found``, InvalidInput of ``CaseNumber.parse``.
    """
    number = CaseNumber.parse(plan)
    seen = actor.scope.agencies
    async with deps.database.acquire() as connection:
        parts = await joint_checks.parts_of(connection, number.key)
    takes_part = any(actor.acts_for(part.agency) for part in parts)
    told = [
        (part, seen is None or part.agency in seen)
        for part in parts
        if takes_part or seen is None or part.agency in seen
    ]
    if not told:
        raise NotFound("joint-check-not-found", "No case that you may see belongs to this plan.")
    foreign = [part for part, is_seen in told if not is_seen]
    if foreign:
        async with deps.change(actor) as change:
            for part in foreign:
                change.record(
                    JointCheckViewed(subject=part.case, agency=part.agency, plan=number.norm)
                )
    return JointCheck(number.norm, tuple(told))


class SoughtBy(enum.StrEnum):
    """What cases are found by beside their numbers."""

    PLAN = "plan"
    #: A party's code, its name or a piece of that.
    COMPANY = "company"
    #: A piece of what events of some days call their place.
    PLACE = "place"


async def cases_mentioning(
    deps: Deps,
    actor: Actor,
    by: SoughtBy,
    text: str,
    *,
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CaseFile]:
    """Cases of every organ in the asker's scope, newest first.

    Raises InvalidInput ``place-days-invalid`` for a place without days, or with more than 31,
    ``case-number-empty`` for a text that holds nothing, ``cursor-invalid``.
    """
    before, most = read_cursor(cursor), page_size(limit) + 1
    upto = CaseId(uuid.UUID(int=max(0, before[1].int - 1))) if before else None
    sought = Mention(MentionKind.PLAN if by is SoughtBy.PLAN else MentionKind.PARTY, text)
    find, scope = sought.find, actor.scope
    async with deps.database.acquire() as connection:
        if by is SoughtBy.PLACE:
            if begins_at is None or ends_at is None or not _fits(ends_at - begins_at):
                raise InvalidInput("place-days-invalid", "Name the days, 31 of them at most.")
            found = await case_mentions.cases_at_place(
                connection, scope, text.strip(), begins_at, ends_at, upto, most
            )
        else:
            code = credit_code(text) if by is SoughtBy.COMPANY else ""
            found = await case_mentions.cases_of(
                connection, scope, sought.kind, find, code, upto, most
            )
            if by is SoughtBy.COMPANY and not found and len(find) > 1:
                found = await case_mentions.cases_of_piece(connection, scope, find, upto, most)
        rows = await cases.of_ids(connection, found) if found else []
    return page_of(rows, limit, lambda case: (case.created_at, case.id))


def _fits(length: timedelta) -> bool:
    return timedelta() < length <= MOST_DAYS
