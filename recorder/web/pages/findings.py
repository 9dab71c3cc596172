"""Findings for the agency's clerk and the supervisor: list, one with its conversation, answers."""

from __future__ import annotations

import uuid
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.finding import MOVES, FindingKind, FindingState, Severity
from recorder.errors import Conflict, InvalidInput
from recorder.services import coverage
from recorder.store.coverage.findings import Wanted
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, identifier, local, posted, read_form
from recorder.web.pages.rendering import page

_FILTERS = ("kind", "severity", "state", "agency", "officer", "owner", "from", "to")


async def show_all(request: web.Request) -> web.StreamResponse:
    """Findings that wait, unless another state is asked for."""
    asked = {name: request.query.get(name, "").strip() for name in _FILTERS}
    found = await coverage.findings(
        request.app[DEPS], request[ACTOR], wanted_of(asked), cursor=request.query.get("cursor")
    )
    kept = {name: value for name, value in asked.items() if value}
    return await page(
        request,
        "findings.html",
        findings=found.items,
        more=urlencode(kept | {"cursor": found.next}) if found.next else None,
        asked=asked,
        kinds=list(FindingKind),
        severities=list(Severity),
        states=list(FindingState),
    )


def wanted_of(asked: dict[str, str]) -> Wanted:
    """The filters of a page; a word that is none leaves its filter out."""
    return Wanted(
        kind=FindingKind(asked["kind"]) if asked["kind"] in set(FindingKind) else None,
        severity=Severity(asked["severity"]) if asked["severity"] in set(Severity) else None,
        state=FindingState(asked["state"]) if asked["state"] in set(FindingState) else None,
        agency=asked["agency"] or None,
        officer=asked["officer"] or None,
        owner=asked["owner"] or None,
        first=day_of(asked["from"]),
        last=day_of(asked["to"]),
    )


def day_of(text: str) -> date | None:
    """A day as date fields send it; InvalidInput ``form-invalid``."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("form-invalid", "A day is written as 2026-03-05.") from error


async def show(request: web.Request) -> web.StreamResponse:
    view = await coverage.finding(request.app[DEPS], request[ACTOR], id_in_path(request))
    told = view.told
    return await page(
        request,
        "finding.html",
        told=told,
        acts=view.acts,
        can_answer=FindingState.REPLIED in MOVES[told.state],
        can_appeal=FindingState.APPEALED in MOVES[told.state],
        can_close=FindingState.CLOSED in MOVES[told.state],
    )


@posted("/findings")
async def answer(request: web.Request) -> web.StreamResponse:
    """What the button says: reply, appeal or close."""
    form, finding = await read_form(request), id_in_path(request)
    acts = {"reply": coverage.reply, "appeal": coverage.appeal, "close": coverage.close}
    act = acts.get(form.text("act"))
    if act is None:
        raise InvalidInput("form-invalid", "The form holds something unknown.")
    await act(request.app[DEPS], request[ACTOR], finding, text=form.text("text"))
    return go(f"/findings/{finding}", done="finding-answered")


@posted("/findings")
async def assign(request: web.Request) -> web.StreamResponse:
    """Have somebody answer all ticked findings; settled ones are passed over."""
    form = await read_form(request)
    until = form.instant("answer_by")
    ticked: list[uuid.UUID] = [identifier(text) for text in form.every("finding")]
    if not ticked:
        raise InvalidInput("form-invalid", "Nothing was ticked.")
    for finding in ticked:
        try:
            await coverage.assign(
                request.app[DEPS], request[ACTOR], finding,
                owner=form.text("owner"), answer_by=until.at if until else None,
            )  # fmt: skip
        except Conflict:
            if len(ticked) == 1:
                raise
    return go(local(form.text("back"), "/findings"), done="finding-assigned")
