"""Livestreams: open, take periods and segments, close, watch (docs/design/live.md).

Every way in ends in ``put_init`` and ``put_segment``; nothing here knows a protocol.
"""

from recorder.services.live.arriving import finish_claimed
from recorder.services.live.chunks import ChunkArrival, put_chunk
from recorder.services.live.closing import may_close, request_close
from recorder.services.live.continuing import going_on, set_beside
from recorder.services.live.leases import (
    Position,
    digest_of,
    keep,
    let_go,
    position,
    promise,
    take,
)
from recorder.services.live.leaving_out import MOST_LEFT_OUT, leave_out
from recorder.services.live.listing import keep_beginnings
from recorder.services.live.losing import Damaged, lose
from recorder.services.live.marking import livestream_marks, make_mark
from recorder.services.live.opening import (
    Opening,
    check_delivery,
    find_livestream,
    list_livestreams,
    open_livestream,
)
from recorder.services.live.overdue import watch_overdue
from recorder.services.live.proxying import open_proxy, proxy_index
from recorder.services.live.push_keys import MadeKey, make_push_key
from recorder.services.live.rebuilding import rebuild_livestream
from recorder.services.live.receiving import (
    InitArrival,
    Receipt,
    Receiver,
    SegmentArrival,
    put_init,
    put_segment,
)
from recorder.services.live.replaying import Outcome, is_streamed, outcome, recorded_stream
from recorder.services.live.restricting import (
    lift_livestream_restriction,
    livestream_restrictions_of,
    restrict_livestream,
)
from recorder.services.live.sealing import seal
from recorder.services.live.sources import (
    PulledFrom,
    free_sources,
    keep_source,
    mark_source,
    miss_sound,
    open_pulled,
    source_errand,
    tell_clock,
    tell_source,
)
from recorder.services.live.srt_words import SrtWords, all_srt_words, srt_words
from recorder.services.live.stills import picture
from recorder.services.live.superseding import release_superseded
from recorder.services.live.telling import tell_segments
from recorder.services.live.upkeep import (
    extend_segment_locks,
    supplement_livestreams,
    watch_livestreams,
)
from recorder.services.live.viewing import (
    LivestreamView,
    livestream_events,
    look_at,
    view_livestream,
)
from recorder.services.live.wall import MOST as MOST_ON_WALL
from recorder.services.live.wall import Caution, Sight, sight, wall
from recorder.services.live.watching import (
    PLAYLIST_TYPE,
    SEGMENT_TYPE,
    OpenSegment,
    Ticket,
    grant,
    index,
    open_segment,
)

__all__ = [
    "MOST_LEFT_OUT",
    "MOST_ON_WALL",
    "PLAYLIST_TYPE",
    "SEGMENT_TYPE",
    "Caution",
    "ChunkArrival",
    "Damaged",
    "InitArrival",
    "LivestreamView",
    "MadeKey",
    "OpenSegment",
    "Opening",
    "Outcome",
    "Position",
    "PulledFrom",
    "Receipt",
    "Receiver",
    "SegmentArrival",
    "Sight",
    "SrtWords",
    "Ticket",
    "all_srt_words",
    "check_delivery",
    "digest_of",
    "extend_segment_locks",
    "find_livestream",
    "finish_claimed",
    "free_sources",
    "going_on",
    "grant",
    "index",
    "is_streamed",
    "keep",
    "keep_beginnings",
    "keep_source",
    "leave_out",
    "let_go",
    "lift_livestream_restriction",
    "list_livestreams",
    "livestream_events",
    "livestream_marks",
    "livestream_restrictions_of",
    "look_at",
    "lose",
    "make_mark",
    "make_push_key",
    "mark_source",
    "may_close",
    "miss_sound",
    "open_livestream",
    "open_proxy",
    "open_pulled",
    "open_segment",
    "outcome",
    "picture",
    "position",
    "promise",
    "proxy_index",
    "put_chunk",
    "put_init",
    "put_segment",
    "rebuild_livestream",
    "recorded_stream",
    "release_superseded",
    "request_close",
    "restrict_livestream",
    "seal",
    "set_beside",
    "sight",
    "source_address",
    "source_errand",
    "srt_words",
    "supplement_livestreams",
    "take",
    "tell_clock",
    "tell_segments",
    "tell_source",
    "view_livestream",
    "wall",
    "watch_livestreams",
    "watch_overdue",
]
