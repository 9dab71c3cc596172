"""The page /capture: a phone as camera (docs/design/live-capture.md). Its scripts use the API."""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from recorder.domain.case import Stage
from recorder.domain.duty import spoken as spoken_words
from recorder.domain.mark import MarkKind
from recorder.services import directory, duties
from recorder.web import i18n, middleware
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.assets import assets, stand_in
from recorder.web.pages.rendering import environment, locale_of, page

_PLACE = "/capture"
#: Stricter than nothing and one step wider than elsewhere: the page can be installed.
_POLICY = f"{middleware.HEADERS['Content-Security-Policy']}; worker-src 'self'; manifest-src 'self'"
#: Only this page may ask for them, and only for itself.
_FEATURES = "camera=(self), microphone=(self), geolocation=(self), payment=(), usb=()"
#: Of the npm package "qr", for browsers that read no codes themselves.
_CODE_READER = ("decode.js", "index.js")
_GROUND = "#0b0d11"
#: What an officer has a hand free for while recording; the rest is marked at the recording.
_MARKS = [
    MarkKind.ANNOUNCEMENT.value, MarkKind.ID_SHOWN.value,
    MarkKind.EVIDENCE.value, MarkKind.IMPORTANT.value,
]  # fmt: skip


async def show(request: web.Request) -> web.StreamResponse:
    """The camera of whoever may upload; what it recorded is in no part of this answer."""
    known = assets()
    spoken = await _spoken(request)
    answer = await page(
        request, "capture.html", spoken=spoken,
        stages=[stage.value for stage in Stage], marks=_MARKS, account=request[ACTOR].id,
        reader=[known.address(name) for name in _CODE_READER if name in known.files],
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Permissions-Policy"] = _FEATURES
    return answer


async def _spoken(request: web.Request) -> str:
    """What this officer says at the beginning; the time is a gap, since the page is kept."""
    deps, actor = request.app[DEPS], request[ACTOR]
    if actor.agency is None:
        return ""
    named = await directory.list_agencies(deps, actor)
    return spoken_words(
        await duties.wording_of(deps, actor.agency),
        agency=next((one.name for one in named if one.id == actor.agency), ""),
        officer=actor.name,
    )


async def worker(_request: web.Request) -> web.StreamResponse:
    """The script that lets the page open without a line; it may look after that page only."""
    answer = stand_in("capture-worker.js")
    answer.headers[hdrs.CACHE_CONTROL] = "no-cache"
    return answer


async def manifest(request: web.Request) -> web.StreamResponse:
    """What an installed page is called and looks like."""
    locale = locale_of(request)
    name = environment(locale).from_string("{{ _('Record with this phone') }}").render()
    address = assets().address
    told = {
        "name": name,
        "short_name": name,
        "lang": i18n.TAGS[locale],
        "id": _PLACE,
        "start_url": _PLACE,
        "scope": _PLACE,
        "display": "standalone",
        "background_color": _GROUND,
        "theme_color": _GROUND,
        "icons": [
            {"src": address(f"capture-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png",
             "purpose": purpose}
            for size in (192, 512) for purpose in ("any", "maskable")
        ],
    }  # fmt: skip
    return web.Response(
        text=json.dumps(told, ensure_ascii=False),
        content_type="application/manifest+json",
        headers={hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: "Accept-Language, Cookie"},
    )
