"""What a device says about a file, in the form of tus's Upload-Metadata header.

Names and times are passed on as they are: reading file names is the service's work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from recorder.domain.case import Stage
from recorder.domain.provenance import Camera, ProvenanceKind
from recorder.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the operator or the dock knows about a file; everything may be missing."""

    case_numbers: tuple[str, ...] = ()
    stage: Stage | None = None
    officer: str | None = None
    device: str | None = None
    dock: str | None = None
    note: str | None = None
    device_started_at: datetime | None = None
    device_ended_at: datetime | None = None
    #: From a gateway: the livestream whose footage it is, and where the file lay.
    livestream: str | None = None
    path: str | None = None
    #: Of what a person brings: from whom or what, why, who handed it over, when, their receipt.
    provenance: ProvenanceKind | None = None
    provenance_reason: str | None = None
    provider: str | None = None
    handed_over_at: datetime | None = None
    provider_receipt: str | None = None
    #: With what it was made.
    camera: Camera | None = None

    def __post_init__(self) -> None:
        for number in self.case_numbers:
            if "," in number or not number.strip():
                raise InvalidInput(
                    "case-number-invalid",
                    f"{number!r} is no case number: it is empty or contains a comma. "
                    "Name several cases by giving --case several times.",
                )

    def fingerprint(self) -> str:
        """The same for the same statements: an upload is continued only under its own."""
        fields = {key: str(value) for key, value in asdict(self).items() if value}
        canonical = json.dumps(fields, sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:32]


def device_clock_now() -> str:
    """The device's clock with its zone (RFC 3339); the service notes how far it is off."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def upload_metadata(path: Path, metadata: Metadata, *, clock: str, sha256: str | None) -> str:
    """The value of Upload-Metadata (tus 1.0.0, creation): keys and base64 values.

    The file name goes out as the bytes the file system has, whatever their encoding (GBK names
    are common); ``sha256`` in lower-case hex only if the digest is known already.
    """
    fields: dict[str, bytes] = {
        "filename": os.fsencode(path.name),
        "device_clock_at": clock.encode(),
    }
    guessed, encoding = mimetypes.guess_type(path.name, strict=False)
    if guessed is not None and encoding is None:
        fields["filetype"] = guessed.encode()
    texts = {
        "device": metadata.device,
        "dock": metadata.dock,
        "case_number": ",".join(metadata.case_numbers),
        "stage": metadata.stage,
        "officer": metadata.officer,
        "note": metadata.note,
        "device_started_at": _written(metadata.device_started_at),
        "device_ended_at": _written(metadata.device_ended_at),
        "livestream": metadata.livestream,
        "path": metadata.path,
        "provenance": metadata.provenance,
        "provenance_reason": metadata.provenance_reason,
        "provider": metadata.provider,
        "handed_over_at": _written(metadata.handed_over_at),
        "provider_receipt": metadata.provider_receipt,
        "camera": metadata.camera,
        "sha256": sha256,
    }
    # Arguments of a command line may carry bytes that are no UTF-8; they travel unchanged.
    fields.update(
        {key: text.encode("utf-8", "surrogateescape") for key, text in texts.items() if text}
    )
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in fields.items())


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
