"""The figures of the dashboard as sheets, in the reader's words."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.adapters.tables import Cell
from recorder.domain.finding import FindingKind
from recorder.services.dashboard import Dashboard, Line
from recorder.store.case_classes import ClassLine
from recorder.store.coverage.days import SceneCount
from recorder.store.coverage.lines import DeviceLine, OfficerLine, SceneWithHoles
from recorder.web.i18n import Catalogue
from recorder.web.pages import finding_words, words

Row = list[Cell]
Sheet = tuple[str, list[Row]]
_SCENES = (
    "share", "scenes", "must", "recorded", "holes", "unrecorded", "awaited", "gaps", "explained",
    "recordings", "late", "expected_h", "covered_h", "missing_h",
)  # fmt: skip
_OTHERS = (
    "share_before", "late_median_h", "late_p90_h", "findings_waiting", "findings_overdue",
    "findings_closed", "unlinked", "unlinked_h", "footage_h",
    "devices", "devices_used", "devices_idle", "footage", "marked", "marked_share",
    "unmarked_overdue",
)  # fmt: skip
_FILMED = ("footage_h", "footage", "marked", "unmarked_overdue")


def sheets(
    messages: Catalogue,
    told: Dashboard,
    officers: Sequence[OfficerLine],
    devices: Sequence[tuple[DeviceLine, int]],
    scenes: Sequence[SceneWithHoles],
    classes: Sequence[ClassLine],
) -> list[Sheet]:
    """Organisations, time, findings, classes; at the last level officers, devices and scenes."""

    def head(*columns: str) -> Row:
        return [words.word(messages, "figure_column", column) for column in columns]

    def named(sheet: str) -> str:
        return words.word(messages, "figure_sheet", sheet)

    organisations: list[Row] = [
        [*_who(line), *_scenes(line.scenes), *_others(line)] for line in told.lines
    ]
    times: list[Row] = [[since.isoformat(), *_scenes(count)] for since, count in told.times]
    kinds: list[Row] = [
        [finding_words.title(messages, FindingKind(kind)), s.open, s.replied, s.appealed, s.closed]
        for kind, s in told.kinds
    ]
    found: list[Sheet] = [
        (named("organisations"), [head("code", "name", *_SCENES, *_OTHERS), *organisations]),
        (named("times"), [head("since", *_SCENES), *times]),
        (named("findings"), [head("kind", "open", "replied", "appealed", "closed"), *kinds]),
    ]
    if classes:
        cases: list[Row] = [
            [words.word(messages, "case_class", one.name.value), one.cases] for one in classes
        ]
        found.append((named("classes"), [head("class", "cases"), *cases]))
    if officers:
        people = [_officer(one) for one in officers]
        found.append(
            (
                named("officers"),
                [head("number", "name", *_SCENES, *_FILMED), *people],
            )
        )
    if devices:
        columns = head("number", "silent_days", "days", "recordings", "footage_h", "unlinked")
        lines: list[Row] = [
            [one.number, silent, one.days, one.recordings, _hours(one.footage_ms), one.unlinked]
            for one, silent in devices
        ]
        found.append((named("devices"), [columns, *lines]))
    if scenes:
        columns = head(
            "case", "code", "scene", "began_at", "officers", "share", "missing_h", "late"
        )
        found.append((named("scenes"), [columns, *(_scene(messages, one) for one in scenes)]))
    return found


def _who(line: Line) -> Row:
    return [line.place.code, line.place.name]


def _hours(milliseconds: int) -> float:
    return round(milliseconds / 3_600_000, 2)


def _percent(permille: int | None) -> float | None:
    return None if permille is None else permille / 10


def _scenes(count: SceneCount) -> Row:
    return [
        _percent(count.permille),
        *(getattr(count, name) for name in _SCENES[1:11]),
        _hours(count.expected_ms),
        _hours(count.covered_ms),
        _hours(count.missing_ms),
    ]


def _others(line: Line) -> Row:
    return [
        _percent(line.before.permille) if line.before else None,
        line.lateness.median_h,
        line.lateness.p90_h,
        line.findings.waiting,
        line.overdue,
        line.findings.closed,
        line.unlinked,
        _hours(line.unlinked_ms),
        _hours(line.footage_ms),
        line.devices.registered,
        line.devices.used,
        line.devices.idle,
        line.recordings,
        line.marked,
        _percent(line.marked_permille),
        line.unmarked_overdue,
    ]


def _officer(one: OfficerLine) -> Row:
    return [
        one.number,
        one.name,
        *_scenes(one.count),
        _hours(one.footage_ms),
        one.recordings,
        one.marked,
        one.unmarked_overdue,
    ]


def _scene(messages: Catalogue, one: SceneWithHoles) -> Row:
    expected = one.expected_ms
    return [
        one.number,
        one.agency_code,
        words.word(messages, "scene", one.kind),
        one.began_at.isoformat(),
        " ".join(one.officers),
        _percent(1000 * one.covered_ms // expected) if expected else None,
        _hours(expected - one.covered_ms),
        one.late,
    ]
