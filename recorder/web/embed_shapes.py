"""JSON of embeds, and what requests for them may hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from recorder.web.schemas import Body
from recorder.web.shape import Shape

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class EmbedBody(Body):
    """Which case is to be shown to whom."""

    number: Annotated[_Text, Field(description="whole number of the case, any bracket style")]
    organ: Annotated[_Text | None, Field(description="agency code, if several have it")] = None
    on_behalf_of: Annotated[_Text, Field(description="name and number of who will look")]


class EmbedShape(Shape):
    """Where a frame shows the case."""

    url: str
    expires_at: datetime
