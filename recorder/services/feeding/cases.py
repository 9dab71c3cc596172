"""Which case each row belongs to, for all rows of a batch at once.

A row's numbers lead to the case that has one of them; to a new one if none has. Numbers that lead
to several propose a merge, and the row goes to the oldest of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder.domain.case import CaseIdentifier, CaseState
from recorder.domain.events import CaseAmended, CaseOpened
from recorder.domain.feed.statements import Numbers
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.store import coverage_due
from recorder.store.change import Change
from recorder.store.feed import numbers as numbers_of_cases
from recorder.store.feed import proposals
from recorder.store.feed.numbers import NewCase, NumberKey
from recorder.store.feed.sources import FeedSource


class NumbersRaced(Exception):
    """Somebody else opened or merged one of the cases at the same moment: begin again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of one row."""

    key: str
    agency: AgencyId
    numbers: Numbers
    #: Of the case as a whole, where the row says it.
    title: str | None = None


@dataclass
class _Plan:
    known: dict[NumberKey, CaseId]
    opened: dict[CaseId, NewCase] = field(default_factory=dict)
    added: dict[NumberKey, tuple[CaseId, AgencyId, CaseIdentifier]] = field(default_factory=dict)
    titles: dict[CaseId, str | None] = field(default_factory=dict)
    pairs: dict[tuple[CaseId, CaseId], tuple[AgencyId, str, tuple[str, ...]]] = field(
        default_factory=dict
    )


async def find_cases(
    change: Change, source: FeedSource, asked: list[Asked], *, bulk: bool
) -> list[CaseId]:
    """The case of each, found or opened, confirmed, with all its numbers; pairs are proposed.

    None of them can be merged until the transaction ends. ``bulk``: cases that get numbers are
    evaluated behind what happens today. Raises NumbersRaced.
    """
    if not asked:
        return []
    wanted = {
        (each.agency, number.scheme.value, number.key) for each in asked for number in each.numbers
    }
    plan = _Plan(await numbers_of_cases.cases_of(change.connection, wanted))
    known = set(plan.known.values())
    found = [_case_of(change, plan, each) for each in asked]
    held = await numbers_of_cases.hold(change, known) if known else []
    if len(held) < len(known) or any(case.state is CaseState.MERGED for case in held):
        raise NumbersRaced
    if plan.opened:
        await numbers_of_cases.open_cases(change, list(plan.opened.values()))
    if plan.added:
        written = await numbers_of_cases.add(change, list(plan.added.values()))
        if written < len(plan.added):
            raise NumbersRaced
    await _tell_opened(change, plan)
    await _amend(change, plan, known, bulk=bulk)
    if plan.pairs:
        await proposals.insert(
            change,
            source.id,
            [(agency, *pair, key, said) for pair, (agency, key, said) in plan.pairs.items()],
        )
    return found


def _case_of(change: Change, plan: _Plan, asked: Asked) -> CaseId:
    places = [(asked.agency, number.scheme.value, number.key) for number in asked.numbers]
    cases = sorted({plan.known[place] for place in places if place in plan.known})
    if cases:
        case = cases[0]
        said = tuple(number.raw for number in asked.numbers)
        for other in cases[1:]:
            plan.pairs.setdefault((case, other), (asked.agency, asked.key, said))
    else:
        case = CaseId(new_uuid(change.now))
        plan.opened[case] = NewCase(case, asked.agency, asked.title)
    for place, number in zip(places, asked.numbers, strict=True):
        if place not in plan.known:
            plan.known[place] = case
            plan.added[place] = (case, asked.agency, number)
    if asked.title or case not in plan.titles:
        plan.titles[case] = asked.title
    return case


async def _tell_opened(change: Change, plan: _Plan) -> None:
    first: dict[CaseId, CaseIdentifier] = {}
    for case, _, number in plan.added.values():
        first.setdefault(case, number)
    for opened in plan.opened.values():
        number = first[opened.id]
        change.record(
            CaseOpened(
                subject=opened.id,
                agency=opened.agency,
                state=CaseState.CONFIRMED.value,
                scheme=number.scheme.value,
                number=number.raw,
                key=number.key,
                title=opened.title,
            )
        )


async def _amend(change: Change, plan: _Plan, known: set[CaseId], *, bulk: bool) -> None:
    """Confirm cases that only footage had named, and tell of numbers that old ones got."""
    if not known:
        return
    asked = [case for case in plan.titles if case in known]
    changed = await numbers_of_cases.confirm(change, asked, [plan.titles[case] for case in asked])
    before: dict[CaseId, dict[str, object]] = {}
    after: dict[CaseId, dict[str, object]] = {}
    for case, title, state in changed:
        before[case], after[case] = {}, {}
        if state is CaseState.PROVISIONAL:
            before[case]["state"], after[case]["state"] = state.value, CaseState.CONFIRMED.value
        if title is None and plan.titles[case]:
            before[case]["title"], after[case]["title"] = None, plan.titles[case]
    numbers: dict[CaseId, list[str]] = {}
    for case, _, number in plan.added.values():
        if case in known:
            numbers.setdefault(case, []).append(f"{number.scheme.value}:{number.raw}")
    for case, listed in numbers.items():
        after.setdefault(case, {})["numbers"] = listed
    if numbers:
        await coverage_due.touch(change.connection, numbers, "number", bulk=bulk)
    agencies = {case: place[0] for place, case in plan.known.items()}
    for case, news in after.items():
        change.record(
            CaseAmended(
                subject=case,
                agency=agencies[case],
                before=before.get(case, {}),
                after=news,
                reason=None,
            )
        )
