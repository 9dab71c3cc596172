"""What the uploader tells about its files while it works and at the end; values only."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class FileState(enum.StrEnum):
    """Where a file is on its way. The last four are ends; only the first two of them are good."""

    WAITING = "waiting"
    #: The digest of the whole file, or of what was sent earlier, is being computed.
    HASHING = "hashing"
    SENDING = "sending"
    #: All bytes are there; the service reads them back and signs the receipt.
    VERIFYING = "verifying"
    SEALED = "sealed"
    #: Sealed all the same; a supervisor has yet to say whose it is.
    QUARANTINED = "quarantined"
    #: The service stored other bytes than were sent. Kept there, and never called done here.
    MISMATCHED = "mismatched"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """How it ended for one file."""

    path: Path
    state: FileState
    recording: str | None = None
    #: Lower-case hex of the local file.
    sha256: str | None = None
    #: Stable code of the failure, such as ``source-changed``.
    code: str | None = None
    #: A sentence for the operator when it did not end well.
    error: str | None = None
    #: Why it is quarantined, in the service's words.
    quarantine_reasons: tuple[str, ...] = ()
    receipt: Path | None = None
    #: The local file is gone, by the operator's wish.
    deleted: bool = False

    @property
    def done(self) -> bool:
        """The recording is sealed and its receipt was checked against the local file."""
        return self.state in (FileState.SEALED, FileState.QUARANTINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """One step of one file: ``sent`` of ``length`` bytes are at the service or on their way."""

    path: Path
    state: FileState
    sent: int
    length: int
    #: A sentence worth a line: a lost connection, a changed file.
    notice: str | None = None
    #: Set in the last step of the file.
    result: FileResult | None = None


ProgressCallback = Callable[[FileProgress], None]
