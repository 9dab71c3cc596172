"""What the demo's case system tells: an act of its case; and what of it turns out recorded."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from recorder.commands.demo.visitor import Visitor
from recorder.config import read_config
from recorder.domain.instant import CHINA
from recorder.domain.people import OPERATOR
from recorder.embedded.stack import Running
from recorder.errors import IntegrityError, Unavailable
from recorder.runtime import open_deps
from recorder.services.feeding import sources

_PATIENCE_S = 120.0
_OFFICERS = [{"number": "440301"}, {"number": "440302"}]


@dataclass(frozen=True, slots=True)
class Found:
    """What the report tells."""

    case: str
    #: As GET /findings lists them, for this case.
    findings: list[dict[str, Any]]


async def tell(
    running: Running,
    supervisor: Visitor,
    number: str,
    device: str,
    clips: list[dict[str, Any]],
) -> Found:
    """Feed a seizure that the clips show; wait for the findings."""
    async with open_deps(read_config(running.environment)) as deps:
        added = await sources.add_source(deps, OPERATOR, name=f"demo-{device.lower()}")
    began = min(_time(clip["started_at"]) for clip in clips)
    ended = max(_time(clip["ended_at"] or clip["started_at"]) for clip in clips)
    rows = [
        _row("case", "1", began, act_type="coercion", title="演示案件", number=number),
        _row("event", "1-1", began, event="seizure", ended_at=ended, stage="investigation"),
    ]
    system = Visitor(running.url, added.token)
    taken = await system.post(f"/feed/{added.source.name}", rows)
    if taken["accepted"] != len(rows):
        raise IntegrityError("demo-feed", f"The case system's rows were not taken: {taken}")
    found = await supervisor.get("/cases", number=number)
    case = found["items"][0]["id"]
    return Found(case, await _findings(supervisor, case))


async def _findings(supervisor: Visitor, case: str) -> list[dict[str, Any]]:
    """The case's findings once the gap between its clips is among them."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        own: list[dict[str, Any]] = (await supervisor.get("/findings", case=case, limit="200"))[
            "items"
        ]
        if any(one["kind"] == "gap_unexplained" for one in own):
            return own
        await asyncio.sleep(0.3)
    raise Unavailable("demo-patience", "The gap was not found in two minutes.")


def _row(
    kind: str, key: str, at: datetime, *, number: str | None = None, **said: object
) -> dict[str, object]:
    row: dict[str, object] = {"kind": kind, "key": key, "revision": 1, "occurred_at": _said(at)}
    if number is not None:
        row["identifiers"] = [{"scheme": "case", "number": number}]
    if kind == "event":
        row |= {"case": "1", "act_type": "coercion", "officers": _OFFICERS}
    return row | {k: _said(v) if isinstance(v, datetime) else v for k, v in said.items()}


def _said(at: datetime) -> str:
    return at.astimezone(CHINA).isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


#: The demo's clips are so old, so that their term for handing in has passed.
AGO = timedelta(days=14)
