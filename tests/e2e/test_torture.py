"""Every commit point fails once before and once after its effect, and every victim is killed."""

from __future__ import annotations

import pytest

from recorder.services.audit import Level
from tests.torture.live_rounds import run_live_round
from tests.torture.rounds import MIB, Outcome, run_round
from tests.torture.schedule import ERROR, FILES, LIVE, Job, covering_faults
from tests.torture.stand import Crew, open_stand


# Each of some two hundred faults costs a moment, and nine processes start again: a busy machine
# needs long. One stand for both rounds: it takes longer to start than a round of livestreams.
@pytest.mark.timeout(900)
async def test_whatever_fails_or_dies_at_any_commit_point_nothing_acknowledged_is_lost() -> None:
    async with open_stand("versitygw", Crew(ingests=1)) as stand:
        live = await run_live_round(stand, covering_faults(LIVE), number=0, patience_s=120)
        outcome = await run_round(
            stand,
            covering_faults(FILES),
            number=0,
            lengths=(16 * MIB + 4321, MIB),
            proxied=True,
            level=Level.DIGEST,
        )
    assert outcome.broken == []
    assert outcome.sent_bytes >= outcome.file_bytes
    _covered(outcome, FILES)
    assert live.broken == []
    _covered(live, LIVE)


def _covered(outcome: Outcome, job: Job) -> None:
    """Every point failed on both sides, and everybody died."""
    struck = {(fault.point, fault.when) for fault in outcome.fired}
    for when in ("before", "after"):
        assert {each for each in job.points if (each, when) not in struck} <= job.secondary, when
    assert {fault.victim for fault in outcome.fired} == {ERROR, *job.victims}
