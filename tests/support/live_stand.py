"""A port whose publishers' media become periods and segments in a folder, and how to judge them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from recorder.adapters.clock import SystemClock
from recorder.live import flv
from recorder.live.flv import Part, Track
from recorder.live.intake import Intake, IntakeLimits
from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.reception import Farewell
from tests.support import footage, live_clips
from tests.support.rtmp_peer import media
from tests.support.segment_files import SegmentFiles

LONG_S = 90.0


@dataclass(slots=True)
class QuietPeer:
    """A publisher that does as it is told and says what that was."""

    address: str = "test"
    encrypted: bool = False
    pauses: int = 0
    resumes: int = 0
    dismissals: list[Farewell] = field(default_factory=list)

    def pause(self) -> None:
        self.pauses += 1

    def resume(self) -> None:
        self.resumes += 1

    def dismiss(self, farewell: Farewell) -> None:
        self.dismissals.append(farewell)


@dataclass(slots=True)
class Stand:
    """An intake with a folder behind it and no network before it."""

    intake: Intake
    sink: SegmentFiles
    peer: QuietPeer

    def take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.intake.take([message])

    async def finished(self, farewell: Farewell = Farewell.UNPUBLISHED) -> SegmentFiles:
        self.intake.left(farewell)
        await asyncio.wait_for(self.intake.done.wait(), LONG_S)
        return self.sink


@contextlib.asynccontextmanager
async def stand(
    folder: Path, *, tool: Path | None = None, limits: IntakeLimits | None = None
) -> AsyncIterator[Stand]:
    """Everything is ended when the block is left. A tool that is named also writes everything."""
    limits = replace(limits or IntakeLimits(), always_tool=tool is not None)
    sink, peer = SegmentFiles(folder), QuietPeer()
    tool = tool or Path(footage.ffmpeg())
    intake = Intake(tool, sink, peer, SystemClock(), limits)
    try:
        yield Stand(intake, sink, peer)
    finally:
        intake.left(Farewell.SHUTDOWN)
        sink.open.set()
        await asyncio.wait_for(intake.done.wait(), LONG_S)


def clip(codec: str = "h264", **shape: int | str | bool) -> list[Message]:
    """The messages of a clip: first its headers, then frames."""
    file = live_clips.clip(codec, **shape)  # type: ignore[arg-type]
    return [message for message in media(file.read_bytes()) if message.kind != 18]


def is_header(message: Message) -> bool:
    return part_of(message) is Part.HEADER


def part_of(message: Message) -> Part:
    return flv.look(track_of(message), message.payload).part


def track_of(message: Message) -> Track:
    return Track.VIDEO if message.kind == 9 else Track.AUDIO


def frames(messages: Iterable[Message], track: Track) -> list[bytes]:
    """The frames of a track as they must come back, byte for byte."""
    front = {Track.VIDEO: 5, Track.AUDIO: 2}[track]
    return [
        message.payload[front:] if message.payload[0] & 0x80 == 0 or track is Track.AUDIO
        else message.payload[5 + 3 * (message.payload[0] & 15 == 1):]
        for message in messages
        if track_of(message) is track and part_of(message) is Part.FRAME
    ]  # fmt: skip


def moved(messages: Iterable[Message], by_ms: int) -> list[Message]:
    return [m._replace(timestamp=(m.timestamp + by_ms) & 0xFFFFFFFF) for m in messages]


def read_back(file: Path) -> dict[str, list[tuple[int, bytes]]]:
    """Kind of track → (decoding time in ms, bytes) of each frame in a file."""
    found: dict[str, list[tuple[int, bytes]]] = {"video": [], "audio": []}
    with av.open(str(file)) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None and packet.time_base is not None:
                at = round(packet.dts * packet.time_base * 1000)
                found[packet.stream.type].append((at, bytes(packet)))
    return found


def complaints(file: Path) -> str:
    """What a decoder says of a file; empty when it decodes without a fault."""
    return live_clips.run(["-i", str(file), "-f", "null", "-"])


def all_there(sink: SegmentFiles, sent: Iterable[Message]) -> None:
    """Every frame came back once, in order, byte for byte, and was counted."""
    sent = list(sent)
    back: dict[str, list[bytes]] = {"video": [], "audio": []}
    for number in range(len(sink.periods)):
        for kind, found in read_back(sink.file(number)).items():
            back[kind] += [content for _, content in found]
    for track in Track:
        assert back[track.value] == frames(sent, track), track
        assert sink.frames(track.value) == len(frames(sent, track)), track
    assert [s.wrong_frames for s in sink.segments] == [0] * len(sink.segments)


def decodes(sink: SegmentFiles) -> None:
    for number in range(len(sink.periods)):
        assert complaints(sink.file(number)) == ""
