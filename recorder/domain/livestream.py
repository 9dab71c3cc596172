"""What a livestream is: its states, periods, segments and gaps; no bytes here."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.domain.ids import AgencyId, DeviceId, DockId, LivestreamId, RecordingId
from recorder.domain.people import SERVICE
from recorder.domain.upload import MIB
from recorder.errors import Unprocessable

#: A slice of a phone's recorder may be 50 MB.
LONGEST_SEGMENT_BYTES = 64 * MIB
#: The description of tracks; real ones have about one KiB.
LONGEST_INIT_BYTES = MIB
#: So far ahead of the highest number a segment may come: two days of two-second segments.
SEGMENT_WINDOW = 86_400
#: More periods than this are a sender's mistake.
MOST_PERIODS = 100_000
#: A missing segment holds up the live view for so long.
PATIENCE = timedelta(seconds=10)
#: Who fetches says each three seconds that media wait in its hands, while they do.
HEARD_LATELY = timedelta(seconds=10)
#: Segments in one custody event.
BATCH_SEGMENTS = 500


class LivestreamState(enum.StrEnum):
    #: Opened; nothing has come yet.
    OPEN = "open"
    LIVE = "live"
    #: Nothing has come for a few seconds.
    INTERRUPTED = "interrupted"
    #: No longer live; what is missing may still be delivered.
    CLOSING = "closing"
    #: The recording stands; what comes now becomes a supplementary one.
    CLOSED = "closed"


#: The moves that exist.
MOVES: dict[LivestreamState, frozenset[LivestreamState]] = {
    LivestreamState.OPEN: frozenset({LivestreamState.LIVE, LivestreamState.CLOSING}),
    LivestreamState.LIVE: frozenset({LivestreamState.INTERRUPTED, LivestreamState.CLOSING}),
    LivestreamState.INTERRUPTED: frozenset({LivestreamState.LIVE, LivestreamState.CLOSING}),
    LivestreamState.CLOSING: frozenset({LivestreamState.CLOSED}),
    LivestreamState.CLOSED: frozenset(),
}


#: In these a livestream takes what its source goes on to bring.
RUNNING = (LivestreamState.OPEN, LivestreamState.LIVE, LivestreamState.INTERRUPTED)


class Form(enum.StrEnum):
    """Who numbers the segments."""

    #: The sender: it may deliver late and out of order, and says which one is the last.
    PUSHED = "pushed"
    #: A process of ours, in order, as media arrive (RTMP, RTSP, SRT).
    RECEIVED = "received"
    #: The sender, and what it numbers are chunks: slices of one file for each period, cut anywhere.
    CHUNKED = "chunked"


#: What chunks are slices of, and how such a file ends.
CHUNK_TYPES = {"video/mp4": ".mp4", "video/webm": ".webm"}
#: How long a livestream may be delivered with a push key.
PUSH_KEY_LIFE = timedelta(days=7)


class PeriodCause(enum.StrEnum):
    """Why a period begins; also the cause of the gap before it."""

    START = "start"
    RECONNECT = "reconnect"
    SILENCE = "silence"
    TIME_JUMP = "time_jump"
    CODEC_CHANGE = "codec_change"
    TAKEN_OVER = "taken_over"
    #: The source says itself that what follows does not join what was.
    DISCONTINUITY = "discontinuity"
    #: The source's own numbers say that media never reached us.
    MEDIA_LOST = "media_lost"
    INGEST_FAILED = "ingest_failed"
    UNKNOWN = "unknown"


#: The cause of a gap inside a period: numbers that never came.
SEGMENTS_MISSING = "segments_missing"
#: The cause of a gap of numbers that came and were damaged on a disk before they were stored.
SEGMENTS_DAMAGED = "segments_damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Livestream:
    id: LivestreamId
    agency: AgencyId
    agency_code: str
    device: DeviceId | None
    #: The number as the opener gave it, known or not.
    device_number: str | None
    dock: DockId | None
    officer: str | None
    title: str
    stage: str | None
    case_numbers: tuple[str, ...]
    #: Kind and id of the opener.
    opened_by: str
    source: str
    quarantine_reasons: tuple[str, ...]
    flags: tuple[str, ...]
    form: Form
    key_prefix: str
    device_clock_at: datetime | None
    clock_offset_ms: int | None
    created_at: datetime
    #: Of what its chunks are slices; None where it consists of segments.
    media_type: str | None = None
    #: Where it was opened, if the device said so.
    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    #: The one that is over and that its publisher goes on with here.
    continues: LivestreamId | None = None
    #: From here on what became of it: the defaults are those of one of which nothing has come.
    state: LivestreamState = LivestreamState.OPEN
    #: Version of the locked description beside its segments; None until it is written.
    opening_version: str | None = None
    first_arrival_at: datetime | None = None
    last_arrival_at: datetime | None = None
    highest_number: int = 0
    #: Stored segments, without init segments.
    segments: int = 0
    #: Bytes of stored segments and init segments.
    length: int = 0
    interrupted_at: datetime | None = None
    closing_at: datetime | None = None
    #: The number the sender said is its last one.
    last_number: int | None = None
    closed_at: datetime | None = None
    recording: RecordingId | None = None
    #: The recording that is being made of it now.
    sealing: RecordingId | None = None
    holder: str | None = None
    fence: int = 0
    held_until: datetime | None = None
    #: Whether we fetch it from an address.
    is_pulled: bool = False
    #: Whether only some may watch it, or a recording that it became.
    is_restricted: bool = False
    #: The highest numbers that its receivers had in a spool: that is not here yet, or was once.
    promised_period: int | None = None
    promised_number: int | None = None
    #: What its source offers and is not taken, by name.
    left_out: tuple[str, ...] = ()
    #: How many numbers, up to the last one that there must be, can never be stored.
    lost: int = 0
    #: When whoever fetches it said last that media are in its hands and cannot go up.
    heard_at: datetime | None = None

    @property
    def is_set_beside(self) -> bool:
        """Whether we opened it, for what waited in a spool; nobody publishes into it."""
        return self.opened_by == SERVICE.sender

    @property
    def file_ending(self) -> str:
        """How a file with its original ends."""
        return CHUNK_TYPES.get(self.media_type or "", ".mp4")

    @property
    def is_webm(self) -> bool:
        """Whether its chunks are those of WebM, which no playlist can list as they are."""
        return self.media_type == "video/webm"

    @property
    def expected_number(self) -> int | None:
        """The last number there must be: the sender's word, or what was promised out of a spool.

        What came beyond either stands behind numbers that must be there as well.
        """
        if self.promised_number is None and self.last_number is None:
            return None
        return max(self.promised_number or 0, self.highest_number, self.last_number or 0)

    @property
    def in_spool(self) -> int:
        """How many segments behind the highest one reached us and are not in the store yet."""
        if self.promised_number is None or self.is_complete:
            return 0
        return max(0, self.promised_number - self.highest_number)

    def waits_for_store(self, now: datetime) -> bool:
        """Whether something comes and the store does not take it: that is no silence.

        A lease is held while a publisher delivers; who fetches holds it also when nothing comes,
        and says when something does.
        """
        if self.held_until is None or self.held_until < now:
            return False
        if not self.is_pulled:
            return self.in_spool > 0
        return self.heard_at is not None and now - self.heard_at < HEARD_LATELY

    @property
    def is_complete(self) -> bool:
        """Whether every number up to the announced last one is there, or can never come."""
        expected = self.expected_number
        return expected is not None and self.segments + self.lost >= expected

    @property
    def silent_since(self) -> datetime:
        """Since when nothing has come of it, to us or to the store."""
        return max(filter(None, (self.last_arrival_at, self.heard_at)), default=self.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment, or, with the number −p, the init segment of period p."""

    livestream: LivestreamId
    number: int
    period: int
    #: intended, stored, or conflicting: a second body for a number, kept beside the first.
    state: str
    key: str
    version: str | None
    length: int
    sha256: bytes
    sm3: bytes
    lock_until: datetime
    #: Of the segment with the number before; None while that one is missing.
    previous_sha256: bytes | None
    #: Three clocks: in the media, of the device or stream at the first frame, and ours when all of
    #: it was here.
    media_time_us: int | None
    duration_us: int | None
    device_at: datetime | None
    arrived_at: datetime
    #: Whether it begins with a keyframe; None where that cannot be told.
    keyframe: bool | None
    recording: RecordingId | None

    @property
    def length_of_time(self) -> timedelta:
        """How long its media last; zero where that cannot be read."""
        return timedelta(microseconds=self.duration_us or 0)


@dataclass(frozen=True, slots=True)
class Gap:
    """Where media are missing, or do not join, and why."""

    #: None where the side is not known (nothing before, nothing yet behind).
    begins_at: datetime | None
    ends_at: datetime | None
    #: Which clock both are of: device, or arrival.
    clock: str
    cause: str
    #: Numbers that never came, if any.
    first_missing: int | None = None
    last_missing: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A segment whose predecessor by number is missing or in another period; or the last one."""

    before: Segment | None
    after: Segment | None
    #: The cause of the period that begins there; None inside one.
    cause: PeriodCause | None


def key_prefix(livestream: LivestreamId, opened: datetime) -> str:
    """Where everything of a livestream lies: by day, no personal data."""
    return f"{opened:%Y/%m/%d}/live-{livestream}"


def opening_key(prefix: str) -> str:
    """The description that is written when a livestream opens."""
    return f"{prefix}/opened.json"


def manifest_key(prefix: str, recording: RecordingId) -> str:
    """The list of what a recording consists of; with it, it is found again without a database."""
    return f"{prefix}/sealed-{recording}.json"


def segment_key(prefix: str, period: int, number: int, arrived: datetime, sha256: bytes) -> str:
    """Where a segment lies; the key tells place, arrival and digest with the database gone."""
    name = "init" if number < 0 else f"{number:09d}"
    return f"{prefix}/p{period:06d}/{name}-{int(arrived.timestamp() * 1000)}-{sha256.hex()}"


def check_period(period: int) -> None:
    if not 1 <= period <= MOST_PERIODS:
        raise Unprocessable(
            "period-number-invalid", f"Periods are numbered from 1 to {MOST_PERIODS}.",
            period=period,
        )  # fmt: skip


def check_number(number: int, highest: int) -> None:
    """Raise Unprocessable for a number that is none, or too far ahead to be no mistake."""
    if number < 1:
        raise Unprocessable(
            "segment-number-invalid", "Segments are numbered from 1 on.", number=number
        )
    if number > highest + SEGMENT_WINDOW:
        raise Unprocessable(
            "segment-number-too-far",
            f"Send the segments before it first: the highest one here is {highest}.",
            number=number,
            highest=highest,
        )


def gap_of(edge: Edge) -> Gap | None:
    """The gap at an edge; None where nothing is missing (the very first segment)."""
    before, after = edge.before, edge.after
    first = (before.number if before else 0) + 1
    last = after.number - 1 if after else None
    missing = (first, last) if last is not None and last >= first else (None, None)
    if missing == (None, None) and edge.cause in (None, PeriodCause.START):
        return None
    cause = edge.cause.value if edge.cause and edge.cause is not PeriodCause.START else None
    begins, ends, clock = _clocks(before, after)
    return Gap(begins, ends, clock, cause or SEGMENTS_MISSING, *missing)


def _clocks(
    before: Segment | None, after: Segment | None
) -> tuple[datetime | None, datetime | None, str]:
    """End of the one and beginning of the other, by the device's clock if it said both."""
    sides = [each for each in (before, after) if each is not None]
    if sides and all(each.device_at is not None for each in sides):
        begins = before.device_at + before.length_of_time if before and before.device_at else None
        return begins, after.device_at if after else None, "device"
    return (
        before.arrived_at if before else None,
        after.arrived_at - after.length_of_time if after else None,
        "arrival",
    )


def told_damaged(gap: Gap, lost: Collection[int]) -> Gap:
    """The gap with its cause, where every number that is missing is known to be damaged."""
    if gap.first_missing is None or gap.last_missing is None:
        return gap
    if all(number in lost for number in range(gap.first_missing, gap.last_missing + 1)):
        return replace(gap, cause=SEGMENTS_DAMAGED)
    return gap


def missing_at_end(last_number: int | None, newest: Segment | None) -> Gap | None:
    """The gap behind the last segment that came, when a later number was announced."""
    highest = newest.number if newest else 0
    if last_number is None or highest >= last_number:
        return None
    begins, _, clock = _clocks(newest, None)
    return Gap(begins, None, clock, SEGMENTS_MISSING, highest + 1, last_number)


def list_digest(objects: Iterable[tuple[int, int, int, bytes]]) -> bytes:
    """SHA-256 over the ordered list (period, number, length, SHA-256) of what arrived.

    Text that is hashed: ``segments\\n`` and then for each ``<period> <number> <length> <hex>\\n``;
    an init segment has the number of its period, negative.
    """
    running = hashlib.sha256(list_beginning())
    for each in objects:
        running.update(list_line(*each))
    return running.digest()


def list_beginning() -> bytes:
    """What the text of ``list_digest`` begins with."""
    return b"segments\n"


def list_line(period: int, number: int, length: int, sha256: bytes) -> bytes:
    """What the text of ``list_digest`` says of one object."""
    return f"{period} {number} {length} {sha256.hex()}\n".encode()
