"""Everything that waits for a second person, one's own proposals, and what became of the others.

Approving happens on the page of the thing itself, where one sees what one approves.
"""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.ids import ApprovalId
from recorder.services import approvals, deciding, directory
from recorder.services.approvals import Show
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.choosing import code_of
from recorder.web.pages.forms import go, local, posted, read_form
from recorder.web.pages.rendering import page

_APPROVALS = "/approvals"
#: Where a thing of a kind is looked at and decided about.
PLACES = {"duty_list": "/duty-lists"}
_TABS = (Show.WAITING, Show.OWN, Show.OPEN, Show.CLOSED)
_FILTERS = ("show", "kind", "agency")


async def show(request: web.Request) -> web.StreamResponse:
    """What waits for the reader first; filters by kind and agency."""
    deps, actor = request.app[DEPS], request[ACTOR]
    asked = {name: request.query.get(name, "").strip() for name in _FILTERS}
    tab = Show(asked["show"]) if asked["show"] in set(_TABS) else Show.WAITING
    agencies = await directory.list_agencies(deps, actor)
    asked["agency"] = code_of(agencies, asked["agency"])
    found = await approvals.list_approvals(
        deps, actor, tab, kind=asked["kind"] or None, agency=asked["agency"] or None,
        cursor=request.query.get("cursor"),
    )  # fmt: skip
    kept = {name: value for name, value in asked.items() if value and name != "show"}
    return await page(
        request, "approvals.html", items=found.items, tab=tab, tabs=_TABS, asked=asked, kept=kept,
        tab_address={one: "?" + urlencode({"show": one.value, **kept}) for one in _TABS},
        more=urlencode({"show": tab.value, **kept, "cursor": found.next}) if found.next else None,
        kinds=deciding.KINDS, places=PLACES, now=deps.clock.now(), agencies=agencies,
        named={one.code: one.name for one in agencies},
    )  # fmt: skip


@posted(_APPROVALS)
async def withdraw(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await deciding.withdraw(request.app[DEPS], request[ACTOR], ApprovalId(id_in_path(request)))
    return go(local(form.text("back"), _APPROVALS), done="withdrawn")
