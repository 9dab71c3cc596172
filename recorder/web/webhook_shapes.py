"""Answers about webhooks."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import Field

from recorder.services.webhooks import AddedEndpoint
from recorder.store.webhooks import Delivery, Endpoint
from recorder.web.shape import Shape


class WebhookShape(Shape):
    """Where facts are sent."""

    id: uuid.UUID
    agency: str
    city: bool = Field(description="hears of every agency")
    url: str
    topics: tuple[str, ...]
    created_at: datetime
    stopped_at: datetime | None
    stopped_why: str | None
    troubles: int = Field(description="how many times in a row the receiver was away")
    rests_until: datetime | None = Field(description="it is left alone until then, being away")

    @classmethod
    def of(cls, endpoint: Endpoint) -> WebhookShape:
        return cls(
            id=endpoint.id,
            agency=endpoint.agency_code,
            city=endpoint.city,
            url=endpoint.url,
            topics=endpoint.topics,
            created_at=endpoint.created_at,
            stopped_at=endpoint.stopped_at,
            stopped_why=endpoint.stopped_why,
            troubles=endpoint.troubles,
            rests_until=endpoint.rests_until,
        )


class WebhooksShape(Shape):
    """The webhooks that the asker sees."""

    items: tuple[WebhookShape, ...]


class AddedWebhookShape(WebhookShape):
    """A new webhook with its secret."""

    secret: str = Field(description="whsec_…, signs every message; shown this once")

    @classmethod
    def of_added(cls, added: AddedEndpoint) -> AddedWebhookShape:
        return cls(**dict(WebhookShape.of(added.endpoint)), secret=added.secret)


class DeliveryShape(Shape):
    """One message, and how sending it went."""

    position: int
    message: uuid.UUID = Field(description="its webhook-id")
    topic: str
    made_at: datetime
    state: Literal["waiting", "taken", "failed"]
    attempts: int
    tried_at: datetime | None
    due_at: datetime
    status: int | None = Field(description="what the receiver answered last")
    trouble: str | None = Field(
        description="forbidden-address, unreachable, timeout, secret-unreadable"
    )

    @classmethod
    def of(cls, found: Delivery) -> DeliveryShape:
        return cls.model_validate({name: getattr(found, name) for name in cls.model_fields})


class DeliveriesShape(Shape):
    """Messages in their order; the last position is where to go on."""

    items: tuple[DeliveryShape, ...]


class ReplayedShape(Shape):
    """How many messages are sent again."""

    messages: int
