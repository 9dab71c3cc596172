"""What another system says happened in a case: scenes and moments, documents, who was there.

The kinds are the ones that the record of a whole process turns on (requirements R1, R2, R4, R8,
R11, R17); codes of other systems are mapped to them (docs/design/whole-process.md).
"""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import Stage
from recorder.domain.ids import AgencyId, CaseId


class ActType(enum.StrEnum):
    """The kinds of administrative acts (行政处罚, 检查, 强制, 许可, 征收, 征用)."""

    PENALTY = "penalty"
    INSPECTION = "inspection"
    COERCION = "coercion"
    LICENCE = "licence"
    LEVY = "levy"
    REQUISITION = "requisition"


class EventKind(enum.StrEnum):
    """What happened. The scenes last; the moments do not."""

    #: 现场检查
    ONSITE_INSPECTION = "onsite_inspection"
    #: 调查取证
    EVIDENCE_TAKING = "evidence_taking"
    #: 询问
    QUESTIONING = "questioning"
    #: 抽样取证
    SAMPLING = "sampling"
    #: 先行登记保存
    PRESERVATION = "preservation"
    #: 查封、扣押
    SEIZURE = "seizure"
    #: 强制拆除
    DEMOLITION = "demolition"
    #: 听证
    HEARING = "hearing"
    #: 直接送达
    SERVICE_IN_PERSON = "service_in_person"
    #: 留置送达
    SERVICE_BY_LEAVING = "service_by_leaving"
    #: 公告送达
    SERVICE_BY_ANNOUNCEMENT = "service_by_announcement"
    #: 其他强制执行
    EXECUTION = "execution"
    #: 办案场所
    PREMISES = "premises"
    # Moments.
    ARRIVAL = "arrival"
    LEAVING = "leaving"
    #: 扫码
    SCAN = "scan"
    #: 立案
    FILING = "filing"
    #: 告知
    NOTICE = "notice"
    #: 法制审核
    REVIEW = "review"
    DECISION = "decision"
    CLOSURE = "closure"

    @property
    def is_scene(self) -> bool:
        return self not in _MOMENTS


_MOMENTS = frozenset(
    {
        EventKind.ARRIVAL,
        EventKind.LEAVING,
        EventKind.SCAN,
        EventKind.FILING,
        EventKind.NOTICE,
        EventKind.REVIEW,
        EventKind.DECISION,
        EventKind.CLOSURE,
    }
)


@dataclass(frozen=True, slots=True)
class EventOfficer:
    """Somebody who took part, as the other system names them."""

    number: str
    #: The number of the enforcement certificate, where it was said.
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees in WGS 84; words as they came."""

    latitude: float | None = None
    longitude: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a scene may go unrecorded, and who said so (R15)."""

    reason: str
    approver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """The winning revision of one event of a case."""

    id: uuid.UUID
    case: CaseId
    #: The organ in whose name it was done.
    agency: AgencyId
    source: str
    #: The source's own key, by which corrections and withdrawals find it.
    key: str
    kind: EventKind
    act_type: ActType | None
    stage: Stage | None
    #: For a scene the arrival, for a moment the moment.
    began_at: datetime
    #: The leaving; None for a moment, and for a scene whose end has not been told.
    ended_at: datetime | None = None
    visit: str | None = None
    officers: tuple[EventOfficer, ...] = ()
    place: Place | None = None
    matter: str | None = None
    #: The registration of the company code that was scanned (R17).
    scan: str | None = None
    exemption: Exemption | None = None
    #: When we first heard of it.
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDocument:
    """The winning revision of one document: a record, notice, decision or proof of service."""

    id: uuid.UUID
    case: CaseId
    agency: AgencyId
    source: str
    key: str
    #: The source's word for what it is, mapped where its mapping says so.
    document: str
    #: Key of the event that it records, where it was said.
    event: str | None
    occurred_at: datetime
    #: Beginning and end as the document itself says them (R10).
    began_at: datetime | None = None
    ended_at: datetime | None = None
    officers: tuple[EventOfficer, ...] = ()
    received_at: datetime
