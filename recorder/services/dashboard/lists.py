"""The last levels of the dashboard: officers, devices, and scenes with what is missing."""

from __future__ import annotations

from dataclasses import replace

from recorder.domain.instant import CHINA
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services import duties
from recorder.services.coverage import calendar
from recorder.services.dashboard.question import (
    Question,
    held,
    need_officers,
    officer_asked,
    working_days,
)
from recorder.store import case_classes, unmarked
from recorder.store.case_classes import ClassLine
from recorder.store.coverage import lines
from recorder.store.coverage.lines import DeviceLine, OfficerLine, SceneWithHoles

#: Lines of a list; an agency's officers are some dozen, a large bureau's two thousand.
MOST = 300
#: Lines of a list in a file.
MOST_EXPORTED = 20_000


async def officers(
    deps: Deps, actor: Actor, question: Question, *, limit: int = MOST
) -> list[OfficerLine]:
    """Officers of an organisation, who has most to mend first.

    Raises NotFound ``agency-not-found``, Forbidden ``permission-missing``.
    """
    need_officers(actor)
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.acquire() as connection:
        holdings = await held(connection, actor, question, today)
        found = await lines.officers(connection, actor.scope, holdings, limit)
        usual = deps.config.duty_profile
        due = await duties.due_for_marking(connection, usual, holdings, today)
        late = await unmarked.by_officer(connection, actor.scope, due) if due else {}
    return [replace(each, unmarked_overdue=late.get(each.number, 0)) for each in found]


async def devices(
    deps: Deps, actor: Actor, question: Question, *, limit: int = MOST
) -> list[tuple[DeviceLine, int]]:
    """Devices of an organisation, the most silent first, each with its silent working days.

    Raises NotFound ``agency-not-found``, Forbidden ``permission-missing`` for whoever sees the
    own footage alone.
    """
    need_officers(actor)
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.acquire() as connection:
        holdings = await held(connection, actor, question, today)
        known = await calendar.known(connection)
        working = working_days(known, question.first, min(question.last, today))
        found = await lines.devices(connection, actor.scope, holdings, working, limit)
    return [(each, len(working) - each.workdays) for each in found]


async def classes(deps: Deps, actor: Actor, question: Question) -> list[ClassLine]:
    """How many cases of an organisation that were opened on these days are of each class.

    Raises NotFound ``agency-not-found``, Forbidden ``permission-missing``.
    """
    need_officers(actor)
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.acquire() as connection:
        holdings = await held(connection, actor, question, today)
        return await case_classes.counted(connection, actor.scope, holdings)


async def scenes(
    deps: Deps, actor: Actor, question: Question, *, limit: int = MOST
) -> list[SceneWithHoles]:
    """Scenes of an organisation or an officer with something missing or late, the worst first.

    Raises NotFound ``agency-not-found``, Forbidden ``permission-missing``.
    """
    officer = officer_asked(actor, question)
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.acquire() as connection:
        if officer is not None:
            return await lines.scenes_of_officer(
                connection, actor.scope, officer, question.first, question.last, limit
            )
        holdings = await held(connection, actor, question, today)
        return await lines.scenes(connection, actor.scope, holdings, limit)
