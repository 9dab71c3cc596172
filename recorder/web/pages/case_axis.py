"""One time axis for a whole case: what had to be recorded, what is, and the holes. Pure arithmetic.

A case spans months and holds minutes of acts and footage, so the axis is folded: scenes and
footage closer together than half an hour form one stretch, drawn to scale; what lies between
stretches is a fold that says how long it is. Footage at the same time lies in lanes.
"""

from __future__ import annotations

import math
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.domain.case import Stage
from recorder.domain.coverage import Hole, HolePlace, Interval, SceneCoverage, SceneState
from recorder.domain.finding import FindingKind, FindingState
from recorder.domain.ids import RecordingId
from recorder.store.case_footage import FootageOnAxis
from recorder.store.coverage.findings import ToldFinding

FOLD = timedelta(minutes=30)
#: A recording whose length nobody knows is drawn as if it were this long.
UNKNOWN = timedelta(seconds=20)
#: An arrival whose leaving nobody has told yet.
OPEN_SCENE = timedelta(minutes=10)
MOST_LANES = 4
#: In hundredths of a stretch: a hole of seconds must still be seen, and hit.
NARROWEST = 0.7
#: With more bars than this in a stretch those that touch are drawn as one.
MOST_BARS = 150
_TOUCHING = timedelta(seconds=2)
_TOUCHING_SHARE = 0.0015
_WIDEST = 8
#: A hole is one of these findings, if it is any.
OF_HOLES = frozenset(
    {
        FindingKind.UNRECORDED,
        FindingKind.BEGINS_LATE,
        FindingKind.ENDS_EARLY,
        FindingKind.GAP_UNEXPLAINED,
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of wall time that a recording shows, and where in its media that begins."""

    began: datetime
    ended: datetime
    media_ms: int = 0


@dataclass(frozen=True, slots=True)
class Shot:
    """A recording with the time that it shows, as coverage places it."""

    clip: FootageOnAxis
    pieces: tuple[Piece, ...]

    @property
    def began(self) -> datetime:
        return self.pieces[0].began

    @property
    def ended(self) -> datetime:
        return self.pieces[-1].ended


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene as the page of its case tells it; ``number`` counts within the case."""

    number: int
    scene: SceneCoverage
    findings: tuple[ToldFinding, ...]

    @property
    def percent(self) -> int | None:
        """How much is recorded, rounded down: a hole never reads as 100."""
        expected = self.scene.expected_ms
        return 100 * self.scene.covered_ms // expected if expected else None


@dataclass(frozen=True, slots=True)
class FootageBar:
    """Footage, in hundredths of its stretch; ``count`` recordings where many are drawn as one."""

    x: float
    width: float
    lane: int
    piece: Piece
    clip: FootageOnAxis
    count: int = 1


@dataclass(frozen=True, slots=True)
class DutyBar:
    """The time of a scene; open where nobody has told its end."""

    x: float
    width: float
    lane: int
    row: SceneRow
    is_open: bool


@dataclass(frozen=True, slots=True)
class HoleBar:
    """Time of a scene without footage: with its reason, its finding, or still awaited."""

    x: float
    width: float
    hole: Hole
    row: SceneRow
    finding: uuid.UUID | None

    @property
    def look(self) -> str:
        if self.hole.reason:
            return "said"
        if self.finding is None and self.row.scene.state is SceneState.AWAITED:
            return "awaited"
        return "bad"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Acts and footage close together, to scale."""

    began: datetime
    ended: datetime
    #: The time since the stretch before, in which nothing happened; None for the first.
    idle: timedelta | None
    #: 1 to 8: how much of a line it asks for.
    weight: int
    duties: tuple[DutyBar, ...]
    footage: tuple[FootageBar, ...]
    holes: tuple[HoleBar, ...]

    @property
    def stages(self) -> list[Stage | None]:
        """What it shows, in the order of the law: of its scenes, else of its footage."""
        told = {bar.row.scene.stage for bar in self.duties} or {b.clip.stage for b in self.footage}
        return [stage for stage in (*Stage, None) if stage in told]


@dataclass(frozen=True, slots=True)
class Axis:
    """All stretches in the order of time."""

    stretches: tuple[Stretch, ...]
    duty_lanes: int
    lanes: int


def by_stage(
    scenes: Iterable[SceneCoverage], findings: Sequence[ToldFinding]
) -> list[tuple[Stage | None, list[SceneRow]]]:
    """Stages in the order of the law with their scenes in the order of time."""
    rows: dict[Stage | None, list[SceneRow]] = {}
    own: dict[str | None, list[ToldFinding]] = {}
    for told in findings:
        if told.state is not FindingState.WITHDRAWN:
            own.setdefault(told.finding.scene, []).append(told)
    for number, scene in enumerate(sorted(scenes, key=lambda one: one.began_at), 1):
        row = SceneRow(number, scene, tuple(own.get(scene.key, ())))
        rows.setdefault(scene.stage, []).append(row)
    order: list[Stage | None] = [*Stage, None]
    return [(stage, rows[stage]) for stage in order if stage in rows]


def shots(
    clips: Iterable[FootageOnAxis], placed: Mapping[RecordingId, Sequence[Interval]]
) -> list[Shot]:
    """Each recording where coverage places it, else where its own words or its arrival do."""
    found = []
    for clip in clips:
        pieces, media_ms = [], 0
        for shown in placed.get(clip.id, ()):
            pieces.append(Piece(shown.began_at, shown.ended_at, media_ms))
            media_ms += int((shown.ended_at - shown.began_at).total_seconds() * 1000)
        if not pieces:
            length = timedelta(milliseconds=clip.length_ms) if clip.length_ms > 0 else UNKNOWN
            pieces = [Piece(clip.at, clip.at + length)]
        found.append(Shot(clip, tuple(pieces)))
    return sorted(found, key=lambda shot: (shot.began, shot.ended))


def nearest(taken: Sequence[Shot], at: datetime) -> tuple[Shot, int] | None:
    """The recording that shows the moment, else the nearest one, and the place in its media."""

    def away(shot: Shot) -> timedelta:
        return max(shot.began - at, at - shot.ended, timedelta())

    if not taken:
        return None
    shot = min(taken, key=away)
    piece = max((p for p in shot.pieces if p.began <= at), default=shot.pieces[0], key=_begin)
    within = min(max(at, piece.began), piece.ended) - piece.began
    return shot, piece.media_ms + int(within.total_seconds() * 1000)


def lay_out(rows: Sequence[SceneRow], taken: Sequence[Shot]) -> Axis:
    """Every bar lies within its stretch, 0 to 100."""
    rows, taken = sorted(rows, key=_begin_of), sorted(taken, key=_began)
    spans = sorted(
        [(_begin_of(row), _end_of(row)) for row in rows]
        + [(shot.began, shot.ended) for shot in taken]
    )
    stretches: list[Stretch] = []
    for began, ended in _joined(spans):
        before = stretches[-1].ended if stretches else None
        own = rows[
            bisect_left(rows, began, key=_begin_of) : bisect_right(rows, ended, key=_begin_of)
        ]
        shown = taken[
            bisect_left(taken, began, key=_began) : bisect_right(taken, ended, key=_began)
        ]
        stretches.append(_stretch(began, ended, before, own, shown))
    return Axis(
        tuple(stretches),
        max((bar.lane + 1 for each in stretches for bar in each.duties), default=0),
        max((bar.lane + 1 for each in stretches for bar in each.footage), default=1),
    )


def spoken(gap: timedelta) -> tuple[str, int]:
    """A gap in its largest whole unit: ``("days", 3)``, ``("hours", 5)`` or ``("minutes", 40)``."""
    seconds = int(gap.total_seconds())
    if seconds >= 86400:
        return "days", seconds // 86400
    if seconds >= 3600:
        return "hours", seconds // 3600
    return "minutes", max(1, seconds // 60)


def _begin(piece: Piece) -> datetime:
    return piece.began


def _began(shot: Shot) -> datetime:
    return shot.began


def _begin_of(row: SceneRow) -> datetime:
    return row.scene.began_at


def _end_of(row: SceneRow) -> datetime:
    return row.scene.ended_at or row.scene.began_at + OPEN_SCENE


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for began, ended in spans:
        if found and began - found[-1][1] <= FOLD:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((began, ended))
    return found


def _stretch(
    began: datetime,
    ended: datetime,
    before: datetime | None,
    rows: Sequence[SceneRow],
    taken: Sequence[Shot],
) -> Stretch:
    ended = max(ended, began + timedelta(seconds=1))
    minutes = (ended - began).total_seconds() / 60

    def placed(first: datetime, last: datetime) -> tuple[float, float]:
        whole = (ended - began).total_seconds()
        width = max(NARROWEST, 100 * (last - first).total_seconds() / whole)
        return min(100 * (first - began).total_seconds() / whole, 100 - width), width

    duties, free = [], list[datetime]()
    for row in rows:
        lane = _lane(free, _begin_of(row), _end_of(row))
        place = placed(_begin_of(row), _end_of(row))
        duties.append(DutyBar(*place, lane, row, row.scene.ended_at is None))
    bars, free = [], []
    for shot in taken:
        lane = _lane(free, shot.began, shot.ended)
        bars += [
            FootageBar(*placed(piece.began, piece.ended), lane, piece, shot.clip)
            for piece in shot.pieces
        ]
    if len(bars) > MOST_BARS:
        merged = _merged(bars, max(_TOUCHING, (ended - began) * _TOUCHING_SHARE))
        bars = [
            FootageBar(
                *placed(bar.piece.began, bar.piece.ended), bar.lane, bar.piece, bar.clip, bar.count
            )
            for bar in merged
        ]
    holes = [
        HoleBar(*placed(hole.span.began_at, hole.span.ended_at), hole, row, _finding_of(row, hole))
        for row in rows
        for hole in _holes_of(row)
        if row.scene.level.must
    ]
    return Stretch(
        began,
        ended,
        began - before if before else None,
        1 + min(_WIDEST - 1, int(math.log2(1 + minutes / 10))),
        tuple(duties),
        tuple(bars),
        tuple(holes),
    )


def _lane(free: list[datetime], began: datetime, ended: datetime) -> int:
    """The first lane that is free by then; the last one takes what finds none."""
    lane = 0
    while lane < len(free) and free[lane] > began:
        lane += 1
    lane = min(lane, MOST_LANES - 1)
    if lane == len(free):
        free.append(ended)
    free[lane] = max(free[lane], ended)
    return lane


def _merged(bars: Iterable[FootageBar], near: timedelta) -> list[FootageBar]:
    """Bars of one lane and state that all but touch, drawn as one."""
    last: dict[tuple[int, str], int] = {}
    #: The first bar of each, when it ends, and how many they are.
    found: list[tuple[FootageBar, datetime, int]] = []
    for bar in sorted(bars, key=lambda one: one.piece.began):
        key = (bar.lane, bar.clip.state)
        at = last.get(key)
        if at is not None and bar.piece.began - found[at][1] <= near:
            first, ended, count = found[at]
            found[at] = first, max(ended, bar.piece.ended), count + 1
        else:
            last[key] = len(found)
            found.append((bar, bar.piece.ended, 1))
    return [
        replace(first, piece=replace(first.piece, ended=ended), count=count)
        for first, ended, count in found
    ]


def _holes_of(row: SceneRow) -> tuple[Hole, ...]:
    scene = row.scene
    if scene.ended_at is None and scene.state is SceneState.UNRECORDED:
        # Nobody told how long it is: all of the bar that stands for it.
        return (Hole(Interval(_begin_of(row), _end_of(row)), HolePlace.WHOLE),)
    return scene.holes


def _finding_of(row: SceneRow, hole: Hole) -> uuid.UUID | None:
    return next(
        (
            told.id
            for told in row.findings
            if told.finding.kind in OF_HOLES and told.finding.began_at == hole.span.began_at
        ),
        None,
    )
