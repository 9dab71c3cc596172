"""What the newest segments of running livestreams say: rate, keyframes, clocks, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId
from recorder.store.connection import Connection

#: So many of the newest segments are looked at: half a minute to a minute.
WINDOW = 30


@dataclass(frozen=True, slots=True)
class Recent:
    """The last WINDOW segments of a livestream."""

    livestream: LivestreamId
    segments: int
    length: int
    duration_us: int
    #: The first segment of all, which playlists are planned by; and the longest of these.
    first_us: int
    longest_us: int
    #: Media since the last keyframe; None where keyframes cannot be told, or the last one is new.
    since_keyframe_us: int | None
    newest_device_at: datetime | None
    newest_arrived_at: datetime | None
    #: Segments that are on their way to the store, and since when.
    waiting: int
    waiting_since: datetime | None
    #: Of the newest period.
    tracks: tuple[Track, ...]


async def recent(connection: Connection, livestreams: Sequence[LivestreamId]) -> list[Recent]:
    """One for each livestream that has a segment."""
    rows = await connection.fetch(
        "WITH newest AS (SELECT s.*, max(s.number) FILTER (WHERE s.keyframe)"
        "   OVER (PARTITION BY s.livestream_id) AS keyed"
        " FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT livestream_id, number,"
        "   length_bytes, duration_us, keyframe, device_at, arrived_at FROM livestream_segment"
        "   WHERE livestream_id = w.id AND number > 0 AND state = 'stored'"
        "   ORDER BY number DESC LIMIT $2) s),"
        " told AS (SELECT livestream_id, count(*) AS segments, sum(length_bytes) AS length,"
        "   coalesce(sum(duration_us), 0) AS duration_us, max(number) AS highest,"
        "   coalesce(max(duration_us), 0) AS longest_us,"
        "   sum(duration_us) FILTER (WHERE keyframe = false AND number > coalesce(keyed, 0))"
        "     AS since_keyframe_us,"
        "   (array_agg(device_at ORDER BY number DESC))[1] AS newest_device_at,"
        "   (array_agg(arrived_at ORDER BY number DESC))[1] AS newest_arrived_at"
        " FROM newest GROUP BY livestream_id)"
        " SELECT told.*, on_way.*, p.tracks, coalesce(f.duration_us, 0) AS first_us FROM told"
        " CROSS JOIN LATERAL (SELECT count(*) AS waiting, min(arrived_at) AS waiting_since"
        "   FROM livestream_segment i WHERE i.livestream_id = told.livestream_id"
        "   AND i.number > told.highest - $2 AND i.state = 'intended') on_way"
        " LEFT JOIN LATERAL (SELECT tracks FROM livestream_period"
        "   WHERE livestream_id = told.livestream_id ORDER BY number DESC LIMIT 1) p ON true"
        " LEFT JOIN LATERAL (SELECT duration_us FROM livestream_segment"
        "   WHERE livestream_id = told.livestream_id AND number > 0 AND state = 'stored'"
        "   ORDER BY number LIMIT 1) f ON true",
        list(livestreams),
        WINDOW,
    )
    return [
        Recent(
            livestream=row["livestream_id"],
            segments=row["segments"],
            length=int(row["length"]),
            duration_us=int(row["duration_us"]),
            first_us=row["first_us"],
            longest_us=row["longest_us"],
            since_keyframe_us=(
                None if row["since_keyframe_us"] is None else int(row["since_keyframe_us"])
            ),
            newest_device_at=row["newest_device_at"],
            newest_arrived_at=row["newest_arrived_at"],
            waiting=row["waiting"],
            waiting_since=row["waiting_since"],
            tracks=tuple(Track.from_json(each) for each in row["tracks"] or ()),
        )
        for row in rows
    ]
