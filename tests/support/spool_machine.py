"""An ingest machine with a spool of its own, whose store may be away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, PeriodCause
from recorder.domain.people import SERVICE, Role
from recorder.live.keeping import KeptLivestream
from recorder.live.sink import Cause, Period, Segment
from recorder.live.spool import SpoolFolder
from recorder.live.spooling import Spool, next_position
from recorder.runtime import Deps
from recorder.services import live
from tests.support.bureau import Bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.streams import Take

AWAY = Fault("put", When.BEFORE, nth=1, times=1 << 40)


@dataclass(slots=True)
class Machine:
    """An ingest machine with a spool of its own, whose store may be away."""

    deps: Deps
    objects: FaultyObjects
    root: Path
    spool: Spool

    @classmethod
    def made(cls, bureau: Bureau, root: Path, owner: str = "a") -> Machine:
        objects = FaultyObjects(bureau.deps.objects)
        deps = replace(bureau.deps, objects=objects)
        folder = SpoolFolder(root, owner, 1 << 30, 0)
        folder.open()
        return cls(deps, objects, root, Spool(deps, folder))

    async def receive(self, livestream: LivestreamId, fence: int, sent: Take, upto: int) -> None:
        """A period of so many segments, as a publisher brings them; the lease is given back."""
        at = await next_position(self.deps, self.spool, livestream, fence)
        kept = KeptLivestream(
            self.deps, SERVICE, livestream, fence, at,
            first_cause=PeriodCause.RECONNECT, spool=self.spool,
        )  # fmt: skip
        now = self.deps.clock.now()
        await kept.period(a_period(sent, now))
        for number in range(upto):
            await kept.segment(a_segment(sent, number, now))


def a_period(sent: Take, clock: datetime) -> Period:
    return Period(
        number=0, cause=Cause.STARTED, gap=None, codecs={"video": "avc1"}, init=sent.init,
        media_type="video/mp4", stream_ms={"video": 0}, arrived_at=clock, starts_with_key=True,
        description=b"",
    )  # fmt: skip


def a_segment(sent: Take, number: int, arrived: datetime) -> Segment:
    return Segment(
        period=0, number=number, starts_ms=1000 * number, length_ms=1000,
        content=sent.segments[number], arrived_from=arrived - timedelta(seconds=1),
        arrived_to=arrived, starts_with_key=True, frames={"video": 25},
    )  # fmt: skip


async def received(bureau: Bureau) -> LivestreamId:
    opening = live.Opening(title="巡查", form=Form.RECEIVED, device_number="TA00716")
    return (await live.open_livestream(bureau.deps, bureau.actor(Role.SUPERVISOR), opening)).id
