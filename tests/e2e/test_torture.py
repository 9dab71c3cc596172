"""Every commit point fails once before and once after its effect, and every victim is killed."""

from __future__ import annotations

import pytest

from recorder.services.audit import Level
from tests.torture.rounds import MIB, run_round
from tests.torture.schedule import ERROR, POINTS, SECONDARY, VICTIMS, covering_faults
from tests.torture.stand import open_stand


# Each of a hundred faults costs a moment, and six processes start again: a busy machine needs long.
@pytest.mark.timeout(600)
async def test_whatever_fails_or_dies_at_any_commit_point_no_acknowledged_byte_is_lost() -> None:
    async with open_stand("versitygw") as stand:
        outcome = await run_round(
            stand,
            covering_faults(),
            number=0,
            lengths=(16 * MIB + 4321, MIB),
            proxied=True,
            level=Level.DIGEST,
        )
    assert outcome.broken == []
    assert outcome.sent_bytes >= outcome.file_bytes
    struck = {(fault.point, fault.when) for fault in outcome.fired}
    for when in ("before", "after"):
        assert {point for point in POINTS if (point, when) not in struck} <= SECONDARY, when
    assert {fault.victim for fault in outcome.fired} == {ERROR, *VICTIMS}
