"""The messages of the case systems: late, out of order, twice, corrected (rows of the feed)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta

from recorder.domain.case_event import EventKind
from recorder.simulation.dice import Dice
from recorder.simulation.footage import written
from recorder.simulation.model import Case, Officer, Scene

#: Of the ten sources the last two tell arrival and leaving in two messages, and speak in codes.
SOURCES_OF_TWO_MESSAGES = frozenset({8, 9})
_CODES = {kind.value: f"XC{n:02d}" for n, kind in enumerate(EventKind, 1)}
_MOST_HELD = 64
Row = dict[str, object]
Write = Callable[[str], object]


def mapping(source: int) -> dict[str, str]:
    """The source's codes and what they mean; most speak our own words."""
    if source in SOURCES_OF_TWO_MESSAGES:
        return {code: kind for kind, code in _CODES.items()}
    return {kind.value: kind.value for kind in EventKind}


class Outbox:
    """One source's messages on their way: some overtake others, some come twice or corrected."""

    def __init__(self, source: int, seed: int, write: Write) -> None:
        self.source = source
        self._dice = Dice(seed, f"outbox/{source}")
        self._write = write
        self._held: list[Row] = []

    def send(self, row: Row) -> None:
        """Send the row, perhaps later; in some cases a wrong revision goes before or after it."""
        if row["kind"] == "event" and self._dice.chance(0.03):
            wrong = dict(row)
            row = {**row, "revision": 2}
            wrong["officers"], wrong["matter"] = [], None
            self._put(wrong)
        self._put(row)
        if self._dice.chance(0.01):
            self._put(dict(row))
        if self._held and self._dice.chance(0.15):
            self._out(self._held.pop(self._dice.whole(0, len(self._held) - 1)))

    def close(self) -> None:
        for row in self._held:
            self._out(row)
        self._held.clear()

    def _put(self, row: Row) -> None:
        if len(self._held) < _MOST_HELD and self._dice.chance(0.12):
            self._held.append(row)
        else:
            self._out(row)

    def _out(self, row: Row) -> None:
        self._write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


class Messages:
    """How one case is told to its outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def case(self, case: Case, opened: date, at: datetime) -> None:
        identifiers = [{"scheme": "case", "number": case.number}]
        if case.scan:
            identifiers.append({"scheme": "scan", "number": case.scan})
        self._send(
            case,
            "case",
            case.key,
            at,
            identifiers=identifiers,
            title=f"示例案件{case.key}",
            act_type=case.act_type.value,
            matter=case.matter,
            opened_on=opened.isoformat(),
            state="open",
        )

    def moment(self, case: Case, kind: EventKind, stage: str, at: datetime) -> None:
        scan = {"scan": case.scan} if kind is EventKind.SCAN else {}
        self._event(case, f"{case.key}-{kind.value}", kind, at, stage=stage, **scan)

    def scene(self, scene: Scene) -> None:
        case = scene.case
        told: Row = {
            "stage": scene.stage.value,
            "officers": _officers(scene.officers),
            "place": {
                "lat": round(scene.latitude, 6),
                "lon": round(scene.longitude, 6),
                "text": f"示例路{int(scene.latitude * 1e4) % 300}号",
            },
        }
        if case.scan and scene.kind is EventKind.ONSITE_INSPECTION and not _unscanned(scene):
            told["scan"] = case.scan
        if scene.exempt:
            told["exempt"] = {"reason": "涉及个人隐私", "approver": "示例负责人"}
        in_two = self._outbox.source in SOURCES_OF_TWO_MESSAGES
        if in_two:
            self._event(case, scene.key, scene.kind, scene.began, visit=scene.key, **told)
            if not _unended(scene):
                key = f"{scene.key}-leaving"
                self._event(case, key, EventKind.LEAVING, scene.ended, visit=scene.key)
        else:
            if not _unended(scene):
                told["ended_at"] = written(scene.ended)
            self._event(case, scene.key, scene.kind, scene.began, **told)

    def record(self, scene: Scene, apart: timedelta) -> None:
        """The written record of a scene; ``apart``: how far its times are from the real ones."""
        self._send(
            scene.case,
            "document",
            f"{scene.key}-record",
            scene.ended,
            document="record",
            case=scene.case.key,
            event=scene.key,
            began_at=written(scene.began + apart),
            ended_at=written(scene.ended + apart),
            officers=_officers(scene.officers),
        )

    def withdrawal(self, case: Case, key: str, at: datetime) -> None:
        self._send(case, "withdrawal", f"{key}-void", at, of=key, reason="录入错误")

    def _event(self, case: Case, key: str, kind: EventKind, at: datetime, **more: object) -> None:
        code = _CODES[kind.value] if self._outbox.source in SOURCES_OF_TWO_MESSAGES else kind.value
        self._send(
            case,
            "event",
            key,
            at,
            event=code,
            case=case.key,
            act_type=case.act_type.value,
            matter=case.matter,
            **more,
        )

    def _send(self, about: Case, row_kind: str, row_key: str, at: datetime, **more: object) -> None:
        self._outbox.send(
            {
                "kind": row_kind,
                "key": row_key,
                "revision": 1,
                "occurred_at": written(at),
                "organ": about.team.agency.code,
                **more,
            }
        )


def _unscanned(scene: Scene) -> bool:
    return scene.planted == "recording_without_scan"


def _unended(scene: Scene) -> bool:
    return scene.planted == "leaving_untold"


def _officers(officers: tuple[Officer, ...]) -> list[Row]:
    return [{"number": one.number, "certificate": one.certificate} for one in officers]
