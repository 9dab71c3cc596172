"""Words of recordings and uploads: states, where a fact comes from, how it is shown."""

from __future__ import annotations

STATES = {
    "receiving": "Being received",
    "received": "Not verified yet",
    "sealed": "Sealed",
    "mismatched": "Mismatched",
    "simulated": "Simulated",
    "quarantined": "Quarantined",
}
UPLOAD_STATES = {
    "open": "Receiving",
    "completing": "Completing",
    "finished": "Finished",
    "removed": "Removed",
}
SOURCES = {
    "metadata": "said by the sender",
    "file_name": "from the file name",
    "media": "from the media file",
    "arrival": "by its arrival here, while it was made",
}
SHOWABLE = {
    "as_is": "Plays as it is",
    "remux": "Copied into MP4 for viewing",
    "transcode": "Converted for viewing",
    "picture": "Still picture",
    "audio": "Sound only",
    "none": "Cannot be shown",
}
PROFILES = {"proxy": "Viewing copy", "poster": "Poster", "original": "Original"}
RESTRICTIONS = {
    "private_space": "Private place",
    "personal_privacy": "Personal privacy",
    "commercial_secret": "Commercial secret",
    "minor": "A minor",
}
PROVENANCES = {
    "party": "Handed over by the party",
    "witness": "Handed over by a witness",
    "surveillance": "From video surveillance",
    "organ": "Handed on by another organ",
    "card": "Copied by hand",
    "other": "From elsewhere",
    "unsaid": "Origin not said",
}
CAMERAS = {
    "body": "Body camera",
    "vehicle": "Vehicle camera",
    "room": "Camera of a room",
    "surveillance": "Video surveillance",
    "drone": "Drone",
    "phone": "Phone",
    "hand": "Hand-held camera",
    "sound": "Sound recorder",
    "other": "Another camera",
}
REVIEWS = {
    "awaited": "Content not reviewed yet",
    "passed": "Content reviewed: passed",
    "refused": "Content reviewed: no evidence",
}
COPY_STATES = {
    "proposed": "Perhaps the same event",
    "matched": "The same event",
    "rejected": "Not the same event",
}
WORDS = {
    "state": STATES,
    "upload_state": UPLOAD_STATES,
    "source": SOURCES,
    "showable": SHOWABLE,
    "profile": PROFILES,
    "copy_state": COPY_STATES,
    "restriction": RESTRICTIONS,
    "provenance": PROVENANCES,
    "camera": CAMERAS,
    "content_review": REVIEWS,
}
