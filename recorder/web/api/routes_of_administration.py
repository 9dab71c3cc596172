"""Rows for administrators: people, devices, docks, tokens, the hand-over log."""

from __future__ import annotations

from pydantic import BaseModel

from recorder.domain.people import Permission
from recorder.web import administration_shapes as shapes
from recorder.web import schemas
from recorder.web.api import administration
from recorder.web.route import Answer, Handler, Route
from recorder.web.shapes import ListShape

_PAGES = ("cursor-invalid",)
_NAMED = ("name-invalid", "agency-not-found", "agency-scope")
_PASSWORD = ("password-too-short", "password-too-long", "password-common")


def _row(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    answer: Answer,
    *,
    query: type[BaseModel] | None = None,
    request: type[BaseModel] | None = None,
    problems: tuple[str, ...] = (),
) -> Route:
    """A row with the permission and the tag that all of these have."""
    return Route(
        method=method,
        path=f"/api/v1/{path}",
        handler=handler,
        permission=Permission.ADMINISTER,
        summary=summary,
        query=query,
        request=request,
        answer=answer,
        problems=problems,
        tags=("administration",),
    )


def _json(schema: type[BaseModel], status: int = 200) -> Answer:
    return Answer(status=status, schema=schema)


_NOTHING = Answer(status=204)

ADMINISTRATION_ROUTES: tuple[Route, ...] = (
    _row("GET", "agencies", administration.list_agencies, "The agencies that the asker sees.",
         _json(shapes.AgenciesShape), query=schemas.NoQuery),
    _row("GET", "people", administration.list_people, "People, newest first.",
         _json(ListShape[shapes.PersonShape]), query=schemas.NamedQuery, problems=_PAGES),
    _row("POST", "people", administration.add_person, "Add somebody who may sign in.",
         _json(shapes.PersonShape, 201), request=schemas.PersonBody,
         problems=("login-taken", "role-unknown", *_PASSWORD, *_NAMED)),
    _row("PUT", "people/{login}/password", administration.change_password,
         "Give a person another password; every session ends.", _NOTHING,
         request=schemas.PasswordBody, problems=("person-not-found", "agency-scope", *_PASSWORD)),
    _row("PUT", "people/{login}/state", administration.set_person_state,
         "Suspend a person, or bring one back.", _NOTHING,
         request=schemas.PersonStateBody,
         problems=("person-not-found", "person-state", "agency-scope")),
    _row("GET", "devices", administration.list_devices, "Devices, newest first.",
         _json(ListShape[shapes.DeviceShape]), query=schemas.NamedQuery, problems=_PAGES),
    _row("POST", "devices", administration.add_device,
         "Add a device; its token is shown this once.", _json(shapes.AddedDeviceShape, 201),
         request=schemas.DeviceBody, problems=("device-exists", *_NAMED)),
    _row("PUT", "devices/{id}/state", administration.set_device_state,
         "Activate, suspend or report a device lost.", _json(shapes.DeviceShape),
         request=schemas.DeviceStateBody,
         problems=("device-not-found", "device-state", "reason-missing")),
    _row("POST", "devices/{id}/enrolment-code", administration.make_enrolment_code,
         "Make a one-time code by which the device fetches its token.",
         _json(shapes.EnrolmentCodeShape, 201), problems=("device-not-found", "device-state")),
    _row("GET", "devices/{id}/hand-overs", administration.list_handovers,
         "Who wore the device, newest first.", _json(shapes.HandoversShape),
         query=schemas.NoQuery, problems=("device-not-found",)),
    _row("POST", "devices/{id}/hand-overs", administration.hand_over,
         "Note who wears the device from a moment on.", _NOTHING, request=schemas.HandOverBody,
         problems=("device-not-found", "handover-exists", "handover-time", "name-invalid")),
    _row("GET", "docks", administration.list_docks, "Docks, newest first.",
         _json(ListShape[shapes.DockShape]), query=schemas.NamedQuery, problems=_PAGES),
    _row("POST", "docks", administration.add_dock, "Add a dock; its token is shown this once.",
         _json(shapes.AddedDockShape, 201), request=schemas.DockBody,
         problems=("dock-exists", *_NAMED)),
    _row("GET", "tokens", administration.list_tokens, "Tokens without their secrets.",
         _json(ListShape[shapes.TokenShape]), query=schemas.NamedQuery, problems=_PAGES),
    _row("POST", "tokens", administration.add_token,
         "Make a token for a program; it is shown this once.",
         _json(shapes.AddedTokenShape, 201), request=schemas.TokenBody,
         problems=("role-unknown", *_NAMED)),
    _row("POST", "tokens/{id}/revoke", administration.revoke_token, "Make a token worthless.",
         _NOTHING, request=schemas.ReasonBody,
         problems=("token-not-found", "token-revoked", "reason-missing")),
)  # fmt: skip
