"""Footage that nobody marked within the term of its duty list: its figures and its list agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.ids import RecordingId
from recorder.domain.mark import MarkKind
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.errors import InvalidInput
from recorder.services import dashboard, duties, review
from recorder.services.dashboard import Question
from recorder.services.review import RecordingQuery
from tests.support.bureau import Bureau, open_bureau
from tests.support.chance import DAY, added_up
from tests.support.enforcement import NINE, a_case, a_source, at, evaluated, happened

MONDAY = NINE.date()
DAYS = {"first": MONDAY, "last": date(2026, 3, 8)}


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def a_list(bureau: Bureau, marking_days: int) -> None:
    clerk, second, deps = bureau.actor(), bureau.actor(), bureau.deps
    made = await duties.draft(
        deps, clerk, title="清单", valid_from=date(2026, 1, 1), marking_days=marking_days
    )
    await duties.propose(deps, clerk, made.header.id)
    await duties.approve(deps, second, made.header.id, made.digest)


async def arrived(
    bureau: Bureau, began: int | None, came: int, officer: str = "A1", **others: object
) -> RecordingId:
    """Footage that began on one day and arrived on another, counted from Monday."""
    started = None if began is None else at(began * DAY)
    recording = await bureau.recording(officer=officer, started_at=started, **others)  # type: ignore[arg-type]
    await bureau.value(
        "UPDATE recording SET received_at = $2, ended_at = started_at + interval '5 minutes'"
        " WHERE id = $1",
        recording,
        at(came * DAY + 10),
    )
    return recording


@dataclass
class Told:
    """What the dashboard and the list say."""

    total: int
    officers: dict[str, int]
    listed: set[RecordingId]


async def told(bureau: Bureau, actor: Actor | None = None) -> Told:
    deps, actor = bureau.deps, actor or bureau.actor()
    code = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))
    question = Question(**DAYS, agency=code)  # type: ignore[arg-type]
    found = await dashboard.dashboard(deps, actor, question)
    listed = await review.find_recordings(
        deps, actor, RecordingQuery(), agency=code, unmarked_overdue=True
    )
    people = await dashboard.officers(deps, actor, question)
    for each in people:
        one = Question(**DAYS, officer=each.number)  # type: ignore[arg-type]
        own = await dashboard.dashboard(deps, actor, one)
        assert own.total.unmarked_overdue == each.unmarked_overdue
    return Told(
        found.total.unmarked_overdue,
        {each.number: each.unmarked_overdue for each in people},
        {each.id for each in listed.items},
    )


async def test_what_is_unmarked_beyond_its_term_is_counted_and_listed(bureau: Bureau) -> None:
    await happened(bureau, await a_case(bureau, "1"))
    early = await arrived(bureau, 0, 0)
    edge = await arrived(bureau, 6, 6)
    old = await arrived(bureau, 0, 6)
    unknown = await arrived(bureau, None, 3)
    other = await arrived(bureau, 0, 0, officer="A2")
    younger = await arrived(bureau, 7, 7)
    later = await arrived(bureau, 0, 7)
    withheld = await arrived(bureau, 0, 0)
    await bureau.value("UPDATE recording SET admission = 'quarantined' WHERE id = $1", withheld)
    await arrived(bureau, 0, 0, agency=bureau.theirs)
    bureau.clock.at = at(10 * DAY)
    await evaluated(bureau)
    # No list of its own, and the shipped ones name no term.
    assert await told(bureau) == Told(0, {"A1": 0, "A2": 0}, set())

    await a_list(bureau, 3)
    beyond = {early, edge, old, unknown, other}
    for _ in range(2):
        assert await told(bureau) == Told(5, {"A1": 4, "A2": 1}, beyond)
        await added_up(bureau)

    # A mark counts at once, whether its difference was added up or not; taken back it is gone.
    mark = await review.mark_recording(
        bureau.deps, OPERATOR, old, kind=MarkKind.OTHER, media_ms=0
    )  # fmt: skip
    await review.mark_recording(bureau.deps, OPERATOR, later, kind=MarkKind.OTHER, media_ms=0)
    for _ in range(2):
        assert await told(bureau) == Told(4, {"A1": 3, "A2": 1}, beyond - {old})
        await added_up(bureau)
    await review.withdraw_mark(bureau.deps, OPERATOR, old, mark.id, reason="按错")
    assert (await told(bureau)).listed == beyond

    # A day later what arrived on the eighth day is beyond its term too, but for what bears a mark.
    bureau.clock.forward(days=1)
    assert await told(bureau) == Told(6, {"A1": 5, "A2": 1}, beyond | {younger})

    # Who sees the own footage alone is told of that alone.
    own = bureau.actor(Role.OFFICER, officer="A2")
    figures = await dashboard.dashboard(bureau.deps, own, Question(**DAYS))  # type: ignore[arg-type]
    assert figures.total.unmarked_overdue == 1
    mine = await review.find_recordings(
        bureau.deps, own, RecordingQuery(), unmarked_overdue=True
    )  # fmt: skip
    assert [each.id for each in mine.items] == [other]


async def test_the_term_is_part_of_what_a_second_person_approves(bureau: Bureau) -> None:
    clerk, deps = bureau.actor(), bureau.deps
    made = await duties.draft(deps, clerk, title="清单", valid_from=MONDAY)
    assert made.header.marking_days is None
    with_term = await duties.redraft(deps, clerk, made.header.id, marking_days=7)
    assert with_term.header.marking_days == 7
    assert with_term.digest != made.digest
    kept = await duties.redraft(deps, clerk, made.header.id, note="x")
    assert kept.header.marking_days == 7
    away = await duties.redraft(deps, clerk, made.header.id, marking_days=0)
    assert (away.header.marking_days, away.digest) == (None, made.digest)
    for wrong in (-1, 367):
        with pytest.raises(InvalidInput):
            await duties.redraft(deps, clerk, made.header.id, marking_days=wrong)
