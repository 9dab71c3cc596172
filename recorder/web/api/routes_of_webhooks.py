"""Rows of webhooks."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import feed_schemas, schemas
from recorder.web import webhook_shapes as shapes
from recorder.web.api import webhooks
from recorder.web.route import Answer, Route

_TAGS = ("webhooks",)
_WEBHOOKS = "/api/v1/webhooks"

WEBHOOK_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=_WEBHOOKS,
        handler=webhooks.find,
        permission=Permission.ADMINISTER,
        summary="The webhooks that the asker sees.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.WebhooksShape),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_WEBHOOKS,
        handler=webhooks.add,
        permission=Permission.ADMINISTER,
        summary="Send facts to an address from now on; the secret is shown this once.",
        request=feed_schemas.WebhookBody,
        answer=Answer(status=201, schema=shapes.AddedWebhookShape),
        problems=(
            "webhook-address-invalid",
            "webhook-topics-missing",
            "agency-not-found",
            "agency-scope",
        ),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_WEBHOOKS}/{{id}}/deliveries",
        handler=webhooks.deliveries,
        permission=Permission.ADMINISTER,
        summary="Messages to a webhook behind a position, and how sending them went.",
        query=schemas.EventsQuery,
        answer=Answer(schema=shapes.DeliveriesShape),
        problems=("webhook-not-found",),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_WEBHOOKS}/{{id}}/replay",
        handler=webhooks.replay,
        permission=Permission.ADMINISTER,
        summary="Send messages behind a position again, with the ids that they had.",
        request=feed_schemas.ReplayBody,
        answer=Answer(schema=shapes.ReplayedShape),
        problems=("webhook-not-found", "webhook-stopped"),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_WEBHOOKS}/{{id}}/stop",
        handler=webhooks.stop,
        permission=Permission.ADMINISTER,
        summary="Send nothing to a webhook any more.",
        request=schemas.ReasonBody,
        answer=Answer(status=204),
        problems=("webhook-not-found", "webhook-stopped", "reason-missing"),
        tags=_TAGS,
    ),
)
