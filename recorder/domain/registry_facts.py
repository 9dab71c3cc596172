"""What the rows of registries say beside key and days; equal facts are one and the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.case_event import ActType
from recorder.domain.ids import AgencyId
from recorder.domain.organisation import OrganisationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFacts:
    name: str
    kind: OrganisationKind
    short_name: str = ""
    parent: AgencyId | None = None
    #: Unified social credit code as written, and whether its check digit fits.
    uscc: str = ""
    uscc_valid: bool = True
    region: str = ""
    #: The agencies whose place it took, in order of their ids.
    predecessors: tuple[AgencyId, ...] = ()
    #: In whose name an entrusted body or a branch acts.
    on_behalf_of: AgencyId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerFacts:
    agency: AgencyId
    name: str
    #: As devices know the officer.
    user_number: str = ""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Number and holder are the key and the days say the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """The fields of GA/T 947; codes are text, never numbers."""

    agency: AgencyId
    serial: str = ""
    user_number: str = ""
    user_name: str = ""
    unit_number: str = ""
    unit_name: str = ""
    #: The names as the device holds them, where they came as bytes.
    user_name_raw: bytes | None = None
    unit_name_raw: bytes | None = None
    gb28181: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterFacts:
    name: str
    act_type: ActType | None = None
    legal_basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFacts:
    #: statutory or authorised
    kind: str
    announced_at: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrustmentFacts:
    document: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFacts:
    """Officer and beginning are the key."""

    agency: AgencyId
    ends_at: datetime
    duty: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayFacts:
    #: holiday or workday
    kind: str
    name: str = ""
