"""Livestreams: the wall of those that run, the page of one, opening and closing by people."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from recorder.domain.case import Stage
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, LivestreamState
from recorder.domain.mark import MarkKind
from recorder.domain.people import Permission
from recorder.domain.restriction import RestrictionGround
from recorder.errors import Forbidden
from recorder.services import live
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages import words
from recorder.web.pages.assets import stand_in
from recorder.web.pages.forms import go, here, posted, read_form
from recorder.web.pages.rendering import page

#: Events on the page; batches of segments come every half minute.
MOST_EVENTS = 200
#: Livestreams below the wall that are over.
MOST_CLOSED = 20
_SEPARATORS = re.compile(r"[,，、;；\n]")


async def wall(request: web.Request) -> web.StreamResponse:
    """Running livestreams as tiles, those that are over as lines."""
    deps, actor = request.app[DEPS], request[ACTOR]
    over = await live.list_livestreams(
        deps, actor, running=False, cursor=request.query.get("cursor"), limit=MOST_CLOSED
    )
    return await page(
        request,
        "wall.html",
        sights=await live.wall(deps, actor),
        most=live.MOST_ON_WALL,
        over=over.items,
        more=over.next,
        stages=list(Stage),
        can_watch=actor.may(Permission.WATCH),
    )


async def show(request: web.Request) -> web.StreamResponse:
    """One livestream; the look is a custody event."""
    deps, actor, livestream = request.app[DEPS], request[ACTOR], _livestream_id(request)
    view = await live.look_at(deps, actor, livestream)
    events = await live.livestream_events(deps, actor, livestream, MOST_EVENTS)
    found = view.livestream
    running = found.state is not LivestreamState.CLOSED
    seen = actor.sees_pictures_of(found.agency, found.officer, restricted=found.is_restricted)
    return await page(
        request,
        "livestream.html",
        livestream=view.livestream,
        agency_name=view.agency_name,
        outcome=await live.outcome(deps, actor, view.livestream),
        gaps=view.gaps,
        pulled=view.pulled_from,
        continued_by=view.continued_by,
        set_beside=view.set_beside,
        marks=await live.livestream_marks(deps, actor, livestream),
        mark_kinds=list(MarkKind),
        sight=await live.sight(deps, actor, livestream),
        events=[(event, words.facts_of(event.facts)) for event in reversed(events)],
        can_watch=actor.may(Permission.WATCH) and seen,
        is_withheld=not seen,
        restrictions=await live.livestream_restrictions_of(deps, actor, livestream),
        grounds=list(RestrictionGround),
        running=running,
        can_close=view.livestream.state
        in (LivestreamState.OPEN, LivestreamState.LIVE, LivestreamState.INTERRUPTED)
        and await live.may_close(deps, actor, livestream),
    )


async def picture(request: web.Request) -> web.StreamResponse:
    """A fresh still of a running livestream, or a sign for it while there is none."""
    try:
        jpeg = await live.picture(request.app[DEPS], request[ACTOR], _livestream_id(request))
    except Forbidden:
        jpeg = None
    if jpeg is None:
        return stand_in("no-poster.svg")
    return web.Response(
        body=jpeg, content_type="image/jpeg", headers={hdrs.CACHE_CONTROL: "no-store"}
    )


@posted("/livestreams")
async def open_one(request: web.Request) -> web.StreamResponse:
    """Open one that is published by RTMP; where to and its key are told once."""
    deps, actor, form = request.app[DEPS], request[ACTOR], await read_form(request)
    numbers = (part.strip() for part in _SEPARATORS.split(form.text("cases")))
    opened = await live.open_livestream(
        deps, actor,
        live.Opening(
            title=form.text("title"),
            form=Form.RECEIVED,
            device_number=form.optional("device"),
            officer=form.optional("officer"),
            stage=form.optional("stage"),
            case_numbers=tuple(number for number in numbers if number),
        ),
    )  # fmt: skip
    key = await live.make_push_key(deps, actor, opened.id)
    return await page(
        request,
        "livestream_key.html",
        livestream=opened,
        server=_rtmp_address(request),
        key=f"{opened.id}?token={key.secret}",
        expires_at=key.expires_at,
    )


@posted("/livestreams")
async def close(request: web.Request) -> web.StreamResponse:
    livestream = _livestream_id(request)
    await live.request_close(request.app[DEPS], request[ACTOR], livestream, last=None)
    return go(here(request, f"/livestreams/{livestream}"), done="closing")


def _rtmp_address(request: web.Request) -> str:
    """Where encoders publish: this host, at the port of the settings; encrypted if there is one."""
    config = request.app[DEPS].config
    host = urlsplit(config.public_url or f"//{request.host}").hostname or "localhost"
    if ":" in host:
        host = f"[{host}]"
    listen = config.live_rtmps_listen or config.live_rtmp_listen
    scheme = "rtmps" if config.live_rtmps_listen else "rtmp"
    return f"{scheme}://{host}:{listen.rpartition(':')[2]}/live"


def _livestream_id(request: web.Request) -> LivestreamId:
    return LivestreamId(id_in_path(request))
