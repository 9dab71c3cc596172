"""Findings: one thing expected and not found, or found and not expected, with its rule.

A finding carries a kind and facts; the web makes its sentences. It asks for an answer and is no
legal judgement.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recorder.domain.ids import AgencyId, CaseId, RecordingId

_NAMES = uuid.UUID("5b1d2c52-6f0e-5d0c-9a57-3d7d1a6c8e11")


class FindingKind(enum.StrEnum):
    """Stable words: other systems count by them."""

    #: 应录未录
    UNRECORDED = "unrecorded"
    #: 录制起点晚于到达
    BEGINS_LATE = "begins_late"
    #: 录制终点早于离开
    ENDS_EARLY = "ends_early"
    #: 无说明中断
    GAP_UNEXPLAINED = "gap_unexplained"
    #: 到达后未见离开
    END_UNKNOWN = "end_unknown"
    #: 未告知正在录音录像
    ANNOUNCEMENT_MISSING = "announcement_missing"
    #: 无语音说明
    VOICE_STATEMENT_MISSING = "voice_statement_missing"
    #: 单人执法
    TOO_FEW_OFFICERS = "too_few_officers"
    #: 无证、过期执法
    CERTIFICATE_INVALID = "certificate_invalid"
    #: 执法人员未登记
    OFFICER_UNKNOWN = "officer_unknown"
    #: 执法主体未公告
    SUBJECT_UNPUBLISHED = "subject_unpublished"
    #: 超出委托
    ENTRUSTMENT_INVALID = "entrustment_invalid"
    #: 事项不属本机关
    MATTER_ELSEWHERE = "matter_elsewhere"
    #: 音像与文书时间不符
    DOCUMENT_TIME_DIFFERS = "document_time_differs"
    #: 一人两地同时
    OFFICER_IN_TWO_PLACES = "officer_in_two_places"
    #: 一机两地同时
    DEVICE_IN_TWO_PLACES = "device_in_two_places"
    #: 超期上传
    UPLOAD_LATE = "upload_late"
    #: 有扫码无录像
    SCAN_UNRECORDED = "scan_unrecorded"
    #: 有录像无扫码
    RECORDING_UNSCANNED = "recording_unscanned"
    #: 设备无人领用
    DEVICE_UNASSIGNED = "device_unassigned"
    #: 录制人与领用人不符
    OFFICER_DISAGREES = "officer_disagrees"
    #: 非当班录制
    RECORDED_OFF_DUTY = "recorded_off_duty"
    #: 录像不在任何执法事项内
    FOOTAGE_OUTSIDE_SCENES = "footage_outside_scenes"
    #: 免录无批准人
    EXEMPTION_UNAPPROVED = "exemption_unapproved"
    #: 案件过大，未核查
    CASE_TOO_LARGE = "case_too_large"


class Severity(enum.StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    NOTICE = "notice"


class Confidence(enum.StrEnum):
    """How sure the facts are that a finding rests on."""

    CERTAIN = "certain"
    #: Footage was placed by a clock that had to be corrected, or that nobody compared.
    PROBABLE = "probable"
    #: There is footage that cannot be placed or was not admitted and might answer it.
    DOUBTFUL = "doubtful"


#: The rules that hold in the whole country; a duty list names those of its province or trade.
STATUTES: dict[FindingKind, str] = {
    FindingKind.TOO_FEW_OFFICERS: "《中华人民共和国行政处罚法》第四十二条",
    FindingKind.CERTIFICATE_INVALID: "《中华人民共和国行政处罚法》第四十二条、第五十五条",
    FindingKind.OFFICER_UNKNOWN: "《中华人民共和国行政处罚法》第四十二条、第五十五条",
    FindingKind.SUBJECT_UNPUBLISHED: "《中华人民共和国行政处罚法》第十七条",
    FindingKind.ENTRUSTMENT_INVALID: "《中华人民共和国行政处罚法》第二十条",
    FindingKind.MATTER_ELSEWHERE: "《中华人民共和国行政处罚法》第二十四条",
}
#: What everything else rests on where neither the rule nor the list says more.
WHOLE_PROCESS = "《中华人民共和国行政处罚法》第四十七条"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an evaluation says about one thing; plain values, so that two can be compared."""

    case: CaseId
    agency: AgencyId
    kind: FindingKind
    severity: Severity
    confidence: Confidence
    #: The rule in words: name and article.
    rule: str
    #: The scene's key; None for what is about footage alone.
    scene: str | None
    #: What of that scene or footage it is about: a number, an id, a moment.
    about: str
    #: When it began: the day it is counted on, in China.
    began_at: datetime
    ended_at: datetime | None = None
    recordings: tuple[RecordingId, ...] = ()
    #: Whom it is about, by number.
    officers: tuple[str, ...] = ()
    #: What the sentences are filled with: text, whole numbers, times as RFC 3339.
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def identity(self) -> uuid.UUID:
        """The same for the same thing, however often it is evaluated."""
        return uuid.uuid5(
            _NAMES, f"{self.case}\n{self.kind.value}\n{self.scene or ''}\n{self.about}"
        )


class FindingState(enum.StrEnum):
    """Where the conversation about a finding stands."""

    OPEN = "open"
    #: The agency has answered; whoever asked decides.
    REPLIED = "replied"
    #: The agency does not accept the finding or its closure.
    APPEALED = "appealed"
    #: A person has settled it.
    CLOSED = "closed"
    #: The facts that it rested on are no more: footage came, a correction, a withdrawal.
    WITHDRAWN = "withdrawn"


#: The moves of people; withdrawing and raising again are the evaluation's.
MOVES: dict[FindingState, frozenset[FindingState]] = {
    FindingState.OPEN: frozenset(
        {FindingState.REPLIED, FindingState.APPEALED, FindingState.CLOSED}
    ),
    FindingState.REPLIED: frozenset(
        {FindingState.REPLIED, FindingState.APPEALED, FindingState.CLOSED}
    ),
    FindingState.APPEALED: frozenset({FindingState.CLOSED}),
    FindingState.CLOSED: frozenset({FindingState.APPEALED}),
    FindingState.WITHDRAWN: frozenset(),
}
