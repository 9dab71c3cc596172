"""What alarms and failures of tasks say to people; ``sentences`` fills in their facts.

English message ids; the catalogue has the Chinese. Of several forms the first one is said whose
facts are all there: rows of older versions have none, so the last form needs none.
"""

from __future__ import annotations

ALARMS: dict[str, tuple[str, ...]] = {
    "recording_mismatched": (
        "The stored original is not what arrived or was declared: %(reasons)s.",
        "The stored original is not what arrived or was declared.",
    ),
    "task_failed": (
        "%(task)s: %(error)s",
        "A task has ended without success and is not tried again by itself.",
    ),
    "quarantine_waiting": (
        "Recordings that have waited for a decision for more than a day: %(count)s.",
        "Recordings have waited for a decision for more than a day.",
    ),
    "store_canary_failed": (
        "A trial object was not kept as the store must keep footage; a locked original might be"
        " changed or deleted.",
    ),
    "store_unavailable": (
        "The store of footage gives no answer (%(error_code)s).",
        "The store of footage gives no answer.",
    ),
    "disk_low": (
        "Only %(room_bytes)s are left for footage.",
        "Little room is left for footage.",
    ),
    "lock_expiring": (
        "The lock ends on %(until_at)s and could not be made longer (%(error_code)s).",
        "The lock of an original could not be made longer.",
    ),
    "upload_stuck": (
        "The bytes of %(original_name)s that were acknowledged cannot be made a recording"
        " (%(error_code)s).",
        "The acknowledged bytes of an upload cannot be made a recording.",
    ),
    "workers_silent": (
        "Tasks that are due and that nobody takes: %(count)s.",
        "Tasks are due and nobody takes them.",
    ),
    "audit_findings": (
        "Database, store and events do not agree: %(findings)s.",
        "Database, store and events do not agree.",
    ),
    "database_younger": (
        "The store holds the sign of another state of the database, of %(marker_at)s. Uploads are"
        " refused and nothing is removed.",
        "This database has no recordings, but the store holds footage. Uploads are refused and"
        " nothing is removed.",
    ),
    "fixity_failed": (
        "Read back after sealing, the original is not what was sealed: %(reasons)s. It was right"
        " on %(right_at)s.",
        "Read back after sealing, the original is not what was sealed.",
    ),
    "fixity_overdue": (
        "An original was last read back %(days)s days ago; %(planned_days)s days at most were"
        " planned.",
        "Originals are not read back as often as planned.",
    ),
    "delete_markers": (
        "Somebody has deleted objects in the store, the first on %(first_at)s: %(count)s. Locked"
        " versions are kept, and footage is read as before.",
        "Somebody has deleted objects in the store. Locked versions are kept, and footage is read"
        " as before.",
    ),
    "live_spool": (
        "Livestreams wait on the disk of %(host)s until store and database take them:"
        " %(waiting_bytes)s.",
        "Livestreams wait on the disk of their ingest until store and database take them.",
    ),
    "live_damaged": (
        "The disk of %(host)s damaged segment %(number)s of “%(title)s” before it was stored. The"
        " file is kept there; the gap says so, and the rest goes on.",
        "The disk of an ingest machine damaged a part of a livestream before it was stored.",
    ),
    "second_publisher": (
        "Somebody at %(address)s tried to publish “%(title)s” while another one did, and was"
        " refused.",
        "Somebody tried to publish a livestream while another one did, and was refused.",
    ),
    "livestream_interrupted": (
        "Nothing has come of “%(title)s” for minutes, and nobody has ended it.",
        "Nothing has come of a livestream for minutes, and nobody has ended it.",
    ),
    "livestream_incomplete": (
        "“%(title)s” is over, and its sender has not delivered the rest for an hour.",
        "A livestream is over, and its sender has not delivered the rest for an hour.",
    ),
    "livestream_unowned": (
        "The process that received “%(title)s” is gone, and no other one has taken it over.",
        "The process that received a livestream is gone, and no other one has taken it over.",
    ),
    "livestream_unfetched": (
        "Nothing can be fetched of “%(title)s” for five minutes; its page says why.",
        "Nothing can be fetched of a livestream for five minutes; its page says why.",
    ),
    "gateway_files_missing": (
        "The gateway %(title)s told of files and streams of which nothing is here: %(files)s files,"
        " %(streams)s streams.",
        "A gateway told of files or streams of which nothing is here.",
    ),
}
#: What to do, after the sentence.
STEPS: dict[str, str] = {
    "recording_mismatched": (
        "Keep the device and its card, and upload again. Do not rely on this recording."
    ),
    "task_failed": "Mend the cause, then start the task again among the failed work.",
    "quarantine_waiting": "Admit each with a reason, or find out whose it is.",
    "store_canary_failed": (
        "Have the lock and version settings of the store checked before more footage arrives."
    ),
    "store_unavailable": (
        "Bring the store back. Uploads wait meanwhile; nothing that was acknowledged is lost."
    ),
    "disk_low": "Make room before uploads have to be refused.",
    "lock_expiring": "Have the store checked before the lock ends; recorder doctor names causes.",
    "upload_stuck": "Keep the device and its card, and upload again.",
    "workers_silent": "Start a worker: recorder work.",
    "audit_findings": "Run recorder audit; it names each difference.",
    "fixity_failed": (
        "Do not rely on this recording. Stop changes to the store and have it checked; copies may"
        " hold the sealed bytes."
    ),
    "delete_markers": (
        "Find out whose keys or which rule of the store did it, and stop that; then remove the"
        " markers, never a version."
    ),
    "fixity_overdue": "Start more workers, or let them read more in a day.",
    "live_spool": (
        "Bring store and database back; they go up by themselves. Keep that machine and its disk."
    ),
    "live_damaged": (
        "Keep that disk and its files, and have it checked or exchanged. Ask for the device's own"
        " card: it has those seconds."
    ),
    "second_publisher": (
        "Find out whose two encoders have one key; if one is a stranger's, revoke the key."
    ),
    "livestream_interrupted": "Ask the officer; if it is over, close it.",
    "livestream_incomplete": (
        "Bring the sender back into the network; after the deadline it is sealed with gaps."
    ),
    "livestream_unowned": "Start an ingest process; its spool lies on the machine of the old one.",
    "livestream_unfetched": "See to the camera and its network; it is asked again by itself.",
    "gateway_files_missing": "See whether recorder live gateway runs beside that media server and"
    " whether the files lie in its folder; the alarm ends by itself when they come.",
    "database_younger": "Point the service at the right database, or run recorder rebuild.",
}

_STORE_AWAY = "The store of footage could not be reached or broke off."
_STORE_LOST = "The store did not give back what it had taken. Have the store checked."
_NO_ROOM = "There is no room for the result. Make room, then start it again."
_NOT_SHOWN = (
    "No form for viewing could be made of it. The original is sealed and can be downloaded."
)
_OWN_MISTAKE = "The service made a mistake. Tell the administrator; the log has the rest."
_DATABASE = "The database could not be reached."

TASK_FAILURES: dict[str, tuple[str, ...]] = {
    "original-missing": (
        "The original is not in the store under its version. Keep the device and its card.",
    ),
    "task-timeout": (
        "It took longer than the limit of %(limit_s)s seconds.",
        "It took longer than the limit.",
    ),
    "worker-lost": ("Every worker that tried it died or vanished; it may need too much memory.",),
    "media-stalled": ("The media tool made no progress and was ended.",),
    "media-tool-missing": ("No ffmpeg was found on the worker. Install it, then start it again.",),
    "media-source-away": ("The original could not be read while it was looked at.",),
    "rendition-failed": (_NOT_SHOWN,),
    "rendition-short": (
        "The viewing copy came out shorter than the original (%(found_ms)s of %(expected_ms)s).",
        "The viewing copy came out shorter than the original.",
    ),
    "rendition-no-room": (_NO_ROOM,),
    "storage-full": (_NO_ROOM,),
    "store-unavailable": (_STORE_AWAY,),
    "database-unavailable": (_DATABASE,),
    "store-bytes-missing": (_STORE_LOST,),
    "store-checksum-mismatch": (_STORE_LOST,),
    "object-not-found": (_STORE_LOST,),
    "original-differs": (
        "A segment is not what arrived. Have the store checked; keep the device and its card.",
    ),
    "volume-differs": (
        "The store gave back something else than was written. The segments are safe; have the"
        " store checked, then start it again.",
    ),
    "volumes-changed": ("It was changed meanwhile. Start it again.",),
    "recording-decided": ("It was decided already by another run.",),
    **dict.fromkeys(
        (
            "already-exists", "change-without-event", "database-refused", "internal-error",
            "local-file-unreadable", "media-source-empty", "multipart-gone", "not-probed",
            "object-exists", "object-key-malformed", "object-locked", "part-number-malformed",
            "part-too-small", "range-outside-object", "recording-not-found",
            "rendition-not-needed", "rendition-unreachable", "store-parts-not-contiguous",
            "store-parts-out-of-order", "text-not-storable",
        ),
        (_OWN_MISTAKE,),
    ),
}  # fmt: skip
#: For a code that nobody has explained.
TASK_FAILED = "It ended without success."

MISMATCHES: dict[str, str] = {
    "length": "another length",
    "arrival_digests": "other bytes than arrived",
    "declared_sha256": "not the digest that the device declared",
    "manifest": "its manifest lists something else",
    "original-missing": "the original is gone",
    "digest": "other bytes than were sealed",
    "missing": "the original is gone",
    "unreadable": "it could not be read",
}
FINDINGS: dict[str, str] = {
    "original-missing": "originals missing",
    "original-version-missing": "sealed versions missing",
    "original-length-differs": "originals of other length",
    "original-digest-differs": "originals with other bytes",
    "original-unclaimed": "originals that nobody knows",
    "multipart-unclaimed": "unfinished multipart uploads that nobody knows",
    "delete-marker": "delete markers",
    "sidecar-missing": "sidecars missing",
    "lock-short": "locks too short",
    "duplicate-missing": "duplicates missing",
    "duplicate-digest-differs": "duplicates with other bytes",
    "segment-missing": "segments of livestreams missing",
    "segment-digest-differs": "segments of livestreams with other bytes",
    "superseded-missing": "replaced segments missing",
    "superseded-digest-differs": "replaced segments with other bytes",
    "rendition-missing": "viewing forms missing",
    "rendition-length-differs": "viewing forms of other length",
    "rendition-digest-differs": "viewing forms with other bytes",
    "rendition-unclaimed": "viewing forms that nobody knows",
    "piece-missing": "pieces of uploads missing",
    "piece-digest-differs": "pieces of uploads with other bytes",
    "piece-unclaimed": "pieces of uploads that nobody knows",
    "part-missing": "bytes of open uploads missing",
    "part-digest-differs": "bytes of open uploads that differ",
    "part-unclaimed": "files or parts in open uploads that nobody knows",
    "recording-without-object": "recordings without their object",
    "recording-without-event": "recordings without an event",
    "sealed-without-event": "seals without an event",
    "seal-differs": "seals that differ from their event",
    "simulated-with-object": "invented recordings with what only footage has",
    "event-without-recording": "events without a recording",
    "event-leaf-differs": "events whose bytes differ",
    "links-miscounted": "wrong counts of cases",
    "upload-without-recording": "uploads without a recording",
    "upload-bytes-missing": "uploads that lack bytes",
}
#: Notes that the product itself writes when it clears an alarm.
NOTES: dict[str, str] = {
    text: text
    for text in (
        "Its cause is gone.",
        "The database knows what the store knows.",
        "A later audit found nothing.",
        "The task was started again.",
        "Every original has been read back in time.",
        "Every original is locked as far ahead as promised.",
    )
}
WORDS = {
    "mismatch": MISMATCHES,
    "finding": FINDINGS,
    "note": NOTES,
    #: The form that needs no facts.
    "failure": {code: forms[-1] for code, forms in TASK_FAILURES.items()},
}
