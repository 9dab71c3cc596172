"""Real fragmented MP4, made by ffmpeg and cut at its fragments, as devices push it."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Livestream, PeriodCause
from recorder.domain.people import SERVICE, Actor
from recorder.runtime import Deps
from recorder.services import live
from tests.support import cache, footage, live_clips, servers


@dataclass(frozen=True)
class Take:
    """One init segment and the segments behind it."""

    init: bytes
    segments: tuple[bytes, ...]

    @property
    def whole(self) -> bytes:
        return self.init + b"".join(self.segments)


def take(name: str = "street", *, seconds: int = 6, size: str = "320x180") -> Take:
    """Segments of one second each with picture and sound, the same bytes each time."""
    folder = cache.once(
        f"take-{name}-{seconds}-{size}-1", lambda place: _make(place, seconds, size)
    )
    return cut((folder / "take.mp4").read_bytes())


def slow_take(seconds: int) -> Take:
    """Segments of 25 seconds with a picture each second and no sound: long and small."""
    folder = cache.once(f"take-slow-{seconds}-1", lambda place: _make(place, seconds, "64x36", 1))
    return cut((folder / "take.mp4").read_bytes())


def _make(place: Path, seconds: int, size: str, rate: int = 25) -> None:
    sound = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    # -bitexact: the same picture gives the same bytes.
    made = subprocess.run(
        [
            *(footage.ffmpeg(), "-nostdin", "-v", "error"),
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"),
            *(sound if rate == 25 else ()),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"),
            *("-keyint_min", "25", "-sc_threshold", "0", "-bf", "0", "-c:a", "aac"),
            *("-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-bitexact"),
            *("-f", "mp4", str(place / "take.mp4")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise servers.ServerFailed(f"No livestream can be made:\n{made.stderr[-2000:]}")


def hevc_take(*, seconds: int = 8, size: str = "320x180") -> Take:
    """Segments of one second in H.265, of which every second one begins without a keyframe."""

    def make(place: Path) -> None:
        live_clips.run([
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1"),
            *("-x265-params", "log-level=error:keyint=50:min-keyint=50:scenecut=0:open-gop=0"),
            *("-c:a", "aac", "-frag_duration", "1000000", "-bitexact"),
            *("-movflags", "+empty_moov+default_base_moof", "-f", "mp4", str(place / "take.mp4")),
        ])  # fmt: skip

    return cut((cache.once(f"take-hevc-{seconds}-{size}-1", make) / "take.mp4").read_bytes())


def webm_file(*, seconds: int = 8, size: str = "320x180") -> bytes:
    """One file as browsers record it: VP8 and Opus, keyframes 1.2 s apart, sizes not known."""

    def make(place: Path) -> None:
        live_clips.run([
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"),
            *("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k"),
            *("-g", "30", "-keyint_min", "30", "-c:a", "libopus", "-b:a", "32k", "-bitexact"),
            *("-f", "webm", "-live", "1", "-cluster_time_limit", "3000", str(place / "take.webm")),
        ])  # fmt: skip

    return (cache.once(f"take-webm-{seconds}-{size}-1", make) / "take.webm").read_bytes()


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each box with its kind."""
    position = 0
    while position < len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        yield kind, content[position : position + size]
        position += size


def cut(content: bytes) -> Take:
    """Until ``moov``: the init segment; until each ``mdat``: a segment; no ``mfra``."""
    init, segments, current = b"", [], b""
    for kind, box in boxes(content):
        if kind == b"mfra":
            continue
        current += box
        if kind == b"moov":
            init, current = current, b""
        elif kind == b"mdat":
            segments.append(current)
            current = b""
    return Take(init, tuple(segments))


async def opened(deps: Deps, actor: Actor, **said: object) -> Livestream:
    """A pushed livestream of this actor."""
    words = {"title": "巡查 3", **said}
    return await live.open_livestream(deps, actor, live.Opening(**words))  # type: ignore[arg-type]


async def put_init(
    deps: Deps,
    actor: Actor,
    livestream: LivestreamId,
    body: bytes,
    period: int = 1,
    cause: PeriodCause = PeriodCause.UNKNOWN,
) -> live.Receipt:
    arrival = live.InitArrival(period=period, body=body, cause=cause)
    return await live.put_init(deps, actor, livestream, arrival)


async def put(
    deps: Deps, actor: Actor, livestream: LivestreamId, number: int, body: bytes, period: int = 1
) -> live.Receipt:
    arrival = live.SegmentArrival(period=period, number=number, body=body)
    return await live.put_segment(deps, actor, livestream, arrival)


async def begun(deps: Deps, actor: Actor, sent: Take) -> Livestream:
    """A pushed livestream of this actor whose first segment has come."""
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    await put(deps, actor, livestream.id, 1, sent.segments[0])
    return livestream


async def receiving(
    deps: Deps, livestream: LivestreamId, fence: int, sent: Take, upto: int = 1
) -> live.Receiver:
    """What receives under that lease, and so many segments that came to it."""
    receiver = live.Receiver(deps, SERVICE, livestream, fence)
    await receiver.put_init(live.InitArrival(period=1, body=sent.init))
    for number in range(1, upto + 1):
        body = sent.segments[number - 1]
        await receiver.put_segment(live.SegmentArrival(period=1, number=number, body=body))
    return receiver


async def stored_bytes(deps: Deps, segment: live.Receipt) -> bytes:
    """What lies in the store under the version that the row pins."""
    found = segment.segment
    assert found.version is not None
    blocks = deps.objects.read(Bucket.ORIGINALS, found.key, found.version)
    return b"".join([block async for block in blocks])


async def long_day(deps: Deps, livestream: LivestreamId, segments: int) -> None:
    """Rows of so many segments of two seconds in one period, as if they were stored; no bytes."""
    async with deps.database.acquire() as connection:
        began = await connection.fetchval(
            "INSERT INTO livestream_segment (livestream_id, number, sha256, sm3, period, state,"
            " object_key, version, length_bytes, lock_until, media_time_us, duration_us, keyframe,"
            " arrived_at, follows)"
            " SELECT l.id, n, sha256(n::text::bytea), sha256(n::text::bytea), 1, 'stored',"
            " l.key_prefix || '/' || n, 'v', 1000000, l.created_at + interval '30 days',"
            " n * 2000000, 2000000, true, l.created_at + n * interval '2 s', n > 1"
            " FROM livestream l, generate_series(1, $2::bigint) AS n WHERE l.id = $1"
            " RETURNING arrived_at",
            livestream,
            segments,
        )
        await connection.execute(
            "UPDATE livestream SET state = 'live', highest_number = $2, segments = $2,"
            " length_bytes = $2::bigint * 1000000, first_arrival_at = $3,"
            " last_arrival_at = created_at + $2::bigint * interval '2 s' WHERE id = $1",
            livestream,
            segments,
            began,
        )
