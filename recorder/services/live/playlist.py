"""Playlists of the very segments that are evidence (RFC 8216); text only, no bytes.

Where numbers or periods do not follow each other stands a discontinuity with the wall time behind
it. Addresses are relative, so that they hold under whatever ticket the playlist was asked for.

Of a running livestream the *beginning*, everything older than a minute, never changes any more: it
is written once and kept by the process, and players that know it are told that it is skipped
(delta updates, RFC 8216bis 6.2.5.1).

Its target duration must not change either (RFC 8216, 6.2.1): it is that of the first segment. A
longer one that comes later is listed all the same, and a caution tells of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from recorder.domain.instant import format_utc
from recorder.domain.livestream import PATIENCE

#: What a segment is taken to last whose length cannot be read.
_UNKNOWN_US = 2_000_000
#: A smaller target would have players ask more often than segments come.
_LEAST_TARGET_S = 2
#: RFC 8216bis: what may be skipped is at least so many target durations from the end.
_SKIP_TARGETS = 6
#: What arrived longer ago stays as it is listed. PATIENCE, and time for a commit that is slow.
_AT_REST = timedelta(minutes=1)
#: The beginning grows by so many at a time: each growth copies it.
_GROWTH = 64


class Entry(NamedTuple):
    """What a playlist needs to know of a segment."""

    number: int
    period: int
    duration_us: int | None
    device_at: datetime | None
    arrived_at: datetime
    keyframe: bool | None

    @property
    def lasts_us(self) -> int:
        return self.duration_us or _UNKNOWN_US

    @property
    def began_at(self) -> datetime:
        """By the device's clock if it says one, else by arrival."""
        return self.device_at or self.arrived_at - timedelta(microseconds=self.lasts_us)


class Listed(NamedTuple):
    """What must be known of a segment that is listed to go on behind it."""

    number: int
    period: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first segments as they are written in every playlist of a livestream."""

    lines: str = ""
    segments: int = 0
    last: Listed | None = None
    #: The number it reaches to: its last one, or one behind it that is not listed.
    reached: int = 0
    first_us: int = 0
    longest_us: int = 0
    #: Whether every one of them begins with a keyframe.
    independent: bool = True

    def with_more(self, entries: Sequence[Entry]) -> Beginning:
        """These segments come behind it."""
        if not entries:
            return self
        return Beginning(
            lines=self.lines + _lines(self.last, entries),
            segments=self.segments + len(entries),
            last=Listed(entries[-1].number, entries[-1].period),
            reached=entries[-1].number,
            first_us=self.first_us or entries[0].lasts_us,
            longest_us=max(self.longest_us, max(entry.lasts_us for entry in entries)),
            independent=self.independent and all(entry.keyframe for entry in entries),
        )

    def reaching(self, entries: Sequence[Entry], shown: Sequence[Entry]) -> Beginning:
        """These come behind it, of which some are listed."""
        if not entries:
            return self
        return replace(self.with_more(shown), reached=entries[-1].number)


def settled(entries: Sequence[Entry], now: datetime, before: int = 0) -> list[Entry]:
    """Of a running livestream, what may be listed behind number ``before``: later lists only add.

    Behind a missing number it goes on when that one has been waited for; what comes later than
    that is never put in between while it runs.
    """
    kept: list[Entry] = []
    seen: datetime | None = None
    for entry in reversed(entries):
        if seen is None or entry.arrived_at < seen + PATIENCE:
            kept.append(entry)
        seen = min(seen or entry.arrived_at, entry.arrived_at)
    kept.reverse()
    awaited = before + 1
    for place, entry in enumerate(kept):
        if entry.number != awaited and now < _first_arrival(kept[place:]) + PATIENCE:
            return kept[:place]
        awaited = entry.number + 1
    return kept


def _first_arrival(entries: Sequence[Entry]) -> datetime:
    return min(entry.arrived_at for entry in entries)


def at_rest(entries: Sequence[Entry], now: datetime) -> Sequence[Entry]:
    """Those at the front that no later playlist will show otherwise; none, or many at once.

    Behind them there is always as much as may never be skipped.
    """
    longest = max((entry.lasts_us for entry in entries), default=0)
    reserve = max(_AT_REST // timedelta(microseconds=1), _skip_until_s(longest) * 1_000_000)
    end = len(entries)
    while end and reserve > 0:
        end -= 1
        reserve -= entries[end].lasts_us
    old = now - _AT_REST
    count = 0
    while count < end and entries[count].arrived_at < old:
        count += 1
    return entries[:count] if count >= _GROWTH else ()


def target_s(lasts_us: int) -> int:
    """The target duration of a playlist whose first, or longest, segment lasts so long."""
    return max(_LEAST_TARGET_S, math.ceil(lasts_us / 1_000_000))


def is_too_long(lasts_us: int, target: int) -> bool:
    """Whether a segment is longer than its playlist promises: rounded, as RFC 8216 counts."""
    return (lasts_us + 500_000) // 1_000_000 > target


def _skip_until_s(lasts_us: int) -> int:
    return _SKIP_TARGETS * target_s(lasts_us)


def media_playlist(
    entries: Iterable[Entry],
    *,
    running: bool,
    beginning: Beginning = Beginning(),
    skip: bool = False,
    ran: bool = False,
) -> str:
    """The playlist of these segments behind the beginning; only one that is running goes on.

    ``skip``: the player knows the beginning, as long as that is far enough from the end. ``ran``:
    players have it from when it was running.
    """
    listed = list(entries)
    whole = beginning.with_more(listed)
    decisive_us = whole.first_us if running or ran else whole.longest_us
    until = _skip_until_s(decisive_us)
    far = sum(entry.lasts_us for entry in listed) >= until * 1_000_000
    skips = skip and running and beginning.segments > 0 and far
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{9 if skips else 7}",
        f"#EXT-X-TARGETDURATION:{target_s(decisive_us)}",
        *([f"#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL={until}.0"] if running else []),
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if running else 'VOD'}",
        *(["#EXT-X-INDEPENDENT-SEGMENTS"] if whole.segments and whole.independent else []),
        *([f"#EXT-X-SKIP:SKIPPED-SEGMENTS={beginning.segments}"] if skips else []),
    ]
    text = "\n".join(lines) + "\n"
    text += _lines(beginning.last, listed) if skips else whole.lines
    return text if running else text + "#EXT-X-ENDLIST\n"


def _lines(before: Listed | Entry | None, entries: Iterable[Entry]) -> str:
    lines: list[str] = []
    for entry in entries:
        period_begins = before is None or before.period != entry.period
        follows = before is not None and before.number + 1 == entry.number and not period_begins
        if not follows:
            if before is not None:
                lines.append("#EXT-X-DISCONTINUITY")
            if period_begins:
                lines.append(f'#EXT-X-MAP:URI="periods/{entry.period}/init.mp4"')
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{format_utc(entry.began_at)}")
        seconds, rest = divmod(entry.lasts_us, 1_000_000)
        lines.append(f"#EXTINF:{seconds}.{rest:06d},\nsegments/{entry.number}.m4s")
        before = entry
    return "\n".join([*lines, ""])
