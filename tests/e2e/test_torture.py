"""Every commit point fails once before and once after its effect, and every victim is killed."""

from __future__ import annotations

import pytest

from recorder.services.audit import Level
from tests.torture.live_rounds import LiveRound
from tests.torture.rounds import MIB, Outcome, run_round
from tests.torture.schedule import ERROR, FILES, LIVE, TAILS, Job, covering_faults
from tests.torture.stand import Crew, open_stand


# Each of some two hundred faults costs a moment, and processes start again: a busy machine needs
# long. Livestreams and files at once: most of either is waiting.
@pytest.mark.timeout(900)
async def test_whatever_fails_or_dies_at_any_commit_point_nothing_acknowledged_is_lost() -> None:
    faults = {(f.point, f.nth): f for job in (FILES, LIVE) for f in covering_faults(job)}
    async with (
        open_stand("versitygw", Crew(ingests=1)) as stand,
        stand.with_own_clock() as beside,
    ):
        live = LiveRound(beside, number=0, patience_s=120, has_camera=False)
        outcome = await run_round(
            stand,
            list(faults.values()),
            number=0,
            lengths=(16 * MIB + 4321, MIB),
            proxied=True,
            level=Level.DIGEST,
            beside=live.strike,
        )
        await live.ask()
    assert outcome.broken == []
    assert outcome.sent_bytes >= outcome.file_bytes
    assert live.outcome.broken == []
    _covered(outcome, FILES, LIVE)


@pytest.mark.timeout(600)
async def test_tails_in_place_and_objects_of_a_folder_survive_whatever_fails_or_dies() -> None:
    async with open_stand("folder", Crew(has_drawer=False)) as stand:
        outcome = await run_round(
            stand,
            covering_faults(TAILS),
            number=0,
            lengths=(MIB,),
            proxied=False,
            level=Level.DIGEST,
        )
    assert outcome.broken == []
    _covered(outcome, TAILS)


def _covered(outcome: Outcome, *jobs: Job) -> None:
    """Every point failed on both sides, and everybody died who was to."""
    struck = {(fault.point, fault.when) for fault in outcome.fired}
    for job in jobs:
        for when in ("before", "after"):
            missed = {each for each in job.points if (each, when) not in struck}
            assert missed <= job.secondary, when
    killed = {(f.point, f.when, f.victim) for f in outcome.fired if f.victim != ERROR}
    assert killed == {kill for job in jobs for kill in job.killing}
