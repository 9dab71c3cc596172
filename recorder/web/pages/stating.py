"""Forms of the page of a recording: where it comes from, its classes, its review."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.case import CaseClass
from recorder.domain.ids import RecordingId
from recorder.domain.provenance import ContentReview, ProvenanceKind
from recorder.errors import InvalidInput
from recorder.services import stating
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form


@posted("/recordings")
async def state(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    kind, at = form.text("kind"), form.instant("handed_over_at")
    if kind not in set(ProvenanceKind):
        raise InvalidInput("form-invalid", "The form names an unknown origin.")
    await stating.state_provenance(
        request.app[DEPS], request[ACTOR], recording, kind=ProvenanceKind(kind),
        reason=form.optional("reason"), provider=form.optional("provider"),
        handed_over_at=at.at if at else None, receipt=form.optional("receipt"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="provenance-stated")


@posted("/recordings")
async def class_recording(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    classes = form.every("class")
    if not set(classes) <= set(CaseClass):
        raise InvalidInput("form-invalid", "The form names an unknown class.")
    await stating.class_recording(
        request.app[DEPS], request[ACTOR], recording,
        classes=map(CaseClass, classes), reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="classed")


@posted("/recordings")
async def review_content(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    outcome = form.text("outcome")
    if outcome not in (ContentReview.PASSED, ContentReview.REFUSED):
        raise InvalidInput("form-invalid", "The form names an unknown outcome.")
    await stating.review_content(
        request.app[DEPS], request[ACTOR], recording,
        passed=outcome == ContentReview.PASSED, reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="content-reviewed")
