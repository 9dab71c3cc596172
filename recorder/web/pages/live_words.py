"""What livestreams, marks and interruptions are called on pages: English message ids (words.py)."""

from __future__ import annotations

LIVE_STATES = {
    "open": "Waiting for the device",
    "live": "Live now",
    "interrupted": "Interrupted",
    "closing": "Closing",
    "closed": "Over",
}
GAP_CAUSES = {
    "start": "Beginning",
    "reconnect": "The device connected again",
    "silence": "Nothing came",
    "time_jump": "The device's time jumped",
    "codec_change": "The device changed its picture",
    "taken_over": "Another publisher took over",
    "discontinuity": "The source does not join on",
    "media_lost": "Media were lost on the way",
    "ingest_failed": "Our receiver failed",
    "segments_missing": "Segments are missing",
    "segments_damaged": "Damaged on a disk of ours before they were stored",
    "unknown": "Unknown",
    "requested": "Asked for",
}
MARKS = {
    "important": "Important",
    "violation": "Violation",
    "scene": "Scene and checking",
    "person": "Person",
    "evidence": "Taking evidence",
    "documents": "Documents made and served",
    "other": "Other",
    "announcement": "Recording announced",
    "voice_statement": "Voice statement",
    "seizure": "Sealing or seizure",
    "approval": "Reported and approved",
    "two_officers": "Two officers act",
    "id_shown": "Identity cards shown",
    "summon_party": "Party asked to come",
    "reasons_and_rights": "Reasons and rights told",
    "defence_heard": "Defence heard",
    "onsite_record": "On-site record made",
    "signatures": "Signed or sealed",
    "witness": "Witness present",
    "other_procedure": "Other procedure of law",
}
INTERRUPTIONS = {
    "equipment_failure": "Equipment failure",
    "battery": "Battery empty",
    "storage": "Storage full",
    "weather": "Weather",
    "obstruction": "Obstruction by others",
    "other": "Other reason",
}
INTERRUPTION_PLACES = {
    "begin": "Begin of the recording",
    "gap": "Gap",
    "end": "End of the recording",
}
REFUSALS = {
    "key-missing": "No key",
    "key-unknown": "Wrong key",
    "key-in-name": "The key is the stream's name",
    "stream-unknown": "Not this key's stream",
    "agency-contradicted": "Another agency's",
}
#: Why nothing comes from where a livestream is fetched (live/fetching.py).
TROUBLES = {
    "unreachable": "Its address does not answer",
    "forbidden": "It leads into a network that the settings do not allow",
    "unauthorised": "It does not take user name and password",
    "refused": "It refuses, or has no such stream",
    "nothing-recordable": "It sends nothing that can be recorded",
    "encrypted": "It sends encrypted media, which cannot be recorded",
    "broken": "What it sends breaks the rules of its protocol",
    "silent": "It is connected and sends nothing",
    "ended": "It has ended the stream; it is asked again",
    "unreadable": "Its address was stored under another key of the service",
    "not-kept": "Store or database do not take what it sends",
}
WORDS = {
    "live_state": LIVE_STATES,
    "gap_cause": GAP_CAUSES,
    "mark": MARKS,
    "interruption": INTERRUPTIONS,
    "interruption_place": INTERRUPTION_PLACES,
    "refusal": REFUSALS,
    "trouble": TROUBLES,
}
