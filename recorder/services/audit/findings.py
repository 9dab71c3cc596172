"""What an audit can find: stable codes, each with its sentence, and the list that is kept."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime

#: Findings that are told one by one; more are only counted, so that memory is bounded.
MOST_TOLD = 10_000

#: Code → what is wrong. Codes never change their meaning; docs/guide/audit.md says what to do.
CODES: dict[str, str] = {
    "original-missing": "The store has no object under the key of this original.",
    "original-version-missing": "The store does not have the version that was sealed.",
    "original-length-differs": "The stored original has another length than its row says.",
    "original-digest-differs": "The bytes of the stored original are not those that were sealed.",
    "original-unclaimed": "An object among the originals belongs to no row.",
    "multipart-unclaimed": "An unfinished multipart upload in the store belongs to no row.",
    "delete-marker": "Somebody deleted without naming a version: a marker hides what is kept.",
    "sidecar-missing": "The sidecar of an original is not in the store.",
    "lock-short": "The lock of an original ends sooner than promised.",
    "duplicate-missing": "An object that repeats a recording is gone, and no row says so.",
    "duplicate-digest-differs": "The bytes of a kept duplicate are not those of its recording.",
    "segment-missing": "A segment of a livestream has a row and no object.",
    "segment-digest-differs": "The bytes of a segment of a livestream are not those that came.",
    "superseded-missing": "An object whose bytes lie in a volume is gone, and no row says so.",
    "superseded-digest-differs": "The bytes of a superseded object are not those that came.",
    "rendition-missing": "A rendition has a row and no object.",
    "rendition-length-differs": "A stored rendition has another length than its row says.",
    "rendition-digest-differs": "The bytes of a rendition are not those that were made.",
    "rendition-unclaimed": "An object among the renditions belongs to no row and no running task.",
    "piece-missing": "Acknowledged bytes of an open upload are not in the staging bucket.",
    "piece-digest-differs": "A staged piece of an open upload is not what was acknowledged.",
    "piece-unclaimed": "An object in the staging bucket belongs to no row.",
    "part-missing": "Acknowledged bytes of an open upload are not where their row says.",
    "part-digest-differs": "Bytes of an open upload in the store are not what was acknowledged.",
    "part-unclaimed": "A file or part in an open multipart upload is of no writer it had.",
    "recording-without-object": "A recording has no object, or its objects are not its length.",
    "recording-without-event": "No custody event says how this recording came to be.",
    "sealed-without-event": "A recording is sealed and no RecordingSealed event says so.",
    "seal-differs": "A recording is not what its RecordingSealed event says.",
    "simulated-with-object": "An invented recording has what only footage has.",
    "event-without-recording": "A custody event is about a recording that does not exist.",
    "event-leaf-differs": "The canonical bytes of a custody event are not those of its columns.",
    "links-miscounted": "The counter of a recording's cases is wrong.",
    "upload-without-recording": "A finished upload names a recording that does not exist.",
    "upload-bytes-missing": "Parts and pieces of an upload do not add up to its offset.",
}


class Level(enum.StrEnum):
    """How closely objects are looked at; each level does what those before it do."""

    #: Every key is there.
    PRESENCE = "presence"
    #: The pinned version, its length and its lock.
    SIZE = "size"
    #: Every byte is read and compared with its SHA-256.
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree."""

    code: str
    #: recording, upload, event or object.
    about_kind: str
    about: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What is wrong with what, for people."""
        end = f" ({self.detail})" if self.detail else ""
        return f"{CODES[self.code]} {self.about_kind} {self.about}{end}"


@dataclass
class Report:
    """What was looked at and what was found."""

    level: Level
    started_at: datetime
    finished_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Kind of thing → how many of it were looked at; ``bytes`` were read.
    looked_at: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not self.counts

    def found(self, code: str, about_kind: str, about: object, detail: str = "") -> None:
        """Keep a finding; one beyond the ten-thousandth is only counted."""
        self.counts[code] += 1
        if len(self.findings) < MOST_TOLD:
            self.findings.append(Finding(code, about_kind, str(about), detail))

    def to_json(self) -> dict[str, object]:
        """One object that says everything (docs/guide/audit.md)."""
        return {
            "clean": self.clean,
            "level": self.level.value,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "looked_at": dict(sorted(self.looked_at.items())),
            "counts": dict(sorted(self.counts.items())),
            "findings": [{**asdict(f), "sentence": f.sentence} for f in self.findings],
        }
