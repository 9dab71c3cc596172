"""Why a row waits in the pool, or could not be taken at all."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
#: Of what stands in a member that cannot be read; also the longest code that can be mapped.
LONGEST_SHOWN = 200


class ProblemCode(enum.StrEnum):
    """Each has its sentence on the page of the pool and its row in the guide."""

    # Not kept: there is no row.
    ROW_NOT_JSON = "row-not-json"
    ROW_NOT_OBJECT = "row-not-object"
    ROW_TOO_LARGE = "row-too-large"
    # Mended by the row itself, sent again.
    KEY_MISSING = "key-missing"
    REVISION_MISSING = "revision-missing"
    KIND_UNKNOWN = "kind-unknown"
    FIELD_MISSING = "field-missing"
    FIELD_MALFORMED = "field-malformed"
    NUMBERS_MISSING = "numbers-missing"
    ORGAN_MISSING = "organ-missing"
    ORGAN_FOREIGN = "organ-foreign"
    # Mended by us: a mapping, an agency, the row of the case.
    CODE_UNMAPPED = "code-unmapped"
    ORGAN_UNKNOWN = "organ-unknown"
    CASE_UNKNOWN = "case-unknown"

    @property
    def is_kept(self) -> bool:
        """Whether there is a row that waits in the pool."""
        return self not in _NOT_KEPT


_NOT_KEPT = frozenset(
    {ProblemCode.ROW_NOT_JSON, ProblemCode.ROW_NOT_OBJECT, ProblemCode.ROW_TOO_LARGE}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in which member, and what stands there."""

    code: ProblemCode
    field: str | None = None
    value: str | None = None


def storable(text: str) -> str:
    """The text with a sign for what no text column holds: NUL, half a character."""
    return _UNSTORABLE.sub("\ufffd", text)


def shown(value: object) -> str | None:
    """What stands in a member, short enough for a list."""
    return None if value is None else storable(str(value)[:LONGEST_SHOWN])


class RowUnreadable(Exception):
    """Leaves the reading of a row; never leaves this package."""

    def __init__(self, code: ProblemCode, field: str | None = None, value: object = None):
        super().__init__(code)
        self.problem = Problem(code, field, shown(value))
