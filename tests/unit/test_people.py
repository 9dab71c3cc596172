"""What each role may do, and whose rows each actor sees."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from recorder.domain.ids import AgencyId, DeviceId, DockId
from recorder.domain.people import (
    EVERYTHING,
    GRANTS,
    NOBODY,
    OPERATOR,
    SERVICE,
    Actor,
    ActorKind,
    Permission,
    Role,
    Scope,
    worker,
)

OURS = AgencyId(uuid.UUID(int=1))
ABOVE = AgencyId(uuid.UUID(int=4))
DEVICE = DeviceId(uuid.UUID(int=2))
DOCK = DockId(uuid.UUID(int=3))
EVIDENCE = {Permission.WATCH}
#: Everything that only a person decides.
DECISIONS = {Permission.ADMIT, Permission.EDIT_CASES, Permission.LINK}


def actor(role: Role) -> Actor:
    kind = {Role.DEVICE: ActorKind.DEVICE, Role.DOCK: ActorKind.DOCK}.get(role, ActorKind.PERSON)
    return Actor(
        kind,
        "id",
        "name",
        role=role,
        agency=OURS,
        device=DEVICE if role is Role.DEVICE else None,
        dock=DOCK if role is Role.DOCK else None,
        officer="0001" if role is Role.OFFICER else None,
    )


def granted(who: Actor) -> set[Permission]:
    return {permission for permission in Permission if who.may(permission)}


def test_every_role_has_its_grants_and_no_grant_is_forgotten() -> None:
    assert set(GRANTS) == set(Role)
    everybodys = {Permission.PUBLIC, Permission.SIGNED_IN}
    assert set().union(*GRANTS.values()) | everybodys == set(Permission)


def test_nobody_may_only_what_is_public() -> None:
    assert granted(NOBODY) == {Permission.PUBLIC}


@pytest.mark.parametrize("role", [Role.DEVICE, Role.DOCK])
def test_machines_upload_and_read_receipts_and_nothing_else(role: Role) -> None:
    expected = {
        Permission.PUBLIC,
        Permission.SIGNED_IN,
        Permission.UPLOAD,
        Permission.DELIVER,
        Permission.READ_RECORDINGS,
    }
    assert granted(actor(role)) == expected


def test_a_supervisor_may_all_that_an_officer_may() -> None:
    assert granted(actor(Role.OFFICER)) < granted(actor(Role.SUPERVISOR))


def test_who_administers_does_not_watch_and_who_watches_does_not_administer() -> None:
    administrator = granted(actor(Role.ADMINISTRATOR))
    assert not administrator & (EVIDENCE | DECISIONS | {Permission.UPLOAD, Permission.DELIVER})
    for role in set(Role) - {Role.ADMINISTRATOR}:
        assert Permission.ADMINISTER not in granted(actor(role))


@pytest.mark.parametrize("role", list(Role))
def test_a_suspended_actor_may_upload_at_most(role: Role) -> None:
    suspended = dataclasses.replace(actor(role), suspended=True)
    assert granted(suspended) <= {Permission.PUBLIC, Permission.UPLOAD, Permission.DELIVER}


def test_everybody_sees_the_own_agency_and_machines_and_officers_their_own() -> None:
    assert actor(Role.SUPERVISOR).scope == Scope(OURS)
    assert actor(Role.ADMINISTRATOR).scope == Scope(OURS)
    assert actor(Role.OFFICER).scope == Scope(OURS, officer="0001")
    assert actor(Role.DEVICE).scope == Scope(OURS, device=DEVICE)
    assert actor(Role.DOCK).scope == Scope(OURS, dock=DOCK)


def test_an_officer_without_a_number_sees_the_own_agency() -> None:
    assert dataclasses.replace(actor(Role.OFFICER), officer=None).scope == Scope(OURS)


def test_the_city_scope_reaches_every_agency_but_not_every_officer() -> None:
    assert dataclasses.replace(actor(Role.SUPERVISOR), city=True).scope == EVERYTHING
    city_officer = dataclasses.replace(actor(Role.OFFICER), city=True)
    assert city_officer.scope == Scope(None, officer="0001")


def test_who_has_no_agency_sees_nothing_rather_than_everything() -> None:
    stray = dataclasses.replace(actor(Role.SUPERVISOR), agency=None)
    assert stray.scope.agency not in (None, OURS)
    assert NOBODY.scope.agency is not None


def test_the_service_its_workers_and_its_operator_see_everything() -> None:
    for ours in (SERVICE, OPERATOR, worker("host-1-abc")):
        assert ours.scope == EVERYTHING


@pytest.mark.parametrize(
    ("who", "watches"),
    [
        (actor(Role.OFFICER), True),
        (dataclasses.replace(actor(Role.OFFICER), officer="0002"), False),
        (dataclasses.replace(actor(Role.OFFICER), officer=None), False),
        (actor(Role.SUPERVISOR), True),
        (dataclasses.replace(actor(Role.SUPERVISOR), agency=ABOVE, branches=(OURS,)), True),
        (dataclasses.replace(actor(Role.SUPERVISOR), agency=ABOVE, below=(OURS,)), False),
        (dataclasses.replace(actor(Role.SUPERVISOR), agency=ABOVE, city=True), False),
        (dataclasses.replace(actor(Role.SUPERVISOR), kind=ActorKind.PROGRAM), False),
        (dataclasses.replace(actor(Role.EMBEDDER), kind=ActorKind.PROGRAM), False),
        (actor(Role.ADMINISTRATOR), False),
        (NOBODY, False),
    ],
)
def test_restricted_footage_is_for_its_officer_and_supervisors_of_its_own_organ(
    who: Actor, watches: bool
) -> None:
    assert who.sees_pictures_of(OURS, "0001", restricted=True) is watches
    assert who.sees_pictures_of(OURS, "0001", restricted=False)


def test_footage_of_nobody_is_no_officers_own() -> None:
    stray = dataclasses.replace(actor(Role.OFFICER), officer=None)
    assert not stray.sees_pictures_of(OURS, None, restricted=True)
