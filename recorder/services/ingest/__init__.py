"""From a sender's bytes to a recording: open, append, complete, expire (docs/design/upload.md).

``begin`` must be called once for each process before the first append, ``shutdown`` at its end.
"""

from recorder.services.ingest.bodies import BodyReader, ChunkedBody, ConnectionLost, Sink
from recorder.services.ingest.finishing import complete
from recorder.services.ingest.intake import IntakeUsage, begin, intake_usage, shutdown
from recorder.services.ingest.locks import extend_locks
from recorder.services.ingest.opening import (
    Origin,
    UploadStatus,
    open_upload,
    origin_of,
    terminate,
    upload_metadata,
    upload_status,
)
from recorder.services.ingest.orphans import sweep_intents
from recorder.services.ingest.receiving import Checksum, append, check_append
from recorder.services.ingest.upkeep import (
    expire_overdue,
    release_duplicates,
    sweep_pieces,
)

__all__ = [
    "BodyReader",
    "Checksum",
    "ChunkedBody",
    "ConnectionLost",
    "IntakeUsage",
    "Origin",
    "Sink",
    "UploadStatus",
    "append",
    "begin",
    "check_append",
    "complete",
    "expire_overdue",
    "extend_locks",
    "intake_usage",
    "open_upload",
    "origin_of",
    "release_duplicates",
    "shutdown",
    "sweep_intents",
    "sweep_pieces",
    "terminate",
    "upload_metadata",
    "upload_status",
]
