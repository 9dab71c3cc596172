"""JSON of findings and of a case's coverage, and what requests about them may hold."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import Field, WithJsonSchema

from recorder.domain.coverage import SceneCoverage
from recorder.domain.finding import Finding, FindingKind, FindingState, Severity
from recorder.domain.ids import CaseId
from recorder.services.coverage import CaseCoverage, FindingView
from recorder.store.coverage.findings import FindingAct, ToldFinding, Wanted
from recorder.web.schemas import Body, Moment, PageQuery, Query
from recorder.web.shape import Shape

_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_Word = Annotated[str, Field(min_length=1, max_length=100)]


def _one_of(codes: type[enum.StrEnum]) -> WithJsonSchema:
    """Queries are described in place, not by reference."""
    return WithJsonSchema({"type": "string", "enum": [code.value for code in codes]})


_Kind = Annotated[FindingKind, _one_of(FindingKind)]
_Severity = Annotated[Severity, _one_of(Severity)]
_State = Annotated[FindingState, _one_of(FindingState)]


class FindingsQuery(PageQuery):
    """Which findings; every parameter narrows. Withdrawn ones only where they are asked for."""

    agency: Annotated[_Word | None, Field(description="agency code, with all below it")] = None
    case: Annotated[uuid.UUID | None, Field(description="id of a case")] = None
    kind: _Kind | None = None
    severity: _Severity | None = None
    state: _State | None = None
    officer: Annotated[_Word | None, Field(description="officer's number")] = None
    owner: Annotated[_Word | None, Field(description="who is to answer")] = None
    overdue: Annotated[bool, Field(description="open, and the time for an answer is over")] = False
    from_: Annotated[date | None, Field(alias="from", description="first day, in China")] = None
    to: Annotated[date | None, Field(description="last day, in China")] = None

    def wanted(self, now: datetime) -> Wanted:
        return Wanted(
            agency=self.agency,
            case=CaseId(self.case) if self.case else None,
            kind=self.kind,
            severity=self.severity,
            state=self.state,
            officer=self.officer,
            owner=self.owner,
            first=self.from_,
            last=self.to,
            overdue_at=now if self.overdue else None,
        )


class TextBody(Body):
    """What somebody says about a finding."""

    text: _Text


class AssignBody(Body):
    """Who is to answer, and until when."""

    owner: _Word
    answer_by: Moment | None = None
    text: _Text | None = None


class CoverageQuery(Query):
    """Which moment is asked about."""

    as_of: Annotated[
        Moment | None, Field(description="by what was known at this moment; else now")
    ] = None


class FoundShape(Shape):
    """What an evaluation found, before anybody said anything about it."""

    kind: str = Field(description="a stable word; the reference of coverage lists them")
    severity: str = Field(description="critical, major, minor or notice")
    confidence: str = Field(description="certain, probable or doubtful")
    rule: str = Field(description="name and article")
    scene: str | None = Field(description="key of the scene it is about")
    began_at: datetime
    ended_at: datetime | None
    recordings: tuple[uuid.UUID, ...]
    officers: tuple[str, ...]
    facts: dict[str, object] = Field(description="what was expected and found, by kind")

    @classmethod
    def of(cls, finding: Finding) -> FoundShape:
        return cls(**_found(finding))  # type: ignore[arg-type]


def _found(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "rule": finding.rule,
        "scene": finding.scene,
        "began_at": finding.began_at,
        "ended_at": finding.ended_at,
        "recordings": finding.recordings,
        "officers": finding.officers,
        "facts": dict(finding.facts),
    }


class FindingShape(FoundShape):
    """A finding as it is kept."""

    id: uuid.UUID
    state: str = Field(description="open, replied, appealed, closed or withdrawn")
    case: uuid.UUID
    number: str = Field(description="first number of the case")
    agency: str
    day: date = Field(description="in China; what figures count it on")
    raised_at: datetime
    changed_at: datetime
    owner: str | None
    owner_left: bool = Field(description="the owner belongs to another agency by now")
    answer_by: datetime | None

    @classmethod
    def told(cls, told: ToldFinding) -> FindingShape:
        return cls(
            **_found(told.finding),  # type: ignore[arg-type]
            id=told.id,
            state=told.state.value,
            case=told.finding.case,
            number=told.number,
            agency=told.agency_code,
            day=told.day,
            raised_at=told.raised_at,
            changed_at=told.changed_at,
            owner=told.owner,
            owner_left=told.owner_left,
            answer_by=told.answer_by,
        )


class ActShape(Shape):
    """One line of the conversation."""

    act: str = Field(description="reply, assign, appeal, close, or withdraw by a source")
    text: str
    at: datetime
    by: str

    @classmethod
    def of(cls, act: FindingAct) -> ActShape:
        return cls(act=act.act, text=act.text, at=act.at, by=act.by_name)


class FindingViewShape(FindingShape):
    """A finding with everything that was said about it."""

    acts: tuple[ActShape, ...]

    @classmethod
    def view(cls, view: FindingView) -> FindingViewShape:
        told = FindingShape.told(view.told)
        return cls(**dict(told), acts=tuple(map(ActShape.of, view.acts)))


class HoleShape(Shape):
    """Time of a scene without footage."""

    began_at: datetime
    ended_at: datetime
    place: str = Field(description="start, middle, end or whole")
    reason: str | None


class SceneShape(Shape):
    """A scene and what of it is recorded."""

    key: str
    kind: str
    state: str = Field(description="recorded, holes, unrecorded, awaited, open, optional or exempt")
    level: str
    rule: str | None = Field(description="code of the rule in the list")
    legal_basis: str | None
    act_type: str | None
    stage: str | None
    began_at: datetime
    ended_at: datetime | None
    expected_ms: int
    covered_ms: int
    holes: tuple[HoleShape, ...]
    recordings: tuple[uuid.UUID, ...]
    officers: tuple[str, ...]
    due_at: datetime = Field(description="from when on what is missing counts as missing")
    provisional: bool = Field(description="due_at rests on holidays not announced yet")
    confidence: str

    @classmethod
    def of(cls, scene: SceneCoverage) -> SceneShape:
        return cls(
            key=scene.key,
            kind=scene.kind.value,
            state=scene.state.value,
            level=scene.level.value,
            rule=scene.rule,
            legal_basis=scene.legal_basis,
            act_type=scene.act_type.value if scene.act_type else None,
            stage=scene.stage.value if scene.stage else None,
            began_at=scene.began_at,
            ended_at=scene.ended_at,
            expected_ms=scene.expected_ms,
            covered_ms=scene.covered_ms,
            holes=tuple(
                HoleShape(
                    began_at=hole.span.began_at,
                    ended_at=hole.span.ended_at,
                    place=hole.place.value,
                    reason=hole.reason,
                )
                for hole in scene.holes
            ),
            recordings=scene.recordings,
            officers=scene.officers,
            due_at=scene.due_at,
            provisional=scene.provisional,
            confidence=scene.confidence.value,
        )


class CoverageShape(Shape):
    """A case at a moment."""

    at: datetime
    scenes: tuple[SceneShape, ...]
    found: tuple[FoundShape, ...] = Field(description="what the facts of that moment come to")
    findings: tuple[FindingShape, ...] = Field(
        description="as they are kept now; empty for a past moment"
    )

    @classmethod
    def of(cls, case: CaseCoverage) -> CoverageShape:
        return cls(
            at=case.at,
            scenes=tuple(map(SceneShape.of, case.evaluation.scenes)),
            found=tuple(map(FoundShape.of, case.evaluation.findings)),
            findings=tuple(map(FindingShape.told, case.findings)),
        )
