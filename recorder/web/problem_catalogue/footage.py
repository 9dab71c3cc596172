"""Problems of recordings: originals, forms for viewing, copies, marks."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        gap_reason_invalid=("The reason does not fit", "The detail says what to mend."),
        digest_malformed=("Malformed digest", "Write `algorithm:hex`."),
        local_file_unreadable=("File unreadable", "The operator must look at the disk."),
        object_key_malformed=(
            "Malformed object key",
            "The service made a key its store does not take; report it.",
        ),
        range_outside_object=("Range outside the object", "Ask for bytes that are there."),
        store_address_malformed=("Malformed store address", "Mend the configuration."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        footage_restricted=(
            "Restricted footage",
            "Its officer and supervisors of its agency watch it, as persons; see /restrictions.",
        ),
        object_locked=("Object locked", "It can be let go when its lock has ended."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        object_not_found=(
            "Object missing",
            "The store does not have what it should; tell the operator.",
        ),
        playback_grant_ended=("Playback address ended", "Ask for another at `/playback`."),
        poster_not_found=("No poster", "None was made, or not yet."),
        gap_not_found=("No such gap", "`gaps` says how many the recording has, from 0."),
        restriction_not_found=("No such restriction", "It is lifted, or another recording's."),
        mark_not_found=("No such mark", "It is withdrawn, or another recording's."),
        recording_not_found=("No such recording", "It is not there, or not your business."),
    ),
    **of_kind(
        Kind.CONFLICT,
        object_exists=(
            "Object exists",
            "An object of this key was written before; the operator must look.",
        ),
        playback_impossible=(
            "Nothing to show",
            "Download the original; `flags` says what is odd about it.",
        ),
        review_awaited=(
            "Not reviewed",
            "A supervisor of its agency reviews its content; until then it is only played.",
        ),
        review_not_needed=(
            "No review needed",
            "Say first that it is from surveillance, if it is.",
        ),
        recordings_no_pair=("No such pair", "Ask /copies for the pairs of a recording."),
        card_copy_decided=("Decided already", "Load the pair again."),
        card_copy_missing=("No card copy", "Upload it, wait until it is sealed, confirm the pair."),
        live_copy_released=("Live copy released", "Take its release back first."),
        live_copy_decided=("Decided already", "Load the recording again."),
        playback_not_ready=("Being prepared", "Ask again when its tasks are done."),
        recording_decided=(
            "Decided already",
            "The recording is sealed or mismatched; nothing changes that.",
        ),
        recording_simulated=("No footage", "It was invented by a simulator and proves nothing."),
        simulated_beside_footage=(
            "Real footage beside it",
            "A demonstration has a data folder of its own.",
        ),
        recording_not_quarantined=("Not in quarantine", "The recording has been let in before."),
        run_lost=("Run taken over", "Another worker has this run."),
        volumes_changed=("Changed meanwhile", "Retry the task on the page of work."),
    ),
    **of_kind(
        Kind.UNPROCESSABLE,
        provenance_incomplete=(
            "Something is missing",
            "Footage handed over needs who and when, other footage why it was brought by hand.",
        ),
        mark_time_invalid=(
            "The time of the mark is impossible",
            "Send the time of the picture that was shown.",
        ),
        mark_origin_invalid=("A person noticed it", "Only programs name another origin."),
        rendition_failed=(
            "Rendition failed",
            "The original cannot be turned into this form; it can be downloaded.",
        ),
        rendition_short=("Rendition too short", "The media tool lost part of it; retry the task."),
    ),
    **of_kind(
        Kind.UNAVAILABLE,
        media_source_away=("Original not readable now", "The task is tried again by itself."),
        media_stalled=("Media tool stalled", "The task is tried again by itself."),
        media_tool_missing=("Media tool missing", "Install ffmpeg, or set RECORDER_FFMPEG."),
        store_unavailable=("Object store away", "Try again after Retry-After."),
    ),
    **of_kind(
        Kind.STORAGE_FULL,
        rendition_no_room=("No room for a rendition", "Have space freed; then retry the task."),
    ),
}
