"""Recordings that browsers play, without a prober."""

from __future__ import annotations

import os

from recorder.domain.events import MediaProbed
from recorder.domain.ids import RecordingId
from recorder.domain.media import MediaFacts, Showable, StreamFacts
from recorder.domain.people import OPERATOR
from recorder.runtime import Deps
from recorder.services import review
from recorder.store import recordings
from tests.support import workshop
from tests.support.bureau import Bureau


async def playable_clip(bureau: Bureau) -> RecordingId:
    """Bytes of our agency in the store, known to be playable as they are."""
    camera = await workshop.camera(bureau, f"TA{os.urandom(2).hex()}")
    recording = await workshop.deliver(bureau, camera, os.urandom(1000))
    await probe_as_playable(bureau.deps, recording)
    return recording


async def probe_as_playable(deps: Deps, recording: RecordingId) -> None:
    """Write what probe would find about a clip that browsers play as it is."""
    facts = MediaFacts(
        container="mov",
        length_ms=2000,
        streams=(
            StreamFacts(
                "video", "h264", tag="avc1", level=30, pix_fmt="yuv420p", width=640, height=360,
                fps_milli=25_000, packets=50, length_ms=2000,
            ),
        ),
        keyframes=2,
    )  # fmt: skip
    view = await review.recording(deps, OPERATOR, recording)
    async with deps.change(OPERATOR) as change:
        event = MediaProbed(
            subject=view.recording.id, agency=view.recording.agency,
            showable=facts.showable.value, needs_proxy=False, flags=(), tool="test",
            tool_version="1", media=facts.to_json(),
        )  # fmt: skip
        change.record(event)
        await recordings.set_media(change, event, None, 2000)
    assert facts.showable is Showable.AS_IS
