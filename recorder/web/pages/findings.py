"""Findings for the agency's clerk and the supervisor: list, one with its conversation, answers.

Ticked findings, or all that fit the filter, are answered, settled or assigned by one word.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.finding import MOVES, FindingKind, FindingState, Severity
from recorder.domain.ids import CaseId
from recorder.domain.people import Actor
from recorder.errors import InvalidInput
from recorder.services import coverage, directory
from recorder.services.coverage import Many
from recorder.store.coverage.findings import ToldFinding, Wanted
from recorder.web import i18n
from recorder.web.api.parameters import id_in_path
from recorder.web.exports import exported, wanted_form
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages import finding_words, formats, words
from recorder.web.pages.choosing import code_of
from recorder.web.pages.forms import Form, go, identifier, local, posted, read_form
from recorder.web.pages.rendering import locale_of, page

_FILTERS = (
    "kind", "severity", "state", "agency", "officer", "owner", "from", "to", "overdue", "case",
)  # fmt: skip
#: Beside the states: all that nobody has settled, as figures count what waits.
_WAITING = "waiting"
_PAGE = 100
#: Lines of one table; more are told by narrowing.
_MOST_EXPORTED = 20_000
#: What footage that somebody still has may mend.
_MISSING = frozenset(
    {
        FindingKind.UNRECORDED,
        FindingKind.BEGINS_LATE,
        FindingKind.ENDS_EARLY,
        FindingKind.GAP_UNEXPLAINED,
        FindingKind.SCAN_UNRECORDED,
    }
)
_HEADINGS = (
    "Coverage finding", "Expected", "Found", "Rule", "Case", "Agency", "Officer", "Day", "Weight",
    "State", "To be answered by", "Until",
)  # fmt: skip


async def show_all(request: web.Request) -> web.StreamResponse:
    """Findings that wait, unless the address asks for others."""
    deps, actor = request.app[DEPS], request[ACTOR]
    given = {name: request.query.get(name, "").strip() for name in _FILTERS}
    if not set(_FILTERS) & set(request.query):
        given["state"] = FindingState.OPEN.value
    agencies = await directory.list_agencies(deps, actor)
    given["agency"] = code_of(agencies, given["agency"])
    kept = _said(given)
    now = deps.clock.now()
    wanted = replace(wanted_of(given), overdue_at=now if given["overdue"] else None)
    if form := wanted_form(request):
        found = await coverage.first_findings(deps, actor, wanted, _MOST_EXPORTED)
        return await exported(form, f"findings-{formats.day(now)}", _lines(request, found))
    listed = await coverage.findings(
        deps, actor, wanted, cursor=request.query.get("cursor"), limit=_PAGE
    )
    tabs = _tabs(actor)
    return await page(
        request, "findings.html", findings=listed.items, asked=given, kept=kept,
        more=urlencode(kept | {"cursor": listed.next}) if listed.next else None,
        query=urlencode(kept), tabs={name: f"/findings?{urlencode(q)}" for name, q in tabs.items()},
        tab=next((name for name, q in tabs.items() if _said(q) == kept), None),
        narrowed=bool(set(kept) - {"state"}), many=await coverage.how_many(deps, actor, wanted),
        most=coverage.MOST_AT_ONCE, drawn_at=now, kinds=list(FindingKind),
        severities=list(Severity), states=[_WAITING, *FindingState],
        acts_for_some=any(actor.acts_for(each.finding.agency) for each in listed.items),
        agencies=agencies, named={one.code: one.name for one in agencies},
    )  # fmt: skip


def _said(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _tabs(actor: Actor) -> dict[str, dict[str, str]]:
    """What a clerk looks at in the morning, by the filters that show it."""
    waits = {"state": FindingState.OPEN.value}
    return {
        "open": waits,
        "mine": waits | {"owner": actor.officer or actor.name},
        "overdue": waits | {"overdue": "1"},
        "replied": {"state": FindingState.REPLIED.value},
        "appealed": {"state": FindingState.APPEALED.value},
        "all": {"state": ""},
    }


def wanted_of(asked: dict[str, str]) -> Wanted:
    """The filters of a page; a word that is none leaves its filter out."""
    return Wanted(
        kind=FindingKind(asked["kind"]) if asked["kind"] in set(FindingKind) else None,
        severity=Severity(asked["severity"]) if asked["severity"] in set(Severity) else None,
        state=FindingState(asked["state"]) if asked["state"] in set(FindingState) else None,
        agency=asked["agency"] or None,
        officer=asked["officer"] or None,
        owner=asked["owner"] or None,
        case=CaseId(identifier(asked["case"])) if asked["case"] else None,
        unsettled=asked["state"] == _WAITING,
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


def _lines(request: web.Request, found: Sequence[ToldFinding]) -> Iterator[Sequence[str | date]]:
    """The findings as a table in the reader's language."""
    messages = i18n.catalogue(locale_of(request))
    yield tuple(messages.gettext(heading) for heading in _HEADINGS)
    for told in found:
        finding = told.finding
        yield (
            finding_words.title(messages, finding.kind),
            finding_words.expected(messages, finding),
            finding_words.found(messages, finding),
            finding.rule,
            told.number,
            told.agency_code,
            " ".join(finding.officers),
            told.day,
            words.word(messages, "finding_severity", finding.severity.value),
            words.word(messages, "finding_state", told.state.value),
            told.owner or "",
            formats.until(told.answer_by),
        )


async def show(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    view = await coverage.finding(deps, actor, id_in_path(request))
    told = view.told
    agencies = await directory.list_agencies(deps, actor)
    return await page(
        request,
        "finding.html",
        told=told,
        acts=view.acts,
        recording_names=view.names,
        named={one.code: one.name for one in agencies},
        is_missing=told.finding.kind in _MISSING,
        can_answer=FindingState.REPLIED in MOVES[told.state],
        can_appeal=FindingState.APPEALED in MOVES[told.state],
        can_close=FindingState.CLOSED in MOVES[told.state],
    )


@posted("/findings")
async def answer(request: web.Request) -> web.StreamResponse:
    """What the button says: reply or appeal."""
    form, finding = await read_form(request), id_in_path(request)
    acts = {"reply": coverage.reply, "appeal": coverage.appeal}
    act = acts.get(form.text("act"))
    if act is None:
        raise InvalidInput("form-invalid", "The form holds something unknown.")
    await act(request.app[DEPS], request[ACTOR], finding, text=form.text("text"))
    return go(f"/findings/{finding}", done="finding-answered")


@posted("/findings")
async def settle(request: web.Request) -> web.StreamResponse:
    form, finding = await read_form(request), id_in_path(request)
    await coverage.close(request.app[DEPS], request[ACTOR], finding, text=form.text("text"))
    return go(f"/findings/{finding}", done="finding-answered")


@posted("/findings")
async def answer_many(request: web.Request) -> web.StreamResponse:
    """Reply to the chosen ones, or appeal, with one text."""
    form = await read_form(request)
    act = form.text("act")
    if act not in ("reply", "appeal"):
        raise InvalidInput("form-invalid", "The form holds something unknown.")
    done = await coverage.answer_many(
        request.app[DEPS], request[ACTOR], await _chosen(request, form), act,
        text=form.text("text"),
    )  # fmt: skip
    return _told(form, done)


@posted("/findings")
async def settle_many(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    done = await coverage.answer_many(
        request.app[DEPS], request[ACTOR], await _chosen(request, form), "close",
        text=form.text("text"),
    )  # fmt: skip
    return _told(form, done)


@posted("/findings")
async def assign(request: web.Request) -> web.StreamResponse:
    """Have somebody answer the chosen ones; settled ones are passed over."""
    form = await read_form(request)
    until = form.instant("answer_by")
    done = await coverage.assign_many(
        request.app[DEPS], request[ACTOR], await _chosen(request, form),
        owner=form.text("owner"), answer_by=until.at if until else None,
    )  # fmt: skip
    return _told(form, done)


async def _chosen(request: web.Request, form: Form) -> list[uuid.UUID]:
    """The ticked findings, or all that fit the filter and were there when the page was drawn."""
    if not form.text("every"):
        return [identifier(text) for text in form.every("finding")]
    asked = {name: form.text(f"f_{name}") for name in _FILTERS}
    drawn = form.instant("until")
    wanted = replace(
        wanted_of(asked),
        raised_until=drawn.at if drawn else None,
        overdue_at=drawn.at if drawn and asked["overdue"] else None,
    )
    return await coverage.all_wanted(request.app[DEPS], request[ACTOR], wanted)


def _told(form: Form, many: Many) -> web.StreamResponse:
    back = local(form.text("back"), "/findings")
    return go(back, done="findings-done", count=many.done, passed=many.passed)
