"""Words of running the service: tasks, alarms, audits, fixity."""

from __future__ import annotations

TASKS = {
    "verify": "Verify the original",
    "probe": "Read the media",
    "poster": "Make the poster",
    "codes": "Read filmed codes",
    "proxy": "Prepare for viewing",
    "examine": "Examine for damage",
    "compact": "Put into large objects",
}
TASK_STATES = {
    "pending": "Waiting",
    "claimed": "Running",
    "done": "Done",
    "failed": "Failed",
}
ALARMS = {
    "recording_mismatched": "Footage does not match what arrived",
    "task_failed": "A task failed",
    "quarantine_waiting": "Footage waits in quarantine",
    "store_canary_failed": "The store does not protect footage",
    "store_unavailable": "The store cannot be reached",
    "disk_low": "Little disk space left",
    "lock_expiring": "The lock of originals is about to end",
    "upload_stuck": "An upload cannot be completed",
    "workers_silent": "No worker is running",
    "audit_findings": "The audit found differences",
    "database_younger": "The database is younger than the store",
    "fixity_failed": "A sealed original is not what was sealed",
    "fixity_overdue": "Originals are read back too late",
    "delete_markers": "Somebody deletes in the store",
    "live_spool": "Livestreams wait outside the store",
    "live_damaged": "A part of a livestream was damaged before it was stored",
    "second_publisher": "Two publish one livestream",
    "livestream_interrupted": "A livestream is interrupted",
    "livestream_incomplete": "A livestream lacks segments",
    "livestream_unowned": "A livestream has lost its receiver",
    "livestream_unfetched": "A livestream cannot be fetched",
    "gateway_files_missing": "What a gateway told of has not come",
}
ALARM_STATES = {"raised": "Open", "acknowledged": "Acknowledged", "cleared": "Cleared"}
SEVERITIES = {"critical": "Critical", "warning": "Warning"}
AUDIT_LEVELS = {
    "presence": "Presence",
    "size": "Version and size",
    "digest": "Every byte",
}
AUDIT_STATES = {"running": "Under way", "completed": "Completed", "abandoned": "Given up"}
AUDIT_STEPS = {
    "originals": "originals",
    "duplicates": "copies",
    "segments": "segments of livestreams",
    "superseded": "small objects of compacted livestreams",
    "renditions": "derived forms",
    "pieces": "staged pieces",
    "parts": "bytes of open uploads",
    "listed originals": "what the store lists",
    "listed renditions": "what the store lists",
    "listed pieces": "what the store lists",
    "hidden originals": "delete markers",
    "hidden renditions": "delete markers",
    "multiparts": "unfinished multipart uploads",
    "uploads": "uploads",
    "events": "custody events",
}
FIXITY = {
    "digest": "Other bytes",
    "length": "Another length",
    "missing": "Not in the store",
    "unreadable": "Cannot be read",
}
WORDS = {
    "task": TASKS,
    "task_state": TASK_STATES,
    "alarm": ALARMS,
    "alarm_state": ALARM_STATES,
    "severity": SEVERITIES,
    "audit_level": AUDIT_LEVELS,
    "audit_state": AUDIT_STATES,
    "audit_step": AUDIT_STEPS,
    "fixity": FIXITY,
}
