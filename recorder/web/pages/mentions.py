"""Plans and parties on the page of a case, finding by them, and the page of a joint check."""

from __future__ import annotations

import datetime as dt

from aiohttp import web

from recorder.domain.case_mention import MentionKind
from recorder.domain.ids import CaseId
from recorder.domain.instant import Instant
from recorder.errors import InvalidInput, NotFound
from recorder.services import casework
from recorder.services.casework import SoughtBy
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form
from recorder.web.pages.rendering import page

_A_DAY = dt.timedelta(days=1)


async def find(request: web.Request) -> web.StreamResponse:
    """Cases by plan, company or place."""
    asked = {name: request.query.get(name, "").strip() for name in ("by", "text", "from", "to")}
    by = asked["by"] if asked["by"] in set(SoughtBy) else SoughtBy.COMPANY.value
    found, failed = None, None
    if asked["text"]:
        until = _midnight(asked["to"])
        try:
            found = await casework.cases_mentioning(
                request.app[DEPS], request[ACTOR], SoughtBy(by), asked["text"],
                begins_at=_midnight(asked["from"]), ends_at=until + _A_DAY if until else None,
                cursor=request.query.get("cursor"),
            )  # fmt: skip
        except InvalidInput as error:
            failed = error.code
    return await page(
        request, "case_mentions.html", asked=asked | {"by": by}, sought=list(SoughtBy),
        cases=found.items if found else None, more=found.next if found else None, refused=failed,
    )  # fmt: skip


async def target(request: web.Request) -> web.StreamResponse:
    """Written records and footage of one party."""
    text, found, failed = request.query.get("text", "").strip(), None, None
    if text:
        try:
            found = await casework.target(
                request.app[DEPS], request[ACTOR], text, cursor=request.query.get("cursor")
            )
        except InvalidInput as error:
            failed = error.code
    return await page(
        request, "target.html", text=text, found=found.items if found else None,
        more=found.next if found else None, refused=failed,
    )  # fmt: skip


async def joint_check(request: web.Request) -> web.StreamResponse:
    """The parts of the joint check of a plan."""
    plan = request.query.get("plan", "").strip()
    found = None
    if plan:
        try:
            found = await casework.joint_check(request.app[DEPS], request[ACTOR], plan)
        except (NotFound, InvalidInput):
            found = None
    return await page(request, "joint_check.html", plan=plan, check=found)


@posted("/")
async def mention(request: web.Request) -> web.StreamResponse:
    case, form = CaseId(id_in_path(request)), await read_form(request)
    kind = form.text("kind")
    if kind not in set(MentionKind):
        raise InvalidInput("form-invalid", "The form names something unknown.")
    await casework.mention(
        request.app[DEPS], request[ACTOR], case,
        kind=MentionKind(kind), text=form.text("text"), code=form.text("code"),
    )  # fmt: skip
    return go(f"/cases/{case}", done="amended")


@posted("/")
async def withdraw(request: web.Request) -> web.StreamResponse:
    case, form = CaseId(id_in_path(request)), await read_form(request)
    await casework.withdraw_mention(
        request.app[DEPS], request[ACTOR], case, id_in_path(request, "mention"),
        reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/cases/{case}", done="amended")


def _midnight(day: str) -> dt.datetime | None:
    return Instant.parse(f"{day}T00:00:00").at if day else None
