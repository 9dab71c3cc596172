"""Bodies and answers about where footage comes from, and of which classes it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from recorder.domain.case import CaseClass
from recorder.domain.provenance import Provenance, ProvenanceKind
from recorder.web.schemas import Body, Moment, ReasonBody
from recorder.web.shape import Shape


class ProvenanceBody(Body):
    """Handed over by somebody: who and when. Else: why it was brought by hand."""

    kind: Annotated[ProvenanceKind, Field(strict=False)]
    reason: Annotated[str | None, Field(max_length=1000, description="why by hand")] = None
    provider: Annotated[str | None, Field(max_length=100, description="who handed it over")] = None
    handed_over_at: Moment | None = None
    receipt: Annotated[
        str | None, Field(max_length=100, description="number of the receipt they got")
    ] = None


class ClassesBody(ReasonBody):
    """The classes that it is of by itself, in place of those it was; with the reason."""

    classes: Annotated[tuple[CaseClass, ...], Field(max_length=8, strict=False)]


class ClassesShape(Shape):
    classes: tuple[str, ...] = Field(
        description="evidence, obstruction, mass_incident, major, first_breach, slight_breach"
    )


class ReviewBody(ReasonBody):
    """What became of the review of fixed monitoring, with the reason."""

    outcome: Literal["passed", "refused"]


class ReviewShape(Shape):
    review: str = Field(description="passed or refused")


class ProvenanceShape(Shape):
    """What was said last; custody events keep what was said before."""

    kind: str = Field(description="party, witness, surveillance, organ, card or other")
    reason: str | None
    provider: str | None
    handed_over_at: datetime | None
    receipt: str | None
    stated_at: datetime
    stated_by: str

    @classmethod
    def of(cls, said: Provenance) -> ProvenanceShape:
        return cls(
            kind=said.kind.value,
            reason=said.reason,
            provider=said.provider,
            handed_over_at=said.handed_over_at,
            receipt=said.receipt,
            stated_at=said.stated_at,
            stated_by=said.stated_by,
        )
