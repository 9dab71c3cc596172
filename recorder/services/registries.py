"""Registries as people look at them: the tree, officers with certificates, powers. Reading only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from recorder.domain.ids import AgencyId, DeviceId
from recorder.domain.instant import CHINA
from recorder.domain.officer import Certificate
from recorder.domain.people import Actor
from recorder.domain.registry_facts import DeviceFacts
from recorder.domain.validity import Term
from recorder.errors import InvalidInput
from recorder.runtime import Deps
from recorder.store.registry import matters, officers, organisations, registrations, rosters
from recorder.store.registry.matters import Matter
from recorder.store.registry.officers import Officer
from recorder.store.registry.organisations import Organisation
from recorder.store.registry.rosters import RosterLine

#: Lines of one page.
PAGE = 100


@dataclass(frozen=True, slots=True)
class TreeLine:
    """An organisation and how deep it stands below the top of what is seen."""

    depth: int
    organisation: Organisation
    #: It holds no longer, or does not hold yet.
    is_over: bool


@dataclass(frozen=True, slots=True)
class OfficerLine:
    """An officer with every certificate, and whether one of them is valid on the day."""

    officer: Officer
    certificates: tuple[Certificate, ...]
    is_certified: bool


def today(deps: Deps) -> date:
    """The day it is in China."""
    return deps.clock.now().astimezone(CHINA).date()


def read_day(text: str) -> date | None:
    """The day in an address, None for none. Raises InvalidInput ``query-invalid``."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput("query-invalid", "A day is written like 2026-01-05.") from error


async def tree(deps: Deps, actor: Actor, day: date | None = None) -> list[TreeLine]:
    """The organisations that the actor sees as they stood on the day (else today), from the top."""
    asked = day or today(deps)
    async with deps.database.acquire() as connection:
        found = await organisations.listed(connection, actor.scope, asked)
    seen = {one.agency for one in found}
    below: dict[AgencyId | None, list[Organisation]] = defaultdict(list)
    for one in found:
        parent = one.term.facts.parent if one.term else None
        below[parent if parent in seen else None].append(one)
    return list(_walked(below, None, 0, asked))


def _walked(
    below: dict[AgencyId | None, list[Organisation]], at: AgencyId | None, depth: int, day: date
) -> Iterator[TreeLine]:
    for one in below.pop(at, ()):
        yield TreeLine(depth, one, one.term is not None and not one.term.holds_on(day))
        yield from _walked(below, one.agency, depth + 1, day)


async def list_officers(
    deps: Deps,
    actor: Actor,
    q: str | None = None,
    after: str | None = None,
    asked: date | None = None,
) -> tuple[list[OfficerLine], str | None]:
    """Officers that the actor sees by number, and the number behind which the next page begins.

    As they are known last; with a day, those of the day.
    """
    day = asked or today(deps)
    async with deps.database.acquire() as connection:
        rows = await officers.listed(connection, actor.scope, q, asked, after, PAGE + 1)
        shown = rows[:PAGE]
        papers = await officers.certificates(connection, [one.number for one in shown])
    lines = []
    for one in shown:
        own = papers.get(one.number, ())
        lines.append(OfficerLine(one, own, any(paper.valid_on(day) for paper in own)))
    return lines, shown[-1].number if len(rows) > PAGE else None


async def list_matters(
    deps: Deps,
    actor: Actor,
    q: str | None = None,
    after: tuple[str, AgencyId] | None = None,
    asked: date | None = None,
) -> tuple[list[Matter], tuple[str, AgencyId] | None]:
    """Powers of the agencies that the actor sees by code, and where the next page begins.

    As they are known last; with a day, those of the day.
    """
    async with deps.database.acquire() as connection:
        rows = await matters.listed(connection, actor.scope, q, asked, after, PAGE + 1)
    shown = rows[:PAGE]
    return shown, (shown[-1].code, shown[-1].agency) if len(rows) > PAGE else None


async def list_rosters(
    deps: Deps, actor: Actor, day: date, after: tuple[str, datetime] | None = None
) -> tuple[list[RosterLine], tuple[str, datetime] | None]:
    """Shifts of the day in China that the actor sees, and where the next page begins."""
    begins = datetime.combine(day, time.min, CHINA)
    async with deps.database.acquire() as connection:
        rows = await rosters.listed(
            connection, actor.scope, begins, begins + timedelta(days=1), after, PAGE + 1
        )
    shown = rows[:PAGE]
    return shown, (shown[-1].officer, shown[-1].begins_at) if len(rows) > PAGE else None


async def registrations_of(deps: Deps, device: DeviceId) -> list[Term[DeviceFacts]]:
    """What is said of a device that the actor has been shown, the newest term first."""
    async with deps.database.acquire() as connection:
        found = await registrations.of_devices(connection, [device])
    return [entry.term for entry in reversed(found.get(device, ()))]
