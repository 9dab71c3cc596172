"""Everything of one party: its cases, with their documents and their footage side by side (R31)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from recorder.domain.case import CaseFile
from recorder.domain.case_event import CaseDocument
from recorder.domain.case_mention import CaseMention, Mention, MentionKind, credit_code
from recorder.domain.ids import CaseId
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import case_footage, case_mentions, cases
from recorder.store.case_footage import FootageOnAxis
from recorder.store.coverage import findings
from recorder.store.feed import case_documents

#: Footage of a case that is told here; its page has all.
MOST_FOOTAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCase:
    """One case of a party: text and footage, each in the order of time."""

    case: CaseFile
    #: As this case names them.
    parties: tuple[CaseMention, ...]
    documents: tuple[CaseDocument, ...]
    footage: tuple[FootageOnAxis, ...]
    #: Findings that nobody has answered yet.
    open_findings: int


async def target(
    deps: Deps, actor: Actor, text: str, *, cursor: str | None = None, limit: int = 10
) -> Page[TargetCase]:
    """Cases in scope whose party has exactly this name or this code, newest first.

    No pieces of names: another company's footage would stand among it. Raises InvalidInput of
    ``Mention.find``, ``cursor-invalid``.
    """
    before, most = read_cursor(cursor), page_size(limit) + 1
    upto = CaseId(uuid.UUID(int=max(0, before[1].int - 1))) if before else None
    find = Mention(MentionKind.PARTY, text).find
    async with deps.database.acquire() as connection:
        ids = await case_mentions.cases_of(
            connection, actor.scope, MentionKind.PARTY, find, credit_code(text), upto, most
        )
        page = page_of(
            await cases.of_ids(connection, ids) if ids else [],
            limit,
            lambda case: (case.created_at, case.id),
        )
        shown = [case.id for case in page.items]
        documents = await case_documents.of_cases(connection, shown)
        waiting = await findings.open_by_case(connection, shown)
        return Page(
            tuple(
                [
                    TargetCase(
                        case=case,
                        parties=tuple(
                            each
                            for each in await case_mentions.of_case(connection, case.id)
                            if each.kind is MentionKind.PARTY
                        ),
                        documents=tuple(documents.get(case.id, ())),
                        footage=tuple(
                            await case_footage.on_axis(
                                connection, case.id, actor.scope, MOST_FOOTAGE
                            )
                        ),
                        open_findings=waiting.get(case.id, 0),
                    )
                    for case in page.items
                ]
            ),
            page.next,
        )
