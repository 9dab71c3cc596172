"""Events of a case become scenes: arrival, leaving and what happened between are one visit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, CaseEvent, EventKind, EventOfficer, Exemption, Place
from recorder.domain.coverage.facts import CaseFacts, Interval
from recorder.domain.duty import STRICTNESS, DutyLevel, DutyList, DutyRule
from recorder.domain.ids import AgencyId

#: A scan belongs to the scene that begins this soon after it.
SCAN_BEFORE = timedelta(minutes=30)
#: A scene whose leaving nobody told is looked for in footage and scans for so long.
OPEN_FOR = timedelta(hours=24)
_NO_RULE = len(STRICTNESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What may have to be recorded, from arrival to leaving, with the rule that applies."""

    #: The same for the same visit or event of a source.
    key: str
    agency: AgencyId
    kind: EventKind
    act_type: ActType | None
    stage: Stage | None
    matter: str | None
    began_at: datetime
    #: None until the leaving is told.
    ended_at: datetime | None
    #: The end; where it is not known until when the scene may have gone on at the most.
    until: datetime
    events: tuple[CaseEvent, ...]
    officers: tuple[EventOfficer, ...]
    place: Place | None
    exemption: Exemption | None
    scan: str | None
    duty_list: DutyList | None
    rule: DutyRule | None

    @property
    def level(self) -> DutyLevel:
        if self.rule is None:
            return DutyLevel.OPTIONAL
        if self.exemption is not None and self.rule.level.must:
            return DutyLevel.EXEMPT
        return self.rule.level

    @property
    def span(self) -> Interval | None:
        return None if self.ended_at is None else Interval(self.began_at, self.ended_at)


def scenes_of(facts: CaseFacts) -> tuple[tuple[Scene, ...], tuple[CaseEvent, ...]]:
    """The scenes in the order of time, and the scans that belong to none."""
    visits: dict[str, list[CaseEvent]] = {}
    scans: list[CaseEvent] = []
    for event in sorted(facts.events, key=lambda e: (e.began_at, e.source, e.key)):
        joins = event.kind.is_scene or event.kind in (EventKind.ARRIVAL, EventKind.LEAVING)
        if joins and (event.kind.is_scene or event.visit):
            visits.setdefault(_key(event), []).append(event)
        elif event.kind is EventKind.SCAN:
            scans.append(event)
    scenes = [
        scene for key, events in visits.items() if (scene := _scene(facts, key, events)) is not None
    ]
    scenes.sort(key=lambda scene: (scene.began_at, scene.key))
    scenes = [replace(scene, scan=_scan_of(scene, scans)) for scene in scenes]
    taken = {scan.id for scan in scans if any(_belongs(scan, s.key, s) for s in scenes)}
    return tuple(scenes), tuple(scan for scan in scans if scan.id not in taken)


def scene_key(source: str, agency: AgencyId, key: str, visit: str | None) -> str:
    """The scene to which an event belongs, by source, organ, key and visit."""
    # Several organs may be at one place; each answers for its own.
    return f"{source}/{agency}/visit/{visit}" if visit else f"{source}/{key}"


def _key(event: CaseEvent) -> str:
    return scene_key(event.source, event.agency, event.key, event.visit)


def _belongs(scan: CaseEvent, key: str, scene: Scene) -> bool:
    return (scan.visit is not None and _key(scan) == key) or _shortly_before(scan, scene)


def _shortly_before(scan: CaseEvent, scene: Scene) -> bool:
    return scene.began_at - SCAN_BEFORE <= scan.began_at <= scene.until


def _scan_of(scene: Scene, scans: Iterable[CaseEvent]) -> str | None:
    if scene.scan is not None:
        return scene.scan
    found = next((scan for scan in scans if _belongs(scan, scene.key, scene)), None)
    return None if found is None else found.scan or found.key


def _scene(facts: CaseFacts, key: str, events: list[CaseEvent]) -> Scene | None:
    happened = [event for event in events if event.kind.is_scene]
    arrivals = [event for event in events if event.kind is EventKind.ARRIVAL]
    begins = [event.began_at for event in (*happened, *arrivals)]
    if not begins:
        # A leaving alone: nobody has said when it began.
        return None
    leavings = [event.began_at for event in events if event.kind is EventKind.LEAVING]
    ends = [event.ended_at for event in happened if event.ended_at is not None]
    began, ended = min(begins), max((*ends, *leavings), default=None)
    # What is known to have begun later was not over then.
    if ended is not None and ended < max(begins):
        ended = None
    shown, duty_list, rule = _strictest(facts, happened or arrivals, began)
    return Scene(
        key=key,
        agency=shown.agency,
        kind=shown.kind if shown.kind.is_scene else EventKind.ONSITE_INSPECTION,
        act_type=shown.act_type or facts.act_type,
        stage=shown.stage,
        matter=shown.matter or facts.matter,
        began_at=began,
        ended_at=ended,
        until=began + OPEN_FOR if ended is None else ended,
        events=tuple(events),
        officers=_officers(events),
        place=next((e.place for e in (shown, *events) if _is_placed(e.place)), shown.place),
        exemption=next((e.exemption for e in events if e.exemption is not None), None),
        scan=next((e.scan for e in events if e.scan), None),
        duty_list=duty_list,
        rule=rule,
    )


def _strictest(
    facts: CaseFacts, events: list[CaseEvent], began: datetime
) -> tuple[CaseEvent, DutyList | None, DutyRule | None]:
    """The event of a visit that asks for most, with list and rule of the day on which it began.

    Of equals the first.
    """

    def judged(event: CaseEvent) -> tuple[CaseEvent, DutyList | None, DutyRule | None]:
        found = facts.list_of(event.agency, began)
        kind = event.kind if event.kind.is_scene else EventKind.ONSITE_INSPECTION
        rule = found and found.rule_for(
            event.act_type or facts.act_type, event.stage, kind, event.matter or facts.matter
        )
        return event, found, rule or None

    return min(
        map(judged, events),
        key=lambda each: STRICTNESS[each[2].level] if each[2] else _NO_RULE,
    )


def _officers(events: Iterable[CaseEvent]) -> tuple[EventOfficer, ...]:
    found: dict[str, EventOfficer] = {}
    for event in events:
        for officer in event.officers:
            known = found.get(officer.number)
            if known is None or known.certificate is None:
                found[officer.number] = officer
    return tuple(found[number] for number in sorted(found))


def _is_placed(place: Place | None) -> bool:
    return place is not None and place.latitude is not None and place.longitude is not None
