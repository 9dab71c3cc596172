"""Rows of gateways: their hooks, which the secret in the address lets in, and their upkeep."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import gateway_shapes as shapes
from recorder.web import schemas
from recorder.web.api import gateways
from recorder.web.route import Answer, Handler, Route

_TAGS = ("gateways",)
_GATEWAYS = "/api/v1/gateways"
_HOOKS = "/api/v1/gateways/hooks/{secret}"
_HOOK_PROBLEMS = (
    "body-not-json",
    "body-too-large",
    "database-unavailable",
    "gateway-limited",
    "gateway-not-found",
    "hook-malformed",
    "publisher-key-missing",
    "publisher-refused",
)


def _hook(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        permission=Permission.PUBLIC,
        summary=summary,
        request_media_type="application/json",
        answer=Answer(schema=shapes.HookShape),
        problems=_HOOK_PROBLEMS,
        tags=_TAGS,
    )


GATEWAY_ROUTES: tuple[Route, ...] = (
    _hook(_HOOKS, gateways.hook, "A media server asks about a publisher, or says what happened."),
    _hook(
        f"{_HOOKS}/{{hook}}",
        gateways.named_hook,
        "The same, where the hook's name stands in its address.",
    ),
    Route(
        method="GET",
        path=_GATEWAYS,
        handler=gateways.find,
        permission=Permission.READ_WORK,
        summary="The gateways that the asker sees.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.GatewaysShape),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=f"{_GATEWAYS}/{{id}}",
        handler=gateways.show,
        permission=Permission.READ_WORK,
        summary="One gateway with the publishers it asked about, refused ones too.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.GatewayViewShape),
        problems=("gateway-not-found",),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_GATEWAYS,
        handler=gateways.add,
        permission=Permission.ADMINISTER,
        summary="Add a gateway; the secret of its hooks and its token are shown this once.",
        request=schemas.GatewayBody,
        answer=Answer(status=201, schema=shapes.AddedGatewayShape),
        problems=("dock-exists", "name-invalid", "agency-not-found", "agency-scope"),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_GATEWAYS}/{{id}}/secret",
        handler=gateways.renew_secret,
        permission=Permission.ADMINISTER,
        summary="Give the hooks of a gateway another secret; the former one counts no more.",
        request=schemas.ReasonBody,
        answer=Answer(status=201, schema=shapes.GatewaySecretShape),
        problems=("gateway-not-found", "gateway-revoked", "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=f"{_GATEWAYS}/{{id}}/revoke",
        handler=gateways.revoke,
        permission=Permission.ADMINISTER,
        summary="Let no hook of a gateway count any more.",
        request=schemas.ReasonBody,
        answer=Answer(status=204),
        problems=("gateway-not-found", "gateway-revoked", "reason-missing"),
        tags=_TAGS,
    ),
)
