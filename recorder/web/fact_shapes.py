"""JSON lines of the fact feed, and which of them are asked for."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import Field

from recorder.domain.instant import format_utc
from recorder.services.coverage.telling import cursor_of
from recorder.store.coverage.event_facts import ToldFact
from recorder.web.schemas import Query


class FactsQuery(Query):
    """Which facts; without ``after`` all of them."""

    after: Annotated[
        str | None, Field(max_length=80, description="`cursor` of the last line that was kept")
    ] = None
    from_: Annotated[date | None, Field(alias="from", description="first day, in China")] = None
    to: Annotated[date | None, Field(description="last day, in China")] = None


def lines_of(epoch: uuid.UUID, facts: Iterable[ToldFact]) -> bytes:
    """One line for each; the body stands in it as it was written."""
    return "".join([_line(epoch, fact) for fact in facts]).encode()


def _line(epoch: uuid.UUID, fact: ToldFact) -> str:
    before = fact.version - 1
    head = (
        f'{{"cursor":"{cursor_of(epoch, fact.position)}","fact":"{fact.id}",'
        f'"version":{fact.version},"supersedes":{before or "null"},'
        f'"withdrawn":{"true" if fact.withdrawn else "false"},'
        f'"issued_at":"{format_utc(fact.issued_at)}","case":"{fact.case}",'
        f'"organ":{json.dumps(fact.agency_code)},"day":"{fact.day}"'
    )
    return f"{head}}}\n" if fact.withdrawn else f"{head},{fact.body[1:]}\n"
