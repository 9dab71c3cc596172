"""One event twice: as it came over the air, with a second missing, and as the camera's own file."""

from __future__ import annotations

from datetime import timedelta

from recorder.domain.ids import RecordingId
from recorder.domain.people import SERVICE, Actor
from recorder.services import live
from tests.support.bureau import Bureau
from tests.support.streams import opened, put_init, take
from tests.support.workshop import deliver


async def streamed(
    bureau: Bureau, actor: Actor, *, without: int = 4, seconds: int = 6, says_times: bool = False
) -> RecordingId:
    """So many seconds live, one of them lost on the air; two days later it is closed.

    ``says_times``: with each second the device says when it began.
    """
    sent = take(seconds=seconds)
    livestream = await opened(bureau.deps, actor, device_clock_at=bureau.clock.now())
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    for number, body in enumerate(sent.segments, 1):
        if number != without:
            said = bureau.clock.now() if says_times else None
            arrival = live.SegmentArrival(period=1, number=number, body=body, device_at=said)
            await live.put_segment(bureau.deps, actor, livestream.id, arrival)
        bureau.clock.forward(seconds=1)
    await live.request_close(bureau.deps, actor, livestream.id, last=seconds)
    bureau.clock.forward(days=2)
    await live.watch_livestreams(bureau.deps)
    found = (await live.view_livestream(bureau.deps, SERVICE, livestream.id)).livestream.recording
    assert found is not None
    return found


async def docked(
    bureau: Bureau, actor: Actor, ago: timedelta, offset: timedelta, *, seconds: int = 6
) -> RecordingId:
    """The camera's own file of that time, uploaded now with its clock off by so much."""
    began = bureau.clock.now() - ago + offset
    clock = bureau.clock.now() + offset
    return await deliver(
        bureau, actor, take(seconds=seconds).whole, "card.mp4",
        device_started_at=began.isoformat(), device_clock_at=clock.isoformat(),
    )  # fmt: skip
