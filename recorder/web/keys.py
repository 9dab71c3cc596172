"""What hangs on the application and on a request, under typed names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.web.pushed_bodies import PushedBodies

#: Everything a service function needs.
DEPS: web.AppKey[Deps] = web.AppKey("deps", Deps)
#: Memory for bodies of segments and chunks.
BODIES: web.AppKey[PushedBodies] = web.AppKey("bodies", PushedBodies)
#: Set when the service is about to end: streams that wait for news end by it.
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The browser session a request came with."""

    #: The cookie's secret, for signing out.
    secret: str
    #: What forms and scripts must repeat with every unsafe request.
    csrf_token: str
    #: zh_CN, en, or None while the person has chosen neither.
    locale: str | None


#: Who asks; NOBODY on public routes unless the handler asked for recognition.
ACTOR: web.RequestKey[Actor] = web.RequestKey("actor", Actor)
#: The browser session; None for bearer tokens and for nobody.
SIGN_IN: web.RequestKey[SignIn | None] = web.RequestKey("sign_in", SignIn)
#: The origins whose pages may show this answer in a frame; absent: none.
FRAMED_BY: web.RequestKey[str] = web.RequestKey("framed_by", str)
#: The name of this request in logs and problems, sent back as X-Request-Id.
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
#: Set once the head of the answer has left, after which no problem can be told any more.
HEAD_SENT: web.RequestKey[bool] = web.RequestKey("head_sent", bool)
