"""/docs and /docs/problems: API reference and runbook of codes as plain HTML, without scripts."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from aiohttp import hdrs, web

from recorder.web import openapi, problem_runbook, problems
from recorder.web.middleware import ROWS
from recorder.web.problem_catalogue import CATALOGUE
from recorder.web.route import Route

_STYLE = """
:root { color-scheme: light dark; --edge: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
section { border-top: 1px solid var(--edge); padding: .6rem 0; }
section > h3 { font-size: 1rem; margin: 0; } section p { margin: .2rem 0; }
.method { display: inline-block; min-width: 5rem; font-weight: 600; }
.quiet { opacity: .72; } nav a { margin-right: 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid var(--edge); padding: .35rem .5rem .35rem 0; text-align: left;
vertical-align: top; } :target { background: color-mix(in srgb, currentColor 10%, transparent); }
"""


async def api(request: web.Request) -> web.StreamResponse:
    rows = [row for row in request.app[ROWS].values() if row.described]
    tags = sorted({row.tags[0] for row in rows if row.tags})
    parts = [
        "<p>One table of routes makes this page, <a href='/openapi.json'>openapi.json</a> and the"
        " permissions. Send <code>Authorization: Bearer TOKEN</code>; errors are"
        " <a href='/docs/problems'>problem details</a> (RFC 9457).</p><nav>",
        *(f"<a href='#{tag}'>{tag}</a>" for tag in tags),
        "</nav>",
        *(_tag(tag, [row for row in rows if row.tags[:1] == (tag,)]) for tag in tags),
    ]
    return _page("HTTP API", "".join(parts))


def _tag(tag: str, rows: Iterable[Route]) -> str:
    return f"<h2 id='{tag}'>{tag}</h2>" + "".join(_row(row) for row in rows)


def _row(row: Route) -> str:
    texts = [escape(row.summary)]
    if row.query is not None and row.query.model_fields:
        names = [field.alias or name for name, field in row.query.model_fields.items()]
        texts.append("Query: " + _codes(names))
    if row.request is not None:
        names = [field.alias or name for name, field in row.request.model_fields.items()]
        texts.append("Body: " + _codes(names))
    texts += [f"{_codes([name])}: {escape(about)}" for name, about in row.request_headers]
    shape = row.answer.schema
    said = _codes(list(shape.model_fields)) if shape else escape(row.answer.media_type or "nothing")
    texts.append(f"Answers {row.answer.status}: {said}")
    if row.answer.less is not None:
        shape, who = row.answer.less
        texts.append(f"{escape(who)}: {_codes(list(shape.model_fields))}")
    links = ", ".join(f"<a href='/docs/problems#{c}'>{c}</a>" for c in row.problems)
    if links:
        texts.append(f"Problems: {links}")
    who = ", ".join(openapi.roles(row.permission))
    body = "".join(f"<p>{text}</p>" for text in texts)
    return (
        f"<section id='{openapi.operation_id(row)}'><h3><span class='method'>{row.method}</span>"
        f"<code>{escape(row.path)}</code></h3>{body}<p class='quiet'>{escape(who)}</p></section>"
    )


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


async def problem_codes(_request: web.Request) -> web.StreamResponse:
    areas = problem_runbook.areas()
    parts = [
        "<p>The <code>type</code> of a problem leads to its section here. A code never changes"
        " its meaning.</p><nav>",
        *(f"<a href='#{area.anchor}'>{escape(area.title)}</a>" for area in areas),
        "</nav>",
        *(_area(area) for area in areas),
    ]
    return _page("Problem codes", "".join(parts))


def _area(area: problem_runbook.Area) -> str:
    sections = "".join(_problem(section) for section in area.sections)
    about = problem_runbook.as_html(area.about)
    return f"<h2 id='{area.anchor}'>{escape(area.title)}</h2><p>{about}</p>{sections}"


def _problem(section: problem_runbook.Section) -> str:
    code = section.code
    said = "".join(
        f"<p><strong>{label}.</strong> {problem_runbook.as_html(text)}</p>"
        for label, text in section.said.items()
    )
    return (
        f"<section id='{code}'><h3><code>{code}</code></h3><p class='quiet'>"
        f"{problems.status_of_code(code)} · {escape(CATALOGUE[code].title)}</p>{said}</section>"
    )


async def style(_request: web.Request) -> web.StreamResponse:
    return web.Response(
        text=_STYLE, content_type="text/css", headers={hdrs.CACHE_CONTROL: "max-age=3600"}
    )


def _page(title: str, body: str) -> web.Response:
    return web.Response(
        text=(
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f"<title>{title} · Recorder</title><link rel='stylesheet' href='/docs/style.css'>"
            f"</head><body><h1>{title}</h1>{body}</body></html>"
        ),
        content_type="text/html",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )
