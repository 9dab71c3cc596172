"""What can go wrong between a device and the service, sorted by what the client does about it.

TryLater          the network or the service is away for now: wait, ask for the offset, go on
UploadVanished    the service knows this upload no more: send the file anew
OffsetDiffers     the service continues elsewhere: ask for the offset
AccessRefused     the token is not (or no longer) good for uploads: stop everything
FileRefused       this file cannot be taken as it is: report it, go on with the others
SourceChanged     the local file is another one than at the start: report it, send it anew
ProofFailed       receipt, digest or key do not fit: report it, never delete, never call it done
"""

from __future__ import annotations

from recorder.errors import (
    Conflict,
    Forbidden,
    Gone,
    IntegrityError,
    Unavailable,
    Unprocessable,
)


class TryLater(Unavailable):
    """Trying again helps. ``retry_after`` is the service's wish in seconds, if it has one."""

    def __init__(self, code: str, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class UploadVanished(Gone):
    """404 or 410 on an upload: it expired, or another service stands behind the address."""


class OffsetDiffers(Conflict):
    """409 on a PATCH: bytes arrived of which the client has had no answer."""


class AccessRefused(Forbidden):
    """401 or 403: no file can be sent with this token."""


class FileRefused(Unprocessable):
    """The service names a reason why this file is not taken."""


class SourceChanged(Conflict):
    """Size, modification time or inode of the local file differ from what they were."""


class ProofFailed(IntegrityError):
    """The proof for a file is missing a property it must have."""
