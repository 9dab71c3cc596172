"""What happens to registries: files that were taken."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class RegistryImported(CustodyEvent):
    """A file of a registry was taken, whole; the subject is the import itself."""

    SUBJECT = SubjectKind.SYSTEM
    kind: str
    file_name: str
    #: SHA-256 of the file.
    digest: str
    length: int
    rows: int
    added: int
    changed: int
    ended: int
