"""Drawing a page: the environment of each language, and what every page knows.

Autoescape is on and undefined names are errors. Nothing here decides anything about footage.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined

from recorder.domain.alarm import Severity
from recorder.domain.ids import AgencyId
from recorder.domain.people import NOBODY, Actor, Permission
from recorder.errors import RecorderError
from recorder.services import alarms
from recorder.web import authentication, i18n
from recorder.web.keys import ACTOR, DEPS, REQUEST_ID, SIGN_IN
from recorder.web.pages import finding_words, formats, forms, sentences, words
from recorder.web.pages.assets import assets
from recorder.web.problems import Problem

logger = logging.getLogger(__name__)

LOCALE_COOKIE = "recorder_locale"
THEME_COOKIE = "recorder_theme"
THEMES = ("light", "dark")


@functools.cache
def environment(locale: str) -> Environment:
    """Templates in one language."""
    messages = i18n.catalogue(locale)
    made = Environment(
        loader=PackageLoader("recorder", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    install = made.install_gettext_callables  # type: ignore[attr-defined]
    install(messages.gettext, messages.ngettext, newstyle=True)
    made.filters.update(formats.FILTERS)
    made.globals.update(
        word=functools.partial(words.word, messages),
        advice=functools.partial(words.advice, messages),
        alarm_sentence=functools.partial(sentences.of_alarm, messages),
        alarm_step=functools.partial(sentences.what_to_do, messages),
        failure_sentence=functools.partial(sentences.of_failure, messages),
        reason_words=functools.partial(words.reasons, messages),
        finding_title=functools.partial(finding_words.title, messages),
        finding_expected=functools.partial(finding_words.expected, messages),
        finding_found=functools.partial(finding_words.found, messages),
        amount=functools.partial(finding_words.amount, messages),
        link_reason=functools.partial(words.link_reason, messages),
        flag_words=lambda codes: [words.word(messages, "flag", code) for code in codes],
        joined=functools.partial(sentences.joined, messages),
        asset=assets().address,
        locale=locale,
        language=i18n.TAGS[locale],
    )
    return made


def locale_of(request: web.Request) -> str:
    """The language of this answer."""
    sign_in = request.get(SIGN_IN)
    return i18n.choose(
        chosen=sign_in.locale if sign_in else None,
        cookie=request.cookies.get(LOCALE_COOKIE),
        accept_language=request.headers.get(hdrs.ACCEPT_LANGUAGE, ""),
    )


async def page(
    request: web.Request, template: str, *, status: int = 200, **context: object
) -> web.Response:
    """The template as an answer, with the banner of open critical alarms for who may see it."""
    return draw(request, template, status=status, banner=await _banner(request), **context)


def draw(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    banner: Mapping[str, object] | None = None,
    **context: object,
) -> web.Response:
    """As ``page``, asking no service: for sign-in and for problems."""
    actor = request.get(ACTOR, NOBODY)
    sign_in = request.get(SIGN_IN)
    known: dict[str, Any] = {
        "me": actor,
        "may": functools.partial(_may, actor),
        "in_charge": lambda seen: [one for one in seen if actor.acts_for(one.id)],
        "csrf_token": sign_in.csrf_token if sign_in else "",
        "theme": _theme(request),
        "path": request.path,
        "here": forms.local(str(request.rel_url), "/"),
        "banner": banner,
        "done": words.known("done", request.query.get("done")),
        "failed": words.known_problem(request.query.get("error")),
        "count": _count(request.query.get("count")),
        "passed": _count(request.query.get("passed")),
    }
    text = environment(locale_of(request)).get_template(template).render(known | context)
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        headers={
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.VARY: "Accept, Accept-Language, Cookie",
            hdrs.CONTENT_LANGUAGE: i18n.TAGS[locale_of(request)],
        },
    )


async def draw_problem(request: web.Request, problem: Problem) -> web.Response:
    """A problem for a browser: the sign-in form for nobody, else a page with advice."""
    if problem.status == 401 and request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
        request[ACTOR], request[SIGN_IN] = NOBODY, None
        target = forms.local(str(request.rel_url), "/")
        return draw(request, "sign_in.html", status=401, target=target, refused=None)
    return draw(
        request,
        "problem.html",
        status=problem.status,
        problem=problem,
        problem_words=words.WORDS["problem"],
        reference=request.get(REQUEST_ID, ""),
        # Of an unknown address, or without a database, only the cookie tells.
        signed_in=authentication.cookie_name(request) in request.cookies,
        again=problem.status >= 500 and request.method in (hdrs.METH_GET, hdrs.METH_HEAD),
    )


async def _banner(request: web.Request) -> dict[str, object] | None:
    """How many alarms are open; None when there is none or it is not the reader's business."""
    actor = request[ACTOR]
    if not actor.may(Permission.READ_WORK):
        return None
    deps = request.app[DEPS]
    try:
        counts = await alarms.open_count(deps, actor)
        critical = counts.get(Severity.CRITICAL, 0)
        newest = None
        if critical:
            first = await alarms.list_alarms(deps, actor, open_only=True, limit=1)
            newest = next((alarm for alarm in first.items if alarm.urgent), None)
    except RecorderError as error:
        # The page itself may still be drawn; its own failure speaks for itself.
        logger.warning("open alarms cannot be counted now: %s", error)
        return None
    return {"open": sum(counts.values()), "critical": critical, "newest": newest}


def _may(actor: Actor, permission: str, agency: AgencyId | None = None) -> bool:
    """Whether a page offers it: by the role and, of a thing, for the agency that it belongs to."""
    return actor.may(Permission(permission)) and (agency is None or actor.acts_for(agency))


def _theme(request: web.Request) -> str:
    wish = request.cookies.get(THEME_COOKIE, "")
    return wish if wish in THEMES else "auto"


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None
