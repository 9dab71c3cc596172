"""What a case mentions beside its numbers: the plan of a joint check, parties (R80, R84)."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case_number import CaseNumber, normalise
from recorder.domain.ids import CaseId


class MentionKind(enum.StrEnum):
    #: The number of the plan of a joint check: cases of several organs bear it, and several of one.
    PLAN = "plan"
    #: A company or a person; by name, a company by its unified social credit code too.
    PARTY = "party"


@dataclass(frozen=True, slots=True)
class Mention:
    """A plan or a party as somebody writes it."""

    kind: MentionKind
    text: str
    #: Of a party: the unified social credit code, as written but for blanks and case.
    code: str = ""

    @property
    def find(self) -> str:
        """Equal for all spellings. Raises InvalidInput ``case-number-…`` for what holds nothing."""
        key = CaseNumber.parse(self.text).key
        return key if self.kind is MentionKind.PLAN else name_key(self.text) or key


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMention:
    """A mention of a case, with who says so."""

    id: uuid.UUID
    case: CaseId
    kind: MentionKind
    text: str
    code: str
    #: A system says it: people cannot take it back.
    from_feed: bool
    said_at: datetime
    said_by: str


def name_key(text: str) -> str:
    """A name without blanks, in one width and case; InvalidInput ``case-number-too-long``."""
    return normalise(text).casefold()


def credit_code(text: str) -> str:
    """A code without blanks, in one width and case."""
    return normalise(text).upper()
