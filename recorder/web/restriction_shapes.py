"""Bodies and answers about restrictions of who may watch."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from recorder.domain.restriction import (
    LivestreamRestriction,
    Restriction,
    RestrictionGround,
)
from recorder.web.schemas import Body
from recorder.web.shape import Shape


class RestrictionBody(Body):
    """Why only some may watch it."""

    ground: Annotated[RestrictionGround, Field(strict=False)]
    basis: Annotated[
        str, Field(min_length=1, max_length=1000, description="the article, or the consent")
    ]


class RestrictionShape(Shape):
    """Who imposed it, on what basis, and who lifted it."""

    id: uuid.UUID
    ground: str = Field(description="private_space, personal_privacy, commercial_secret or minor")
    basis: str
    imposed_at: datetime
    imposed_by: str
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None

    @classmethod
    def of(cls, restriction: Restriction | LivestreamRestriction) -> RestrictionShape:
        return cls(
            id=restriction.id,
            ground=restriction.ground.value,
            basis=restriction.basis,
            imposed_at=restriction.imposed_at,
            imposed_by=restriction.imposed_by,
            lifted_at=restriction.lifted_at,
            lifted_by=restriction.lifted_by,
            lift_reason=restriction.lift_reason,
        )
