"""api.md and problems.md of docs/reference, problems.md of docs/runbook, printed from the code.

    python -m recorder.web.reference docs/reference

writes them; tests compare them with what stands in the folders. Knows no HTTP.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from recorder.web import openapi, problem_runbook, problems
from recorder.web.api.route_table import API_ROUTES
from recorder.web.problem_catalogue import CATALOGUE
from recorder.web.route import Route

_API_HEAD = """# HTTP API

Printed from the route table by `python -m recorder.web.reference docs/reference`; do not edit.
The running service shows the same at `/docs`, and as OpenAPI 3.1 at `/openapi.json`. Errors are
problem details (RFC 9457); `problems.md` lists their codes. Lists are `{"items": […], "next": …}`;
hand `next` back as `cursor`. Times are RFC 3339. docs/design/http.md tells what holds everywhere.
"""

_PROBLEMS_HEAD = """# Problem codes

Printed from the catalogue by `python -m recorder.web.reference docs/reference`; do not edit.
`type` of a problem is `/docs/problems#CODE`. A code never changes its meaning. Any code of status
500 says a reference number and nothing else; the log has the rest. What each means, who sees it
and what not to do stands in [the runbook](../runbook/problems.md), and at `type` itself.

| code | status | title | what to do |
|---|---|---|---|
"""


_RUNBOOK_HEAD = """# Problem codes, one by one

Printed from `recorder/web/runbook` by `python -m recorder.web.reference docs/reference`; do not
edit. A running service shows the same at `/docs/problems`, where the `type` of each problem leads.
Reasons of failed tasks: [reference/pipeline.md](../reference/pipeline.md). Alarms: [the
runbook](README.md). Codes of commands, such as `migration-blocked`:
[guide/operate.md](../guide/operate.md).
"""


def api_page(rows: Iterable[Route]) -> str:
    """The API reference as Markdown."""
    return "\n".join([_API_HEAD, *(_section(row) for row in rows if row.described)])


def _section(row: Route) -> str:
    lines = [f"## {row.method} {row.path}", "", row.summary, ""]
    lines.append(f"Who: {', '.join(openapi.roles(row.permission))} (`{row.permission.value}`).")
    if row.query is not None and row.query.model_fields:
        names = (field.alias or name for name, field in row.query.model_fields.items())
        lines.append("Query: " + ", ".join(f"`{name}`" for name in names) + ".")
    if row.request is not None:
        names = (field.alias or name for name, field in row.request.model_fields.items())
        lines.append("Body: JSON with " + ", ".join(f"`{name}`" for name in names) + ".")
    elif row.request_media_type is not None:
        lines.append(f"Body: `{row.request_media_type}`.")
    lines += [f"Header `{name}`: {about}." for name, about in row.request_headers]
    lines.append(_answer(row))
    lines += [f"Answers {status}: {about}" for status, about in row.answer.others]
    lines += [f"Answers header `{name}`: {about}." for name, about in row.answer.headers]
    if row.problems:
        lines.append("Problems: " + ", ".join(f"`{code}`" for code in row.problems) + ".")
    return "\n".join(lines) + "\n"


def _answer(row: Route) -> str:
    if row.answer.schema is not None:
        said = f"Answers {row.answer.status}: JSON with {_fields(row.answer.schema)}."
        if row.answer.less is None:
            return said
        shape, who = row.answer.less
        return f"{said}\n{who}: JSON with {_fields(shape)}."
    kind = row.answer.media_type or "no content"
    return f"Answers {row.answer.status}: {'bytes of its own type' if kind == '*/*' else kind}."


def _fields(shape: type[BaseModel]) -> str:
    names = (field.alias or name for name, field in shape.model_fields.items())
    return ", ".join(f"`{name}`" for name in names)


def problems_page() -> str:
    """The problem codes as Markdown."""
    lines = [
        f"| [`{code}`](../runbook/problems.md#{code}) | {problems.status_of_code(code)} |"
        f" {entry.title} | {entry.advice} |"
        for code, entry in sorted(CATALOGUE.items())
    ]
    return _PROBLEMS_HEAD + "\n".join(lines) + "\n"


def runbook_page() -> str:
    """What each code means and asks of whom, as Markdown."""
    parts = [_RUNBOOK_HEAD]
    for area in problem_runbook.areas():
        parts.append(f"## {area.title}\n\n{area.about}\n")
        for section in area.sections:
            title = f"{problems.status_of_code(section.code)}, {CATALOGUE[section.code].title}"
            said = "\n".join(f"- **{label}.** {text}" for label, text in section.said.items())
            parts.append(f"### `{section.code}`\n\n{title}.\n\n{said}\n")
    return "\n".join(parts)


def main(folder: Path) -> None:
    """Write the pages into the folder, and the runbook's into the one beside it."""
    (folder / "api.md").write_text(api_page(API_ROUTES), "utf-8")
    (folder / "problems.md").write_text(problems_page(), "utf-8")
    (folder.parent / "runbook" / "problems.md").write_text(runbook_page(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
