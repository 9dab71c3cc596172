"""Tables for spreadsheets as answers; what they hold is the business of who gives the lines."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable, Sequence

from aiohttp import hdrs, web

from recorder.adapters import tables
from recorder.adapters.tables import Cell, Sheet
from recorder.web.content import attachment


class Form(enum.StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


_TYPES = {
    Form.CSV: "text/csv",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def wanted_form(request: web.Request) -> Form | None:
    """The form that ``?as=`` asks for; None means a page."""
    asked = request.query.get("as")
    return Form(asked) if asked in set(Form) else None


async def exported(
    form: Form, name: str, lines: Iterable[Sequence[Cell]], others: Sequence[Sheet] = ()
) -> web.Response:
    """The lines, header first, as a file of this name; no cell of it is a formula.

    ``others`` are further sheets; CSV has none.
    """
    if form is Form.CSV:
        body = await asyncio.to_thread(tables.write_csv, lines)
    else:
        body = await asyncio.to_thread(tables.write_xlsx, name, lines, others)
    return web.Response(
        body=body,
        content_type=_TYPES[form],
        charset="utf-8" if form is Form.CSV else None,
        headers={
            hdrs.CONTENT_DISPOSITION: attachment(f"{name}.{form}"),
            hdrs.CACHE_CONTROL: "no-store",
        },
    )
