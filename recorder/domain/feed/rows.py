"""One row of a source: its canonical text, by which it is kept and told from others."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass
from typing import NoReturn, TypeGuard

from recorder.domain.feed.problems import Problem, ProblemCode, shown

#: A row is a few hundred bytes; nothing a case system says needs more.
MAX_ROW_BYTES = 64 * 1024
LONGEST_KEY = 200
#: What the column holds.
MAX_REVISION = 2**63 - 1

_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_ASCII = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class RowKind(enum.StrEnum):
    CASE = "case"
    EVENT = "event"
    DOCUMENT = "document"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A row as it is kept, with its own problem if nothing else can be asked of it."""

    #: Empty when it has none.
    key: str
    #: SHA-256 of ``text``.
    digest: bytes
    revision: int | None
    kind: RowKind | None
    #: The key that a withdrawal takes back.
    about: str | None
    #: Canonical JSON.
    text: str
    members: dict[str, object]
    problem: Problem | None = None

    @property
    def rank(self) -> tuple[int, bytes]:
        """By this rows of one key are compared; the highest wins."""
        return (-1 if self.revision is None else self.revision, self.digest)


def parse(content: bytes | str) -> FeedRow | Problem:
    """The row in this text; a bare Problem for what is no JSON object and cannot be kept."""
    if len(content) > MAX_ROW_BYTES:
        return Problem(ProblemCode.ROW_TOO_LARGE)
    try:
        loaded = _DECODER.decode(content if isinstance(content, str) else content.decode())
    except (ValueError, RecursionError):
        return Problem(ProblemCode.ROW_NOT_JSON)
    return of_value(loaded)


def of_value(loaded: object) -> FeedRow | Problem:
    """The row in a value that was read from JSON."""
    if not isinstance(loaded, dict):
        return Problem(ProblemCode.ROW_NOT_OBJECT)
    try:
        text = _ENCODER.encode(loaded)
        content = text.encode()
    except UnicodeEncodeError:
        # Half a character: no text column holds it, its escape does.
        text = _ASCII.encode(loaded)
        content = text.encode()
    except (ValueError, RecursionError):
        # 1e999 is infinite, which JSON cannot say.
        return Problem(ProblemCode.ROW_NOT_JSON)
    if len(content) > MAX_ROW_BYTES:
        return Problem(ProblemCode.ROW_TOO_LARGE)
    return _row(loaded, text, hashlib.sha256(content).digest())


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _row(members: dict[str, object], text: str, digest: bytes) -> FeedRow:
    key, revision, kind = members.get("key"), members.get("revision"), members.get("kind")
    named = key if is_key(key) else ""
    numbered = revision if _is_revision(revision) else None
    known = RowKind(kind) if isinstance(kind, str) and kind in _KINDS else None
    about: str | None = None
    problem: Problem | None = None
    if not named:
        problem = Problem(ProblemCode.KEY_MISSING, "key")
    elif known is None:
        problem = Problem(ProblemCode.KIND_UNKNOWN, "kind", shown(kind))
    elif known is RowKind.WITHDRAWAL:
        of = members.get("of")
        if is_key(of):
            about = of
        else:
            problem = Problem(ProblemCode.FIELD_MISSING, "of")
    if numbered is None:
        problem = problem or Problem(ProblemCode.REVISION_MISSING, "revision", shown(revision))
    return FeedRow(named, digest, numbered, known, about, text, members, problem)


_KINDS = frozenset(RowKind)


def is_key(value: object) -> TypeGuard[str]:
    """Whether it is text that a column holds, visible and not too long."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_KEY
        and not value.isspace()
        and "\0" not in value
        and _is_storable(value)
    )


def _is_storable(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def _is_revision(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MAX_REVISION
