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
#: More marks than a page shows are not counted.
MOST_MARKS = 500


@dataclass(frozen=True, slots=True)
class Recent:
    """The last WINDOW segments of a livestream."""

    length: int
    duration_us: int
    #: The first segment of all, which playlists are planned by; and the longest of these.
    first_us: int
    longest_us: int
    #: Media since the last keyframe; None where keyframes cannot be told, or the last one is new.
    since_keyframe_us: int | None
    #: The end of the newest segment by the device's clock, if it says one, and when it was here.
    newest_recorded_at: datetime | None
    newest_arrived_at: datetime | None
    #: The device's clock against ours at the one that came soonest; None where it says no time.
    clock_offset_ms: int | None
    #: Segments that are on their way to the store, and since when.
    waiting: int
    waiting_since: datetime | None
    #: Of the newest period.
    tracks: tuple[Track, ...]
    #: Marks on it that stand, MOST_MARKS at most.
    marks: int

    def clock_ahead_ms(self, measured_ms: int | None) -> int | None:
        """By how much the device's clock is ahead of ours, measured when it was opened, or since.

        Segments come after they were recorded, some of them hours later: whatever is on its way
        makes a clock look slow, and nothing makes it look fast.
        """
        known = [each for each in (measured_ms, self.clock_offset_ms) if each is not None]
        return max(known, default=None)


#: Of a livestream that has no segment.
NOTHING = Recent(0, 0, 0, 0, None, None, None, None, 0, None, (), 0)


async def recent(
    connection: Connection, livestreams: Sequence[LivestreamId]
) -> dict[LivestreamId, Recent]:
    """Of each livestream that has a segment."""
    rows = await connection.fetch(
        "WITH newest AS (SELECT s.*, max(s.number) FILTER (WHERE s.keyframe)"
        "   OVER (PARTITION BY s.livestream_id) AS keyed"
        " FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT livestream_id, number,"
        "   length_bytes, duration_us, keyframe, arrived_at,"
        "   device_at + coalesce(duration_us, 0) * interval '1 microsecond' AS recorded_at"
        "   FROM livestream_segment"
        "   WHERE livestream_id = w.id AND number > 0 AND state = 'stored'"
        "   ORDER BY number DESC LIMIT $2) s),"
        " told AS (SELECT livestream_id, sum(length_bytes) AS length,"
        "   coalesce(sum(duration_us), 0) AS duration_us, max(number) AS highest,"
        "   coalesce(max(duration_us), 0) AS longest_us,"
        "   sum(duration_us) FILTER (WHERE keyframe = false AND number > coalesce(keyed, 0))"
        "     AS since_keyframe_us,"
        "   (array_agg(recorded_at ORDER BY number DESC))[1] AS newest_recorded_at,"
        "   (array_agg(arrived_at ORDER BY number DESC))[1] AS newest_arrived_at,"
        "   round(1000 * max(extract(epoch FROM recorded_at - arrived_at)))::bigint"
        "     AS clock_offset_ms"
        " FROM newest GROUP BY livestream_id)"
        " SELECT told.*, on_way.*, p.tracks, coalesce(f.duration_us, 0) AS first_us,"
        " (SELECT count(*) FROM (SELECT FROM mark WHERE livestream_id = told.livestream_id"
        "   AND withdrawn_at IS NULL LIMIT $3) AS m) AS marks FROM told"
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
        MOST_MARKS,
    )
    return {
        row["livestream_id"]: Recent(
            length=int(row["length"]),
            duration_us=int(row["duration_us"]),
            first_us=row["first_us"],
            longest_us=row["longest_us"],
            since_keyframe_us=(
                None if row["since_keyframe_us"] is None else int(row["since_keyframe_us"])
            ),
            newest_recorded_at=row["newest_recorded_at"],
            newest_arrived_at=row["newest_arrived_at"],
            clock_offset_ms=row["clock_offset_ms"],
            waiting=row["waiting"],
            waiting_since=row["waiting_since"],
            tracks=tuple(Track.from_json(each) for each in row["tracks"] or ()),
            marks=row["marks"],
        )
        for row in rows
    }
