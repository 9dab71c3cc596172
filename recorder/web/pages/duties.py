"""Duty lists: the versions, one for publication, two compared, and an act of two persons."""

from __future__ import annotations

import asyncio
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from recorder.domain import duty_table
from recorder.domain.duty import DutyRule, spoken
from recorder.domain.duty_table import HEADINGS
from recorder.errors import InvalidInput, RecorderError
from recorder.services import approvals, directory, duties
from recorder.web.api.parameters import id_in_path
from recorder.web.exports import exported, wanted_form
from recorder.web.import_body import table_of
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.choosing import code_of
from recorder.web.pages.duty_words import CODED, LIST_STATES
from recorder.web.pages.forms import Form, go, identifier, posted, read_form
from recorder.web.pages.rendering import draw, page

_LISTS = "/duty-lists"
_PAGE = 50
#: What a published table shows first; the rest stands in the export.
PUBLISHED = (
    "code", "scene", "level", "act_type", "matter", "stage", "place", "means", "recorder",
    "starts", "content", "ends", "deadline", "retention", "legal_basis",
)  # fmt: skip


async def find(request: web.Request) -> web.StreamResponse:
    """Versions in the reader's sight, and the form for another one."""
    return await _versions(request)


async def _versions(
    request: web.Request,
    typed: Form | None = None,
    mistakes: object = (),
    status: int = 200,
) -> web.StreamResponse:
    """``typed``: what stands in the form already, with the mistakes of its table."""
    deps, actor = request.app[DEPS], request[ACTOR]
    agencies = await directory.list_agencies(deps, actor)
    asked = {name: request.query.get(name, "").strip() for name in ("agency", "state")}
    asked["agency"] = code_of(agencies, asked["agency"])
    found = await duties.lists(
        deps, actor, asked["agency"] or None,
        state=asked["state"] if asked["state"] in LIST_STATES else None,
        cursor=request.query.get("cursor"), limit=_PAGE,
    )  # fmt: skip
    kept = {name: value for name, value in asked.items() if value}
    return await page(
        request, "duty_lists.html", status=status, lists=found.items, mistakes=mistakes,
        typed=typed.text if typed else lambda _name: "", asked=asked, states=LIST_STATES,
        more=urlencode(kept | {"cursor": found.next}) if found.next else None,
        profiles=[duties.profile(name) for name in duties.PROFILES],
        usual=deps.config.duty_profile, headings=HEADINGS,
        agencies=agencies, named={one.code: one.name for one in agencies},
        today=deps.clock.now(),
    )  # fmt: skip


async def _draft_again(request: web.Request, error: RecorderError) -> web.StreamResponse:
    """The form as it was typed, with every mistake of its table by line and column."""
    mistakes = error.facts.get("mistakes")
    if not mistakes:
        return go(_LISTS, error=error.code)
    return await _versions(request, await read_form(request), mistakes, status=400)


@posted(_LISTS, {"duty-list-malformed": _draft_again})
async def draft(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    view = await duties.draft(
        request.app[DEPS], request[ACTOR], title=form.text("title"),
        valid_from=_day(form.text("valid_from")), profile=form.optional("profile"),
        text=form.optional("table"), agency=form.optional("agency"),
        wording=form.optional("wording"), marking_days=_days(form.text("marking_days")),
    )  # fmt: skip
    return go(f"{_LISTS}/{view.header.id}", done="list-drafted")


@posted(_LISTS)
async def take_file(request: web.Request) -> web.StreamResponse:
    """A table as the body itself: first what is in it, then a draft; every mistake by its line."""
    asked = request.query
    first = _day(asked.get("valid_from", ""))
    async with table_of(request) as content:
        rules, mistakes = await asyncio.to_thread(duties.read_file, content)
    made = None
    if rules and asked.get("dry_run") == "no":
        view = await duties.draft(
            request.app[DEPS], request[ACTOR], title=asked.get("title", ""), valid_from=first,
            read=rules, agency=asked.get("agency") or None,
            marking_days=_days(asked.get("marking_days", "")),
        )  # fmt: skip
        made = view.header.id
    return draw(request, "duty_file.html", rules=rules, mistakes=mistakes, made=made, coded=CODED)


async def show(request: web.Request) -> web.StreamResponse:
    """One version as it is published, with what may be done about it."""
    deps, actor = request.app[DEPS], request[ACTOR]
    view = await duties.list_view(deps, actor, id_in_path(request))
    if (form := wanted_form(request)) is not None:
        return await exported(form, view.header.title, duty_table.rows(view.rules))
    others = await duties.lists(deps, actor, view.header.agency_code)
    note = duties.note(view.header.profile) if view.header.profile else ""
    agencies = await directory.list_agencies(deps, actor)
    return await page(
        request, "duty_list.html", view=view, columns=_used(view.rules), coded=CODED, note=note,
        others=[each for each in others.items if each.id != view.header.id],
        named={one.code: one.name for one in agencies}, spoken=spoken(view.header.wording),
        now=deps.clock.now(), proposals=await approvals.history(deps, duties.KIND, view.header.id),
    )  # fmt: skip


def _used(rules: tuple[DutyRule, ...]) -> list[str]:
    """Columns in which some row says something."""
    return [name for name in PUBLISHED if any(getattr(rule, name) for rule in rules)]


async def compare(request: web.Request) -> web.StreamResponse:
    """Two versions beside each other, row by row, only where they differ."""
    old = identifier(request.query.get("old") or str(id_in_path(request)))
    before, after, changes = await duties.compare(
        request.app[DEPS], request[ACTOR], old, id_in_path(request)
    )
    return await page(
        request, "duty_comparison.html", before=before.header, after=after.header,
        changes=changes, coded=CODED, columns=list(HEADINGS),
    )  # fmt: skip


@posted(_LISTS)
async def decide(request: web.Request) -> web.StreamResponse:
    """Propose, take back, approve or refuse, whichever button was pressed."""
    form, list_id = await read_form(request), id_in_path(request)
    deps, actor = request.app[DEPS], request[ACTOR]
    match form.text("act"):
        case "propose":
            await duties.propose(deps, actor, list_id)
        case "withdraw":
            await duties.withdraw(deps, actor, list_id)
        case _:
            raise InvalidInput("form-invalid", "The form holds something unknown.")
    return go(f"{_LISTS}/{list_id}", done="list-decided")


@posted(_LISTS)
async def settle(request: web.Request) -> web.StreamResponse:
    """The second person approves what this page showed, or refuses."""
    form, list_id = await read_form(request), id_in_path(request)
    deps, actor = request.app[DEPS], request[ACTOR]
    match form.text("act"):
        case "approve":
            await duties.approve(deps, actor, list_id, _digest(form.text("digest")))
        case "refuse":
            await duties.refuse(deps, actor, list_id, form.text("reason"))
        case _:
            raise InvalidInput("form-invalid", "The form holds something unknown.")
    return go(f"{_LISTS}/{list_id}", done="list-decided")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("form-invalid", "A day is written as 2026-03-05.") from error


def _days(text: str) -> int | None:
    """A number of days; None where the field was left empty."""
    if text and not (text.isascii() and text.isdigit() and len(text) < 5):
        raise InvalidInput("form-invalid", "A number of days is written in digits.")
    return int(text) if text else None


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InvalidInput("form-invalid", "The form holds something unknown.") from error
