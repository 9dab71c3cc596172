"""What happens to people, devices, docks and tokens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events.base import CustodyEvent, SubjectKind


@dataclass(frozen=True, kw_only=True)
class AgencyAdded(CustodyEvent):
    SUBJECT = SubjectKind.AGENCY
    code: str
    title: str


@dataclass(frozen=True, kw_only=True)
class PersonAdded(CustodyEvent):
    SUBJECT = SubjectKind.PERSON
    login: str
    role: str
    city: bool


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(CustodyEvent):
    SUBJECT = SubjectKind.PERSON
    login: str


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(CustodyEvent):
    """Sessions of a person were ended otherwise than by signing out there."""

    SUBJECT = SubjectKind.PERSON
    login: str
    sessions: int


@dataclass(frozen=True, kw_only=True)
class PersonStateChanged(CustodyEvent):
    """A person was suspended, which ends every session, or active again."""

    SUBJECT = SubjectKind.PERSON
    login: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LoginLinkMade(CustodyEvent):
    """An address exists that signs the person in once."""

    SUBJECT = SubjectKind.PERSON
    login: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class SecondFactorSet(CustodyEvent):
    """From now on signing in by password asks for a code as well."""

    SUBJECT = SubjectKind.PERSON
    login: str


@dataclass(frozen=True, kw_only=True)
class SecondFactorEnded(CustodyEvent):
    """No code is asked for any more, by the person's or an operator's wish."""

    SUBJECT = SubjectKind.PERSON
    login: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesMade(CustodyEvent):
    """New recovery codes exist; older ones no longer count."""

    SUBJECT = SubjectKind.PERSON
    login: str
    codes: int


@dataclass(frozen=True, kw_only=True)
class SignedIn(CustodyEvent):
    SUBJECT = SubjectKind.PERSON
    login: str
    #: password, login_link, password_and_code or password_and_recovery_code
    means: str
    #: From where (R64).
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class SignInRefused(CustodyEvent):
    """A wrong sign-in; of a login that nobody has, the subject is the nil UUID and login empty."""

    SUBJECT = SubjectKind.PERSON
    login: str
    #: unknown, password, suspended or code
    reason: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class SignedOut(CustodyEvent):
    SUBJECT = SubjectKind.PERSON
    login: str


@dataclass(frozen=True, kw_only=True)
class DeviceAdded(CustodyEvent):
    SUBJECT = SubjectKind.DEVICE
    number: str


@dataclass(frozen=True, kw_only=True)
class DeviceStateChanged(CustodyEvent):
    SUBJECT = SubjectKind.DEVICE
    number: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DeviceHandedOver(CustodyEvent):
    """A line of the hand-over log (R22): from then on this officer wears the device."""

    SUBJECT = SubjectKind.DEVICE
    number: str
    officer: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class EnrolmentCodeMade(CustodyEvent):
    """A one-time code by which the device may fetch a token; older codes no longer do."""

    SUBJECT = SubjectKind.DEVICE
    number: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeviceEnrolled(CustodyEvent):
    SUBJECT = SubjectKind.DEVICE
    number: str
    token: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class DockAdded(CustodyEvent):
    SUBJECT = SubjectKind.DOCK
    title: str


@dataclass(frozen=True, kw_only=True)
class TokenIssued(CustodyEvent):
    SUBJECT = SubjectKind.TOKEN
    title: str
    role: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(CustodyEvent):
    SUBJECT = SubjectKind.TOKEN
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GatewayAdded(CustodyEvent):
    """The dock is a media server of others: it asks us about publishers by hooks."""

    SUBJECT = SubjectKind.DOCK
    title: str
    kind: str
    trusted_apps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GatewaySecretChanged(CustodyEvent):
    """Hooks with the former secret count for nothing."""

    SUBJECT = SubjectKind.DOCK
    title: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GatewayRevoked(CustodyEvent):
    """No hook of it counts any more. Its dock may go on uploading what it has."""

    SUBJECT = SubjectKind.DOCK
    title: str
    reason: str
