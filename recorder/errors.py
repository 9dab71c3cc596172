"""Every failure the product can name, below everything that fails.

    RecorderError                 kind, stable code, title, facts
    ├── InvalidInput              the request cannot be understood
    ├── Unauthenticated           nobody, or a credential that is not ours
    ├── Forbidden                 known, and not allowed
    ├── NotFound                  no such thing, or outside the asker's scope
    ├── Conflict                  the thing is in another state than the asker believed
    ├── Gone                      it was there and is no more
    ├── PreconditionFailed        a required header or version does not fit
    ├── TooLarge                  over a stated limit
    ├── Unsupported               a form we do not take
    ├── Unprocessable             understood, and wrong in content
    ├── Locked                    somebody else holds it now
    ├── RateLimited               too many in too short a time
    ├── Unavailable               an outside system is away; trying again helps
    ├── StorageFull               no room for footage now; trying again helps
    ├── IntegrityError            bytes, digests or proofs do not fit: never retried, always alarms
    └── InternalError             our own mistake

A class stands for a kind; the code says which failure it is. Codes are kept in
``recorder/problems`` of docs/reference and never change their meaning. The kind decides the
HTTP status (``web/problems.py``) and whether a task is tried again (``workers/runner.py``).
"""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """What sort of failure it is; closed, so that every edge can match it exhaustively."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    GONE = "gone"
    PRECONDITION = "precondition"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"
    UNPROCESSABLE = "unprocessable"
    LOCKED = "locked"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    STORAGE_FULL = "storage-full"
    INTEGRITY = "integrity"
    INTERNAL = "internal"


Fact = str | int | bool | None | list[str] | list[dict[str, str | int]]


class RecorderError(Exception):
    """A failure with a kind, a stable code and facts that a person or program can act on.

    ``detail`` is a whole English sentence for the person who has to do something about it.
    """

    kind: Kind = Kind.INTERNAL

    def __init__(self, code: str, detail: str = "", **facts: Fact) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.facts = facts


class InvalidInput(RecorderError):
    kind = Kind.INVALID


class Unauthenticated(RecorderError):
    kind = Kind.UNAUTHENTICATED


class Forbidden(RecorderError):
    kind = Kind.FORBIDDEN


class NotFound(RecorderError):
    kind = Kind.NOT_FOUND


class Conflict(RecorderError):
    kind = Kind.CONFLICT


class Gone(RecorderError):
    kind = Kind.GONE


class PreconditionFailed(RecorderError):
    kind = Kind.PRECONDITION


class TooLarge(RecorderError):
    kind = Kind.TOO_LARGE


class Unsupported(RecorderError):
    kind = Kind.UNSUPPORTED


class Unprocessable(RecorderError):
    kind = Kind.UNPROCESSABLE


class Locked(RecorderError):
    kind = Kind.LOCKED


class RateLimited(RecorderError):
    kind = Kind.RATE_LIMITED


class Unavailable(RecorderError):
    kind = Kind.UNAVAILABLE


class StorageFull(RecorderError):
    kind = Kind.STORAGE_FULL


class IntegrityError(RecorderError):
    kind = Kind.INTEGRITY


class InternalError(RecorderError):
    kind = Kind.INTERNAL
