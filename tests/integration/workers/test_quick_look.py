"""Watching early: a quick look first, a thorough one behind it, and neither waits for a proxy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
from typing_extensions import override

from recorder.adapters.media import FfmpegTool, MediaSource, OnProgress, RenditionOutcome
from recorder.domain.ids import RecordingId
from recorder.domain.media import MediaFacts, RenditionPlan
from recorder.domain.pipeline import WorkQueue
from recorder.services import review
from tests.support import footage as footage_set
from tests.support.bureau import Bureau
from tests.support.children import run
from tests.support.waiting import eventually
from tests.support.workshop import camera, claimed, deliver, events_of, long_clip, runs, work_off
from workers.runner import QueueLoop, run_task


async def longer_than_a_look(footage: Path, folder: Path) -> Path:
    """Forty seconds of H.264 and AAC, playable as they are: too much to decode at a glance."""
    clip = folder / "shift.mp4"
    made = await run(
        [
            *(footage_set.ffmpeg(), "-nostdin", "-v", "error", "-stream_loop", "19"),
            *("-i", str(footage / "08_faststart.mp4"), "-c", "copy", str(clip)),
        ]
    )
    assert made.code == 0, made.complaints
    return clip


def damage(clip: Path, look: MediaFacts) -> bytes:
    """The clip with noise in one picture, in a group that the look did not decode.

    The lengths of its units stay as they were, so only a decoder finds it.
    """
    content = bytearray(clip.read_bytes())
    assert look.first_look
    with av.open(str(clip)) as opened:
        group = -1
        for packet in opened.demux(video=0):
            group += bool(packet.is_keyframe)
            if group == 1 and packet.size > 600 and not packet.is_keyframe:
                break
        assert packet.pos is not None
        begin = packet.pos + 100
        content[begin : begin + 400] = bytes(255 - byte for byte in content[begin : begin + 400])
    return bytes(content)


async def playable(bureau: Bureau, recording: RecordingId) -> tuple[str, str | None]:
    view = await review.recording(bureau.deps, bureau.actor(), recording)
    return view.playable.state, view.playable.profile


async def test_a_long_clip_can_be_watched_after_a_quick_look_and_is_examined_behind_it(
    bureau: Bureau, tool: FfmpegTool, footage: Path, tmp_path: Path
) -> None:
    clip = await longer_than_a_look(footage, tmp_path)
    recording = await deliver(bureau, await camera(bureau), clip.read_bytes())
    await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    assert await playable(bureau, recording) == ("ready", "original")
    await work_off(bureau.deps, tool)
    done = await runs(bureau, recording)
    assert set(done) == {"verify", "probe", "poster", "codes", "examine"}
    assert {each.state for each in done.values()} == {"done"}
    assert (await events_of(bureau, recording)).count("MediaProbed") == 2
    view = await review.recording(bureau.deps, bureau.actor(), recording)
    assert view.recording.media is not None
    assert view.recording.media["first_look"] is False
    assert view.recording.media["checked_percent"] == 100


async def test_damage_that_the_quick_look_misses_is_found_and_a_proxy_is_made_for_it(
    bureau: Bureau, tool: FfmpegTool, footage: Path, tmp_path: Path
) -> None:
    clip = await longer_than_a_look(footage, tmp_path)
    look = await tool.probe(MediaSource(path=clip), clip.name, quick=True)
    recording = await deliver(bureau, await camera(bureau), damage(clip, look))
    await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    assert await playable(bureau, recording) == ("ready", "original")
    await work_off(bureau.deps, tool)
    done = await runs(bureau, recording)
    assert {name: each.state for name, each in done.items()} == dict.fromkeys(
        ("verify", "probe", "poster", "codes", "examine", "proxy"), "done"
    )
    view = await review.recording(bureau.deps, bureau.actor(), recording)
    assert "damaged" in view.recording.flags
    assert await playable(bureau, recording) == ("ready", "proxy")


async def test_new_footage_is_looked_at_while_the_only_slot_makes_a_long_proxy(
    bureau: Bureau, footage: Path, tmp_path: Path
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FfmpegTool):
        @override
        async def proxy(
            self,
            source: MediaSource,
            facts: MediaFacts,
            plan: RenditionPlan,
            out: Path,
            on_progress: OnProgress,
        ) -> RenditionOutcome:
            began.set()
            await go_on.wait()
            return await super().proxy(source, facts, plan, out, on_progress)

    actor = await camera(bureau)
    slow = await deliver(bureau, actor, await long_clip(footage, tmp_path), "long.avi")
    loop = QueueLoop(bureau.deps, Slow(Path(footage_set.ffmpeg())), WorkQueue.MEDIA, 1)
    looping = asyncio.create_task(loop.run())
    try:
        async with asyncio.timeout(60):
            await began.wait()
        clips = [
            await deliver(bureau, actor, (footage / name).read_bytes(), name)
            for name in ("08_faststart.mp4", "04_mjpeg_pcm.avi")
        ]
        loop.wake()

        async def looked_at() -> bool | None:
            states = [(await runs(bureau, clip)) for clip in clips]
            return all(
                "poster" in each and each["poster"].state == each["probe"].state == "done"
                for each in states
            )

        looked: bool = await eventually(looked_at, within=60, what="probe and poster of both clips")
        assert looked
        assert (await runs(bureau, slow))["proxy"].state == "claimed"
        assert (await runs(bureau, clips[1]))["proxy"].state == "pending", "this one has to wait"
        go_on.set()

        async def made() -> bool | None:
            return all([(await runs(bureau, r))["proxy"].state == "done" for r in (slow, clips[1])])

        all_made: bool = await eventually(made, within=120, what="both proxies")
        assert all_made
    finally:
        looping.cancel()
        await asyncio.gather(looping, return_exceptions=True)
