"""Where every way in ends: periods of segments, in order, with what is missing named.

A period is one codec configuration with one init segment; its segments are fragments by stream
copy, never encoded again. The three clocks are kept apart and never corrected: the stream's own,
our arrival time, and the media time inside a period.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Cause(enum.StrEnum):
    """Why a period begins, why a gap is there, or why a publisher's part of a livestream ended."""

    STARTED = "started"
    CODEC_CHANGED = "codec-changed"
    TRACK_APPEARED = "track-appeared"
    TIME_WENT_BACK = "time-went-back"
    TIME_WENT_AHEAD = "time-went-ahead"
    SILENCE = "silence"
    #: It says itself that what follows does not join what was.
    DISCONTINUITY = "discontinuity"
    #: Its own numbers say that media never reached us.
    MEDIA_LOST = "media-lost"
    MUXER_LOST = "muxer-lost"
    NOT_RECORDABLE = "not-recordable"
    NOT_KEPT = "not-kept"
    UNPUBLISHED = "unpublished"
    CONNECTION_LOST = "connection-lost"
    VIOLATION = "violation"
    TAKEN_OVER = "taken-over"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between two periods of one publisher; media may be missing there, or only time."""

    begun_at: datetime
    ended_at: datetime
    #: How far the stream's own clock went between the two; negative when it went back.
    stream_ms: int
    #: Frames that came in between and that no period could hold.
    frames: int


@dataclass(frozen=True, slots=True)
class Period:
    """What holds for all segments of a period. Periods of one sink are numbered from 0."""

    number: int
    #: Why it begins, which is also why there is a gap before it.
    cause: Cause
    gap: Gap | None
    #: Track → codec, by its four-character code: {"video": "avc1", "audio": "mp4a"}.
    codecs: Mapping[str, str]
    init: bytes
    #: ``video/mp4``, or ``video/quicktime`` for sound that MP4 has no place for.
    media_type: str
    #: The stream's own clock at media time 0 of each track; tracks may have clocks of their own.
    stream_ms: Mapping[str, int]
    arrived_at: datetime
    #: False when the first picture needs earlier ones that never came.
    starts_with_key: bool
    #: What the encoder says of itself (FLV script data), as it came.
    description: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """One or more fragments, in order. Segments of a period are numbered from 0."""

    period: int
    number: int
    #: Media time since the period began.
    starts_ms: int
    length_ms: int
    content: bytes
    #: When its first and last frame came to us.
    arrived_from: datetime
    arrived_to: datetime
    starts_with_key: bool
    #: Frames in it for each track.
    frames: Mapping[str, int]
    #: Frames that the media tool did not give back as they came; 0 unless it has a fault.
    wrong_frames: int = 0


class SegmentSink(Protocol):
    """Takes one publisher's periods and segments. Returning means that they are safe.

    Calls come one after the other. Raising RecorderError ends the publisher; what was not taken is
    the sink's own loss, so a sink tries again as long as trying can help.
    """

    def tell_time(self, arrived: datetime, at_ms: int, said: datetime) -> None:
        """Of what arrives at one moment: the source's own clock said this at this stream time."""
        ...

    def tell_clock(self, now: datetime, said: datetime) -> None:
        """The source's own clock says this now; its segments are told by ours all the same."""
        ...

    def leave_out(self, names: Collection[str]) -> None:
        """The source offers this too, and it is not taken; safe to repeat."""
        ...

    async def period(self, period: Period) -> None: ...

    async def segment(self, segment: Segment) -> None: ...

    async def ended(self, cause: Cause, at: datetime) -> None:
        """Nothing more comes from this publisher; called exactly once."""
        ...
