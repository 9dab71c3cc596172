"""Playlists of the very segments that are evidence (RFC 8216); text only, no bytes.

Where numbers or periods do not follow each other stands a discontinuity with the wall time behind
it. Addresses are relative, so that they hold under whatever ticket the playlist was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.instant import format_utc
from recorder.domain.livestream import PATIENCE

#: What a segment is taken to last whose length cannot be read.
_UNKNOWN_US = 2_000_000
#: A smaller target would have players ask more often than segments come.
_LEAST_TARGET_S = 2


@dataclass(frozen=True, slots=True)
class Entry:
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


def settled(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Of a running livestream, what may be listed: a list that later ones only add to.

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
    awaited = 1
    for place, entry in enumerate(kept):
        if entry.number != awaited and now < _first_arrival(kept[place:]) + PATIENCE:
            return kept[:place]
        awaited = entry.number + 1
    return kept


def _first_arrival(entries: Sequence[Entry]) -> datetime:
    return min(entry.arrived_at for entry in entries)


def media_playlist(entries: Iterable[Entry], *, running: bool) -> str:
    """The playlist of these segments; one that is running goes on, one that is not has its end."""
    listed = list(entries)
    longest = max((entry.lasts_us for entry in listed), default=0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(_LEAST_TARGET_S, math.ceil(longest / 1_000_000))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if running else 'VOD'}",
    ]
    if listed and all(entry.keyframe for entry in listed):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    before: Entry | None = None
    for entry in listed:
        period_begins = before is None or before.period != entry.period
        follows = before is not None and before.number + 1 == entry.number and not period_begins
        if before is not None and not follows:
            lines.append("#EXT-X-DISCONTINUITY")
        if period_begins:
            lines.append(f'#EXT-X-MAP:URI="periods/{entry.period}/init.mp4"')
        if not follows:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{format_utc(entry.began_at)}")
        lines.append(f"#EXTINF:{entry.lasts_us / 1_000_000:.6f},")
        lines.append(f"segments/{entry.number}.m4s")
        before = entry
    if not running:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
