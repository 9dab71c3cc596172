"""Every code that pages say in words: states, stages, reasons, events, problems.

Texts are English message ids; the catalogue has the Chinese. A test demands that each code the
product can show stands here and each text in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recorder.web.i18n import Catalogue
from recorder.web.pages import (
    coverage_words,
    done_words,
    duty_words,
    explanations,
    feed_words,
    finding_words,
    live_words,
    registry_words,
    work_explanations,
)

_STATES = {
    "receiving": "Being received",
    "received": "Not verified yet",
    "sealed": "Sealed",
    "mismatched": "Mismatched",
    "quarantined": "Quarantined",
}
_CASE_STATES = {
    "provisional": "Provisional",
    "confirmed": "Confirmed",
    "merged": "Merged",
}
_REFUSALS = {
    "key-missing": "No key",
    "key-unknown": "Wrong key",
    "key-in-name": "The key is the stream's name",
    "stream-unknown": "Not this key's stream",
    "agency-contradicted": "Another agency's",
}
_STAGES = {
    "initiation": "Initiation",
    "investigation": "Investigation",
    "review": "Review",
    "decision": "Decision",
    "service": "Service",
    "enforcement": "Enforcement",
}
_TASKS = {
    "verify": "Verify the original",
    "probe": "Read the media",
    "poster": "Make the poster",
    "proxy": "Prepare for viewing",
    "examine": "Examine for damage",
    "compact": "Put into large objects",
}
_TASK_STATES = {
    "pending": "Waiting",
    "claimed": "Running",
    "done": "Done",
    "failed": "Failed",
}
_UPLOAD_STATES = {
    "open": "Receiving",
    "completing": "Completing",
    "finished": "Finished",
    "removed": "Removed",
}
_ROLES = {
    "device": "Device",
    "dock": "Dock",
    "officer": "Officer",
    "supervisor": "Supervisor",
    "administrator": "Administrator",
    "source": "Case system",
}
_ACTORS = {
    "device": "device",
    "dock": "dock",
    "person": "person",
    "program": "program",
    "worker": "worker",
    "service": "service",
    "operator": "operator",
    "nobody": "nobody",
}
_DEVICE_STATES = {"active": "Active", "suspended": "Suspended", "lost": "Lost"}
_ORIGINS = {"upload": "With the upload", "person": "By a person", "merge": "By merging",
            "rule": "By rule, automatically", "device": "By the device",
            "metadata": "By a program"}  # fmt: skip
_SOURCES = {"metadata": "said by the sender", "file_name": "from the file name",
            "media": "from the media file"}  # fmt: skip
_SHOWABLE = {
    "as_is": "Plays as it is",
    "remux": "Copied into MP4 for viewing",
    "transcode": "Converted for viewing",
    "picture": "Still picture",
    "audio": "Sound only",
    "none": "Cannot be shown",
}
_PROFILES = {"proxy": "Viewing copy", "poster": "Poster", "original": "Original"}
_ALARMS = {
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
    "second_publisher": "Two publish one livestream",
    "livestream_interrupted": "A livestream is interrupted",
    "livestream_incomplete": "A livestream lacks segments",
    "livestream_unowned": "A livestream has lost its receiver",
    "livestream_unfetched": "A livestream cannot be fetched",
}
_COPY_STATES = {
    "proposed": "Perhaps the same event",
    "matched": "The same event",
    "rejected": "Not the same event",
}
_AUDIT_LEVELS = {
    "presence": "Presence",
    "size": "Version and size",
    "digest": "Every byte",
}
_AUDIT_STATES = {"running": "Under way", "completed": "Completed", "abandoned": "Given up"}
_AUDIT_STEPS = {
    "originals": "originals",
    "duplicates": "copies",
    "segments": "segments of livestreams",
    "superseded": "small objects of compacted livestreams",
    "renditions": "derived forms",
    "pieces": "staged pieces",
    "listed originals": "what the store lists",
    "listed renditions": "what the store lists",
    "listed pieces": "what the store lists",
    "hidden originals": "delete markers",
    "hidden renditions": "delete markers",
    "multiparts": "unfinished multipart uploads",
    "uploads": "uploads",
    "events": "custody events",
}
_FIXITY = {
    "digest": "Other bytes",
    "length": "Another length",
    "missing": "Not in the store",
    "unreadable": "Cannot be read",
}
_SEVERITIES = {"critical": "Critical", "warning": "Warning"}
_ALARM_STATES = {"raised": "Open", "acknowledged": "Acknowledged", "cleared": "Cleared"}
_EVENTS = {
    "UploadCompleted": "Upload completed",
    "DuplicateReceived": "The same content came again",
    "DuplicateReleased": "The copy was let go",
    "RecordingRebuilt": "Found again from its sidecar",
    "RecordingAssembled": "Made of a livestream",
    "RecordingQuarantined": "Put into quarantine",
    "RecordingAdmitted": "Admitted",
    "CardCopyProposed": "Perhaps the card copy",
    "CardCopyMatched": "Card copy found",
    "CardCopyRejected": "Not the card copy",
    "LiveCopyReleased": "Live copy released",
    "LiveCopyKept": "Live copy kept again",
    "RecordingSealed": "Verified and sealed",
    "RecordingMismatched": "Found mismatched",
    "FixityFailed": "Not what was sealed when read back",
    "FixityRestored": "What was sealed again when read back",
    "MediaProbed": "Media read",
    "RenditionMade": "Derived form made",
    "RecordingViewed": "Page viewed",
    "PlaybackGranted": "Played",
    "OriginalDownloaded": "Original downloaded",
    "ReceiptIssued": "Receipt issued",
    "TaskFailed": "Task failed",
    "TaskRetried": "Task started again",
    "RecordingMarked": "Marked",
    "RecordingMarkWithdrawn": "Mark withdrawn",
    "GapReasonGiven": "Interruption explained",
    "RecordingLinked": "Linked to a case",
    "RecordingUnlinked": "Unlinked from a case",
    "LivestreamOpened": "Livestream opened",
    "LivestreamKeyMade": "Stream key handed out",
    "LivestreamSourceNamed": "Camera address set",
    "LivestreamBegan": "Livestream began",
    "LivestreamFileBegan": "File of the device began",
    "LivestreamPeriodBegan": "Period began",
    "LivestreamSegmentsReceived": "Segments received",
    "LivestreamSegmentConflicted": "A second body for a segment",
    "LivestreamInterrupted": "Livestream interrupted",
    "LivestreamResumed": "Livestream goes on",
    "LivestreamViewed": "Page viewed",
    "LivestreamWatched": "Watched",
    "LivestreamMarked": "Marked",
    "LivestreamClosing": "Livestream closing",
    "LivestreamClosed": "Livestream closed",
    "LivestreamRebuilt": "Found again from the store",
    "RecordingCompacted": "Put into large objects",
    "SupersededReleased": "Small objects were let go",
    "CaseOpened": "Case opened",
    "CaseAmended": "Case amended",
    "CaseMerged": "Case merged",
    "CaseMergeRejected": "Merge refused",
    "CaseViewed": "Case viewed",
}
_FACTS = {
    "reason": "Reason",
    "reasons": "Reasons",
    "role": "This one is",
    "other": "The other one",
    "overlap_ms": "In common (ms)",
    "clock_shift_ms": "Clock shift (ms)",
    "number": "Number",
    "stage": "Stage",
    "origin": "How",
    "profile": "Form",
    "task": "Task",
    "code": "Code",
    "detail": "Detail",
    "attempts": "Attempts",
    "original_name": "File",
    "length": "Length in bytes",
    "first_byte": "From byte",
    "last_byte": "To byte",
    "sha256": "SHA-256",
    "showable": "Showing",
    "flags": "Remarks",
    "tool": "Tool",
    "tool_version": "Version",
    "worker": "Worker",
    "scheme": "Kind of number",
    "title": "Title",
    "state": "State",
    "before": "Before",
    "after": "After",
    "incomplete": "Upload ended early",
    "gaps": "Gaps in the media",
    "segments": "Segments",
    "period": "Period",
    "cause": "Cause",
    "place": "For",
    "interruption": "Reason given",
    "kind": "Kind",
    "note": "Note",
}

#: Why nothing comes from where a livestream is fetched (live/fetching.py).
_TROUBLES = {
    "unreachable": "Its address does not answer",
    "forbidden": "It leads into a network that the settings do not allow",
    "unauthorised": "It does not take user name and password",
    "refused": "It refuses, or has no such stream",
    "nothing-recordable": "It sends nothing that can be recorded",
    "broken": "What it sends breaks the rules of its protocol",
    "silent": "It is connected and sends nothing",
    "ended": "It has ended the stream; it is asked again",
    "unreadable": "Its address was stored under another key of the service",
    "not-kept": "Store or database do not take what it sends",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "trouble": _TROUBLES,
    "state": _STATES,
    "case_state": _CASE_STATES,
    "stage": _STAGES,
    "scheme": feed_words.SCHEMES,
    "task": _TASKS,
    "task_state": _TASK_STATES,
    "upload_state": _UPLOAD_STATES,
    "role": _ROLES,
    "actor": _ACTORS,
    "device_state": _DEVICE_STATES,
    "organisation_kind": registry_words.ORGANISATION_KINDS,
    "registry_act_type": registry_words.ACT_TYPES,
    "registry": registry_words.REGISTRIES,
    "fate": registry_words.FATES,
    "import_fault": registry_words.IMPORT_FAULTS,
    "refusal": _REFUSALS,
    "origin": _ORIGINS,
    "source": _SOURCES,
    "showable": _SHOWABLE,
    "profile": _PROFILES,
    "alarm": _ALARMS,
    "fixity": _FIXITY,
    "copy_state": _COPY_STATES,
    "audit_level": _AUDIT_LEVELS,
    "audit_state": _AUDIT_STATES,
    "audit_step": _AUDIT_STEPS,
    "severity": _SEVERITIES,
    "alarm_state": _ALARM_STATES,
    "event": {**_EVENTS, **finding_words.EVENTS},
    "fact": _FACTS,
    "live_state": live_words.LIVE_STATES,
    "gap_cause": live_words.GAP_CAUSES,
    "mark": live_words.MARKS,
    "interruption": live_words.INTERRUPTIONS,
    "interruption_place": live_words.INTERRUPTION_PLACES,
    "evidence": coverage_words.EVIDENCE,
    "scene": coverage_words.SCENES,
    "scene_state": coverage_words.SCENE_STATES,
    "finding_act": coverage_words.FINDING_ACTS,
    "finding_state": coverage_words.FINDING_STATES,
    "finding_severity": finding_words.SEVERITIES,
    "confidence": finding_words.CONFIDENCES,
    "done": done_words.DONE,
    "feed_problem": feed_words.FEED_PROBLEMS,
    "mapped_event": coverage_words.SCENES,
    "mapped_act_type": feed_words.ACT_TYPES,
    "mapped_stage": _STAGES,
    **duty_words.WORDS,
    "flag": {code: title for code, (title, _) in explanations.FLAGS.items()},
    "quarantine": {code: title for code, (title, _) in explanations.QUARANTINE.items()},
    "problem": explanations.PROBLEMS,
    "mismatch": work_explanations.MISMATCHES,
    "finding": work_explanations.FINDINGS,
    "note": work_explanations.NOTES,
    #: The form that needs no facts.
    "failure": {code: forms[-1] for code, forms in work_explanations.TASK_FAILURES.items()},
}
#: What to make of a reason word, in a sentence or two.
ADVICE: Mapping[str, Mapping[str, str]] = {
    "flag": {code: text for code, (_, text) in explanations.FLAGS.items()},
    "quarantine": {code: text for code, (_, text) in explanations.QUARANTINE.items()},
}


def word(messages: Catalogue, group: str, code: object) -> str:
    """What a code is called on pages; a code that nobody has named is shown as it is."""
    text = WORDS[group].get(str(code))
    return messages.gettext(text) if text else str(code)


def reasons(messages: Catalogue, codes: Iterable[str]) -> list[str]:
    """Why footage was quarantined or found mismatched, code by code."""
    groups = {code: group for group in ("mismatch", "quarantine") for code in WORDS[group]}
    return [word(messages, groups.get(code, "quarantine"), code) for code in codes]


def link_reason(messages: Catalogue, text: str) -> str:
    """Why a recording was linked: evidence in words, else as somebody wrote it."""
    codes = text.split()
    if not set(codes) <= set(coverage_words.EVIDENCE):
        return text
    return " · ".join(word(messages, "evidence", code) for code in codes)


def advice(messages: Catalogue, group: str, code: object) -> str:
    """What a reason word means for the reader; empty for one that nobody has explained."""
    text = ADVICE[group].get(str(code))
    return messages.gettext(text) if text else ""


def known(group: str, code: str | None) -> str | None:
    """The code if pages have a word for it: addresses may hold anything."""
    return code if code in WORDS[group] else None


def known_problem(code: str | None) -> str | None:
    """As ``known``; a problem without a sentence of its own is told as a refusal."""
    if code is None:
        return None
    return code if code in WORDS["problem"] else "refused"


def _is_of_livestream(facts: Mapping[str, object]) -> bool:
    """Whether a sealing names the manifest of a livestream instead of each object."""
    objects = facts.get("objects")
    return isinstance(objects, list) and any("listed" in each for each in objects)


def facts_of(facts: Mapping[str, object]) -> list[tuple[str, object]]:
    """What a custody event says that people read: names of ``fact`` with plain values."""
    shown: list[tuple[str, object]] = []
    for name in _FACTS:
        value = facts.get(name)
        if value is None or value is False or value in ("", [], {}):
            continue
        if name == "incomplete" and _is_of_livestream(facts):
            # Earlier events said so of gaps in the media, which no upload has.
            shown.append(("gaps", True))
            continue
        if name == "gaps" and not value:
            continue
        if name == "detail" and "code" in facts:
            # English, for programs; the code has its sentence.
            continue
        shown.append((name, value))
    return shown


__all__ = ["ADVICE", "WORDS", "advice", "facts_of", "known", "known_problem", "reasons", "word"]
