"""Looking at footage: find, view, play, download, prove. Every view and download is an event."""

from recorder.services.review.interruptions import gap_reasons_of, give_gap_reason
from recorder.services.review.marking import mark_recording, recording_marks, withdraw_mark
from recorder.services.review.playback import (
    OpenObject,
    PlaybackGrant,
    grant_playback,
    open_original,
    open_playback,
    original_media_type,
    poster,
)
from recorder.services.review.restricting import (
    lift_restriction,
    recording_restrictions,
    restrict,
)
from recorder.services.review.viewing import (
    Playable,
    RecordingView,
    SentRecording,
    admit,
    ask_recording,
    continuation,
    find_recordings,
    may_take_original,
    receipt,
    recording,
    recording_events,
    recording_objects,
    view_recording,
)
from recorder.store.recording_lists import Query as RecordingQuery

__all__ = [
    "OpenObject",
    "Playable",
    "PlaybackGrant",
    "RecordingQuery",
    "RecordingView",
    "SentRecording",
    "admit",
    "ask_recording",
    "continuation",
    "find_recordings",
    "gap_reasons_of",
    "give_gap_reason",
    "grant_playback",
    "lift_restriction",
    "mark_recording",
    "may_take_original",
    "open_original",
    "open_playback",
    "original_media_type",
    "poster",
    "receipt",
    "recording",
    "recording_events",
    "recording_marks",
    "recording_objects",
    "recording_restrictions",
    "restrict",
    "view_recording",
    "withdraw_mark",
]
