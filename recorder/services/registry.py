"""Devices, docks, who wore which device, enrolment, and bearer tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.events import (
    DeviceAdded,
    DeviceEnrolled,
    DeviceHandedOver,
    DeviceStateChanged,
    DockAdded,
    EnrolmentCodeMade,
    TokenIssued,
    TokenRevoked,
)
from recorder.domain.ids import AgencyId, DeviceId, DockId, TokenId, new_uuid
from recorder.domain.people import NOBODY, Actor, ActorKind, Role
from recorder.errors import Conflict, Forbidden, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import accounts, names, organs, secrecy
from recorder.services.sign_in import take_attempt
from recorder.store import attribution, devices, people, tokens
from recorder.store.change import Change
from recorder.store.devices import Device, Dock
from recorder.store.tokens import Token

DEVICE_STATES = ("active", "suspended", "lost")
CODE_LIFE = timedelta(days=7)
#: Crockford's base32 without letters that are read as digits: 10 characters hold 50 bits.
_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 10
_CODE_READ_AS = str.maketrans("OIL", "011", " -")
#: A log may be written up to a day early; beyond that it is a slip of the pen.
_EARLIEST_NOTE = timedelta(days=1)
#: Attempts to enrol are counted as if for this login. Logins are folded: nobody can type it.
_ENROLMENT = "ENROL "


@dataclass(frozen=True, slots=True)
class AddedDevice:
    """A new device with its bearer token, which is shown once."""

    device: Device
    token: str
    token_id: TokenId


@dataclass(frozen=True, slots=True)
class AddedDock:
    """A new dock with its bearer token, which is shown once."""

    dock: Dock
    token: str
    token_id: TokenId


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A program's bearer token, which is shown once."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True)
class EnrolledDevice:
    """What a device gets for its one-time code."""

    token: str
    #: The service's public key in the text form of signed notes; the device pins it.
    verifier_key: str
    device: Device


# --- adding ----------------------------------------------------------------------------------


async def add_device(
    deps: Deps, actor: Actor, *, number: str, agency: str | None = None
) -> AddedDevice:
    """A device that may upload from now on.

    Raises Conflict ``device-exists``: numbers are written by the devices themselves and exist
    once, whatever the agency. InvalidInput ``name-invalid``, NotFound ``agency-not-found``.
    """
    named = names.checked(number, "device number")
    async with deps.change(actor) as change:
        home = await organs.named(deps, change, agency)
        device = Device(
            id=DeviceId(new_uuid(change.now)),
            agency=home.id,
            agency_code=home.code,
            number=named,
            state="active",
            created_at=change.now,
        )
        if not await devices.insert(change, device):
            raise Conflict("device-exists", f"There is a device {named} already.")
        change.record(DeviceAdded(subject=device.id, agency=home.id, number=named))
        token, secret = await issue(change, home.id, named, Role.DEVICE, device=device.id)
    return AddedDevice(device, secret, token.id)


async def add_dock(deps: Deps, actor: Actor, *, name: str, agency: str | None = None) -> AddedDock:
    """A dock that may upload for devices of its agency from now on.

    Raises Conflict ``dock-exists``, InvalidInput ``name-invalid``, NotFound ``agency-not-found``.
    """
    async with deps.change(actor) as change:
        return await insert_dock(deps, change, name=name, agency=agency)


async def insert_dock(deps: Deps, change: Change, *, name: str, agency: str | None) -> AddedDock:
    """As ``add_dock``, together with something more."""
    named = names.checked(name, "name")
    home = await organs.named(deps, change, agency)
    number = DockId(new_uuid(change.now))
    dock = Dock(id=number, agency=home.id, agency_code=home.code, name=named)
    if not await devices.insert_dock(change, dock):
        raise Conflict("dock-exists", f"The agency {home.code} has a dock {named} already.")
    change.record(DockAdded(subject=dock.id, agency=home.id, title=named))
    token, secret = await issue(change, home.id, named, Role.DOCK, dock=dock.id)
    return AddedDock(dock, secret, token.id)


async def add_token(
    deps: Deps,
    actor: Actor,
    *,
    name: str,
    role: Role | str,
    agency: str | None = None,
    city: bool = False,
) -> AddedToken:
    """A token by which a program acts with a person's role, or reads.

    Raises InvalidInput ``role-unknown``: tokens of devices and docks come with these.
    """
    if role in (Role.DEVICE, Role.DOCK, Role.SOURCE):
        raise InvalidInput(
            "role-unknown", f"The token of a {role} comes with it: add the {role} instead."
        )
    if role not in accounts.PROGRAMS_ROLES:
        raise InvalidInput(
            "role-unknown", f"The role of a token is one of: {', '.join(accounts.PROGRAMS_ROLES)}."
        )
    accounts.refuse_city(actor, city)
    named = names.checked(name, "name")
    async with deps.change(actor) as change:
        home = await organs.named(deps, change, agency)
        token, secret = await issue(change, home.id, named, Role(role), city=city)
    return AddedToken(token, secret)


async def issue(
    change: Change,
    agency: AgencyId,
    name: str,
    role: Role,
    *,
    device: DeviceId | None = None,
    dock: DockId | None = None,
    city: bool = False,
) -> tuple[Token, str]:
    """A new token and its secret, inside a change that says more of whose it is."""
    secret = secrecy.new_token()
    token = Token(
        id=TokenId(new_uuid(change.now)),
        agency=agency,
        name=name,
        role=role,
        device=device,
        dock=dock,
        city=city,
        created_at=change.now,
        revoked_at=None,
    )
    await tokens.insert(change, token, secrecy.hash_of(secret))
    change.record(TokenIssued(subject=token.id, agency=agency, title=name, role=role.value))
    return token, secret


# --- changing --------------------------------------------------------------------------------


async def set_device_state(
    deps: Deps, actor: Actor, *, device: DeviceId, state: str, reason: str
) -> Device:
    """Active, suspended or lost. Footage of one that is not active is quarantined, not refused.

    Raises NotFound ``device-not-found``, InvalidInput ``device-state-unknown`` or
    ``reason-missing``, Conflict ``device-state`` when it is in that state.
    """
    if state not in DEVICE_STATES:
        raise InvalidInput(
            "device-state-unknown", f"The state of a device is one of: {', '.join(DEVICE_STATES)}."
        )
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        found = await _device(change, device)
        if found.state == state or not await devices.set_state(
            change, found.id, found.state, state
        ):
            raise Conflict("device-state", f"The device {found.number} is {state} already.")
        change.record(
            DeviceStateChanged(
                subject=found.id,
                agency=found.agency,
                number=found.number,
                before=found.state,
                after=state,
                reason=why,
            )
        )
        return await _device(change, device)


async def hand_over(
    deps: Deps,
    actor: Actor,
    *,
    device: DeviceId,
    officer: str | None,
    at: datetime | None = None,
) -> None:
    """A line of the hand-over log (R22): from ``at`` (else now) on this officer wears the device.

    Without an officer it has been handed back. Lines may be added late, never changed; the same
    line again is harmless. Footage that is there already keeps the officer it came with.

    Raises NotFound ``device-not-found``, Conflict ``handover-exists`` for another officer at the
    same moment, InvalidInput ``handover-time``.
    """
    named = names.checked(officer, "officer") if officer else None
    try:
        async with deps.change(actor) as change:
            found = await _device(change, device)
            moment = at or change.now
            if moment.tzinfo is None or moment > change.now + _EARLIEST_NOTE:
                raise InvalidInput(
                    "handover-time", "A hand-over has a time with a zone, not later than tomorrow."
                )
            if not await devices.insert_handover(change, found.id, new_uuid(), named, moment):
                there = await devices.handover_at(change.connection, found.id, moment)
                if there is None or there.officer != named:
                    raise Conflict(
                        "handover-exists", "The log names somebody else at this very moment."
                    )
                raise _Noted
            await attribution.log_changed(change.connection, {found.id: (moment, moment)})
            change.record(
                DeviceHandedOver(
                    subject=found.id,
                    agency=found.agency,
                    number=found.number,
                    officer=named,
                    at=moment,
                )
            )
    except _Noted:
        return


class _Noted(Exception):
    """Leaves a Change in which there was nothing to note."""


async def revoke_token(deps: Deps, actor: Actor, token_id: TokenId, *, reason: str) -> None:
    """The token is worthless. Raises NotFound ``token-not-found``, Conflict ``token-revoked``."""
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        token = await tokens.find(change.connection, token_id, actor.scope)
        if token is None:
            raise NotFound("token-not-found", "There is no such token.")
        if not await tokens.revoke(change, token_id):
            raise Conflict("token-revoked", "The token is revoked already.")
        change.record(_revoked(token, why))


async def revoke_device_tokens(deps: Deps, actor: Actor, *, device: DeviceId, reason: str) -> int:
    """Every token of the device is worthless; gives how many were not. The device may enrol anew.

    Raises Conflict ``token-revoked`` when there was none.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        found = await _device(change, device)
        revoked = await tokens.revoke_of_device(change, found.id)
        if not revoked:
            raise Conflict("token-revoked", f"The device {found.number} has no token.")
        for token in revoked:
            change.record(_revoked(token, why))
    return len(revoked)


def _revoked(token: Token, reason: str) -> TokenRevoked:
    return TokenRevoked(subject=token.id, agency=token.agency, title=token.name, reason=reason)


# --- enrolment -------------------------------------------------------------------------------


async def enrolment_code(deps: Deps, actor: Actor, *, device: DeviceId) -> str:
    """A code like ``7K2QD-9XVTM`` by which the device fetches its token once within seven days.

    Codes made for it before no longer do. Raises NotFound ``device-not-found``, Conflict
    ``device-state`` for a device that is not active.
    """
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    async with deps.change(actor) as change:
        found = await _device(change, device)
        if found.state != "active":
            raise Conflict("device-state", f"The device {found.number} is {found.state}.")
        expires_at = change.now + CODE_LIFE
        await devices.replace_enrolment_code(change, found.id, secrecy.hash_of(letters), expires_at)
        change.record(
            EnrolmentCodeMade(
                subject=found.id,
                agency=found.agency,
                number=found.number,
                expires_at=expires_at,
            )
        )
    return f"{letters[:5]}-{letters[5:]}"


async def enrol(deps: Deps, code: str, *, address: str = "") -> EnrolledDevice:
    """The device's own token for a code, which is used up by this.

    Upper and lower case, blanks and dashes do not matter, nor O for 0 and I or L for 1. Raises
    Forbidden ``enrolment-refused``, the same for unknown, used and old codes; RateLimited for an
    address that tries too often.
    """
    place = names.place_of(address)
    attempt = f"{_ENROLMENT}{place}"
    await take_attempt(deps, attempt, place)
    letters = code[:64].upper().translate(_CODE_READ_AS)
    async with deps.change(NOBODY) as change:
        device = await devices.use_enrolment_code(change, secrecy.hash_of(letters))
        if device is None:
            raise Forbidden(
                "enrolment-refused", "This code is unknown, used or too old; ask for a new one."
            )
        await people.forget_attempts(change.connection, attempt, place)
        change.actor = _as_device(device)
        token, secret = await issue(
            change, device.agency, device.number, Role.DEVICE, device=device.id
        )
        change.record(
            DeviceEnrolled(
                subject=device.id, agency=device.agency, number=device.number, token=token.id
            )
        )
    return EnrolledDevice(secret, deps.signer.verifier.to_text(), device)


def _as_device(device: Device) -> Actor:
    return Actor(
        ActorKind.DEVICE,
        str(device.id),
        device.number,
        role=Role.DEVICE,
        agency=device.agency,
        device=device.id,
    )


# --- looking up ------------------------------------------------------------------------------


async def device(deps: Deps, actor: Actor, device_id: DeviceId) -> Device:
    """The device of this id in the actor's scope. Raises NotFound ``device-not-found``."""
    async with deps.database.acquire() as connection:
        found = await devices.find(connection, device_id, actor.scope)
    if found is None:
        raise _no_device()
    return found


async def device_by_number(deps: Deps, actor: Actor, number: str) -> Device:
    """The device of this number in the actor's scope. Raises NotFound ``device-not-found``."""
    async with deps.database.acquire() as connection:
        found = await devices.find_by_number(connection, names.visible(number), actor.scope)
    if found is None:
        raise NotFound("device-not-found", f"There is no device {number}.")
    return found


async def _device(change: Change, device: DeviceId) -> Device:
    found = await devices.find(change.connection, device, change.actor.scope)
    if found is None:
        raise _no_device()
    return found


def _no_device() -> NotFound:
    return NotFound("device-not-found", "There is no such device.")
