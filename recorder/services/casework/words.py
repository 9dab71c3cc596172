"""What people write about cases, checked: numbers, schemes, stages, titles."""

from __future__ import annotations

from recorder.domain.case import CaseIdentifier, Scheme, Stage
from recorder.domain.case_number import CaseNumber
from recorder.errors import InvalidInput
from recorder.services import names

LONGEST_TITLE = 200


def identifier(number: str, scheme: Scheme | str = Scheme.CASE) -> CaseIdentifier:
    """The number in its three forms; InvalidInput for no number or an unknown scheme."""
    try:
        known = Scheme(scheme)
    except ValueError as error:
        raise InvalidInput(
            "scheme-unknown",
            f"The scheme of a number is one of: {', '.join(Scheme)}.",
            given=str(scheme),
        ) from error
    parsed = CaseNumber.parse(number)
    return CaseIdentifier(known, parsed.raw, parsed.norm, parsed.key)


def stage(given: Stage | str | None) -> Stage | None:
    """One of the six stages of the law, or None; else InvalidInput ``stage-unknown``."""
    try:
        return Stage(given) if given else None
    except ValueError as error:
        raise InvalidInput(
            "stage-unknown", f"The stage is one of: {', '.join(Stage)}.", given=str(given)
        ) from error


def title(given: str | None) -> str | None:
    """The title without blanks around it; an empty one is none."""
    return names.bounded(given, LONGEST_TITLE, "title")
