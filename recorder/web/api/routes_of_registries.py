"""Rows of the registries' API."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.services import registry_rows as rows
from recorder.services.registry_rows import Listed, R
from recorder.web import registry_shapes as shapes
from recorder.web.api import registries
from recorder.web.route import Answer, Route
from recorder.web.shape import ListShape, Shape


def _list(name: str, listed: Listed[R], shape: type[Shape], summary: str) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1/registries/{name}",
        handler=registries.listing(name, listed, shape),
        permission=Permission.BROWSE,
        summary=summary,
        query=shapes.RegistryQuery,
        answer=Answer(schema=ListShape[shape]),  # type: ignore[valid-type]
        problems=("cursor-invalid",),
        tags=("registries",),
    )


REGISTRY_ROUTES: tuple[Route, ...] = (
    _list(
        "organisations", rows.organisations, shapes.OrganisationShape,
        "Organisations of a day.",
    ),
    _list("officers", rows.officers, shapes.OfficerShape, "Officers of a day with certificates."),
    _list("devices", rows.devices, shapes.DeviceRegistrationShape, "Registered devices of a day."),
    _list("rosters", rows.rosters, shapes.RosterShape, "Shifts that begin on a day."),
    _list("matters", rows.matters, shapes.MatterShape, "Powers of a day."),
    _list("subjects", rows.subjects, shapes.SubjectShape, "Published subjects of a day."),
    _list("entrustments", rows.entrustments, shapes.EntrustmentShape, "Entrustments of a day."),
    Route(
        method="GET",
        path="/api/v1/registries/holidays",
        handler=registries.holidays,
        permission=Permission.BROWSE,
        summary="Holidays and made-up workdays of a year, as deadlines count them.",
        query=shapes.HolidaysQuery,
        answer=Answer(schema=shapes.HolidaysShape),
        tags=("registries",),
    ),
)  # fmt: skip
