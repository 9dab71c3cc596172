"""Findings from what the rules saw: the rule they rest on, and facts as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from recorder.domain.coverage.facts import CaseFacts, Interval
from recorder.domain.coverage.scenes import Scene
from recorder.domain.duty import DutyList
from recorder.domain.finding import (
    STATUTES,
    WHOLE_PROCESS,
    Confidence,
    Finding,
    FindingKind,
    Severity,
)
from recorder.domain.ids import AgencyId, RecordingId
from recorder.domain.instant import format_utc

_NO_FACTS: Mapping[str, object] = {}
#: Kinds that rest on the scene's own rule before anything else.
_OF_THE_RULE = frozenset({FindingKind.UNRECORDED, FindingKind.END_UNKNOWN})


def moment(at: datetime) -> str:
    return format_utc(at)


def found(
    facts: CaseFacts,
    kind: FindingKind,
    severity: Severity,
    *,
    scene: Scene | None = None,
    about: str = "",
    agency: AgencyId | None = None,
    day_of: datetime | None = None,
    span: Interval | None = None,
    confidence: Confidence = Confidence.CERTAIN,
    recordings: Sequence[RecordingId] = (),
    officers: Sequence[str] = (),
    facts_: Mapping[str, object] = _NO_FACTS,
) -> Finding:
    """A finding about a scene, or about footage of an agency on a day."""
    organ = scene.agency if scene else agency or facts.agency
    when = span or (scene and scene.span)
    began_at = when.began_at if when else (scene.began_at if scene else day_of)
    if began_at is None:
        raise ValueError(f"a {kind} has a day")
    duty_list = scene.duty_list if scene else facts.list_of(organ, began_at)
    told: dict[str, object] = dict(facts_)
    if scene is not None:
        told = {
            "scene": scene.kind.value,
            "began_at": moment(scene.began_at),
            "ended_at": moment(scene.ended_at) if scene.ended_at else None,
            **told,
        }
    return Finding(
        case=facts.case,
        agency=organ,
        kind=kind,
        severity=severity,
        confidence=confidence,
        rule=_rule(kind, scene, duty_list),
        scene=scene.key if scene else None,
        about=about,
        began_at=began_at,
        ended_at=when.ended_at if when else None,
        recordings=tuple(recordings),
        officers=tuple(officers) or _numbers(scene),
        facts=told,
    )


def _numbers(scene: Scene | None) -> tuple[str, ...]:
    return tuple(officer.number for officer in scene.officers) if scene else ()


def _rule(kind: FindingKind, scene: Scene | None, duty_list: DutyList | None) -> str:
    own = scene.rule.legal_basis if scene and scene.rule else ""
    named = duty_list.bases.get(kind.value, "") if duty_list else ""
    general = STATUTES.get(kind, "")
    if kind in _OF_THE_RULE:
        return own or named or general or WHOLE_PROCESS
    return named or general or own or WHOLE_PROCESS
