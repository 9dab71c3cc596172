"""Things that happen at random to a few cases, and whether figures equal counting anew then."""

from __future__ import annotations

import random

from recorder.domain.gap_reason import InterruptionCause, InterruptionPlace
from recorder.domain.ids import CaseId
from recorder.domain.mark import MarkKind
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict
from recorder.services import casework, coverage, dashboard, review
from recorder.store import footage_days, marked_days
from recorder.store.coverage import days, weeks
from tests.support.bureau import Bureau
from tests.support.enforcement import NINE, evaluated, footage, happened

DAY = 24 * 60


async def added_up(bureau: Bureau) -> None:
    while await dashboard.add_up_footage(bureau.deps):
        pass


async def miscounted(bureau: Bureau) -> dict[str, int]:
    """What differs from counting anew."""
    await evaluated(bureau)
    await added_up(bureau)
    async with bureau.deps.database.acquire() as connection:
        found = {
            "scenes": await days.miscounted_scenes(connection),
            "officers": await days.miscounted_officers(connection),
            "late": await days.miscounted_late(connection),
            "findings": await days.miscounted_findings(connection),
            "footage": await footage_days.miscounted(connection),
            "marked": await marked_days.miscounted(connection),
            "weeks": await weeks.miscounted(connection),
        }
    return {name: count for name, count in found.items() if count}


class Chance:
    """Things that happen at random to a few cases."""

    def __init__(self, bureau: Bureau, cases: list[CaseId], seed: int) -> None:
        self._bureau, self._cases, self._dice = bureau, cases, random.Random(seed)

    async def step(self) -> None:
        acts = (
            *(self._event, self._event, self._footage, self._footage, self._unlink),
            *(self._withdraw, self._moved, self._withheld, self.explain, self._answer),
            *(self._mark, self._mark, self._unmark),
        )
        await self._dice.choice(acts)(self._dice.choice(self._cases))
        self._bureau.clock.forward(minutes=1)

    async def _event(self, case: CaseId) -> None:
        began = self._dice.randrange(-20, 3) * DAY + self._dice.randrange(0, 400)
        await happened(
            self._bureau,
            case,
            began=began,
            ended=began + self._dice.choice((20, 60)),
            officers=self._dice.choice((("A1", "A2"), ("A1", "A1"), ("A3", "A2"))),
            agency=self._dice.choice((self._bureau.ours, self._bureau.theirs)),
        )

    async def _footage(self, case: CaseId) -> None:
        began = await self._bureau.value(
            "SELECT extract(epoch FROM began_at - $2)::int / 60 FROM case_event"
            " WHERE case_id = $1 AND withdrawn_at IS NULL ORDER BY began_at LIMIT 1",
            case,
            NINE,
        )
        start = (began if isinstance(began, int) else 0) + self._dice.choice((0, 5, 30))
        recording = await footage(self._bureau, case, start, start + self._dice.choice((15, 60)))
        if self._dice.random() < 0.5:
            await self._bureau.value(
                "UPDATE recording SET received_at = ended_at + interval '6 days',"
                " device_number = 'D' || $2::int WHERE id = $1",
                recording,
                self._dice.randrange(3),
            )

    async def _mark(self, case: CaseId) -> None:
        for link in (await casework.case(self._bureau.deps, OPERATOR, case)).links[:2]:
            await review.mark_recording(
                self._bureau.deps, OPERATOR, link.recording, kind=MarkKind.OTHER, media_ms=0
            )

    async def _unmark(self, case: CaseId) -> None:
        for link in (await casework.case(self._bureau.deps, OPERATOR, case)).links:
            found = await review.recording_marks(self._bureau.deps, OPERATOR, link.recording)
            for mark in [each for each in found if each.withdrawn_at is None][:1]:
                await review.withdraw_mark(
                    self._bureau.deps, OPERATOR, link.recording, mark.id, reason="按错"
                )

    async def _unlink(self, case: CaseId) -> None:
        for link in (await casework.case(self._bureau.deps, OPERATOR, case)).links[:1]:
            await casework.unlink(
                self._bureau.deps, OPERATOR, recording=link.recording, case_id=case, reason="x"
            )

    async def _withdraw(self, case: CaseId) -> None:
        await self._touched(
            case, "UPDATE case_event SET withdrawn_at = now() WHERE case_id = $1 AND id ="
            " (SELECT id FROM case_event WHERE case_id = $1 ORDER BY began_at DESC LIMIT 1)"
        )  # fmt: skip

    async def _moved(self, case: CaseId) -> None:
        await self._touched(
            case, "UPDATE case_event SET began_at = began_at - interval '1 day', stage = 'service',"
            " ended_at = ended_at - interval '1 day' WHERE case_id = $1"
        )  # fmt: skip

    async def _withheld(self, case: CaseId) -> None:
        await self._touched(
            case, "UPDATE recording SET admission = CASE admission WHEN 'admitted' THEN"
            " 'quarantined' ELSE 'admitted' END FROM case_link l WHERE l.recording_id ="
            " recording.id AND l.case_id = $1 AND l.unlinked_at IS NULL"
        )  # fmt: skip

    async def _touched(self, case: CaseId, sql: str) -> None:
        await self._bureau.value(sql, case)
        await self._bureau.value(
            "INSERT INTO coverage_due (case_id, because) VALUES ($1, 'event')"
            " ON CONFLICT (case_id) DO UPDATE SET due_at = '-infinity'",
            case,
        )

    async def explain(self, case: CaseId) -> None:
        for link in (await casework.case(self._bureau.deps, OPERATOR, case)).links[:1]:
            await review.give_gap_reason(
                self._bureau.deps, self._bureau.actor(), link.recording,
                place=InterruptionPlace.END, gap=None, cause=InterruptionCause.BATTERY, note="",
                reported_at=None,
            )  # fmt: skip

    async def _answer(self, case: CaseId) -> None:
        for told in (await coverage.findings(self._bureau.deps, OPERATOR)).items[:3]:
            act = self._dice.choice((coverage.reply, coverage.appeal, coverage.close))
            try:
                await act(self._bureau.deps, OPERATOR, told.id, text="x")
            except Conflict:
                assert told.state.value in ("closed", "appealed", "replied")
